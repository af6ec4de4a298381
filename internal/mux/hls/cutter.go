package hls

import (
	"math"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
)

// slack is how much longer than the target a piece may become before a track
// that does not lead cuts it: an EXTINF is compared after rounding.
const slack = 400 * time.Millisecond

// Cut is the Cutter's answer to a sample.
type Cut struct {
	// New tells that the sample begins a new piece. It is true for the first one.
	New bool

	// Duration is the EXTINF of the piece that ends here, 0 if none does.
	Duration time.Duration

	// Dependent tells that the new piece begins within a GOP.
	Dependent bool

	// Gap tells that time jumped before the new piece: it needs a discontinuity.
	Gap bool
}

// Cutter decides where a stream is cut into pieces: at the first key frame of
// the leading track (the first video track, else the first track) at or after
// the wanted length; within a GOP before the target duration would be broken.
type Cutter struct {
	segment time.Duration
	target  int // seconds; 0 until it is fixed
	lead    int
	video   bool

	tracks  []clocks
	open    bool          // a piece is open
	start   time.Duration // of the open piece
	end     time.Duration // of the media in it
	key     time.Duration // the last key frame
	longest time.Duration // GOP
}

// clocks is what the Cutter remembers of a track.
type clocks struct {
	rate      int
	last, end time.Duration
	any       bool
}

// NewCutter cuts pieces of segment length. target is that of the playlist in
// seconds, 0 for a new one.
func NewCutter(tracks []hooks.Track, segment time.Duration, target int) *Cutter {
	c := &Cutter{segment: max(segment, 100*time.Millisecond), target: target, lead: piece.Lead(tracks)}
	for i := range tracks {
		c.tracks = append(c.tracks, clocks{rate: max(1, tracks[i].ClockRate)})
	}
	c.video = len(tracks) > 0 && tracks[c.lead].Codec.IsVideo()
	return c
}

// Next tells what to do before s is written. Samples come in the order of Write.
func (c *Cutter) Next(s *mux.Sample) Cut {
	if s.Track < 0 || s.Track >= len(c.tracks) {
		return Cut{}
	}
	t := &c.tracks[s.Track]
	at := piece.Time(s.DTS, t.rate)
	end := at + t.length(s, at)
	cut := c.decide(s, at, end)
	if cut.New {
		c.start, c.end, c.open = at, at, true
	}
	if s.Track == c.lead && s.Sync && c.video {
		if c.key > 0 || c.longest > 0 {
			c.longest = max(c.longest, at-c.key)
		}
		c.key = at
	}
	t.last, t.end, t.any = at, end, true
	c.end = max(c.end, end)
	return cut
}

// length estimates the duration of a sample: as it says, else as the one before.
func (t *clocks) length(s *mux.Sample, at time.Duration) time.Duration {
	switch {
	case s.Dur > 0:
		return piece.Time(s.Dur, t.rate)
	case t.any && at > t.last:
		return at - t.last
	}
	return 40 * time.Millisecond
}

func (c *Cutter) decide(s *mux.Sample, at, end time.Duration) Cut {
	leading := s.Track == c.lead
	dependent := c.video && (!leading || !s.Sync)
	if !c.open {
		return Cut{New: true, Dependent: dependent}
	}
	limit := c.limit()
	switch {
	case leading && s.Sync && at-c.start >= c.segment:
	case leading && end-c.start > limit:
	case !leading && end-c.start > limit+slack:
	default:
		return Cut{}
	}
	cut := Cut{New: true, Duration: at - c.start, Dependent: dependent}
	if cut.Duration > limit+slack || cut.Duration <= 0 {
		// the stream paused or jumped: the piece is as long as what is in it
		cut.Duration, cut.Gap = c.End(), true
	}
	c.fix(cut.Duration)
	return cut
}

// limit is how long a piece may become.
func (c *Cutter) limit() time.Duration {
	if c.target > 0 {
		return time.Duration(c.target) * time.Second
	}
	return seconds(2 * c.segment)
}

// seconds rounds up to whole seconds.
func seconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// fix chooses the target duration when the first piece, of length first, ends.
func (c *Cutter) fix(first time.Duration) {
	if c.target > 0 {
		return
	}
	wish := max(c.segment+c.longest, c.segment*3/2, first)
	c.target = int(min(seconds(wish), seconds(2*c.segment)) / time.Second)
	c.target = max(c.target, int(math.Round(first.Seconds())), 1)
}

// End returns the duration of the open piece when the stream ends here.
func (c *Cutter) End() time.Duration {
	t := c.tracks[c.lead]
	if t.any && t.end > c.start && t.end > c.end-time.Second {
		return t.end - c.start
	}
	return c.end - c.start
}

// Target returns the target duration of the playlist in seconds. It is fixed
// when the first piece has ended; asked before (a recording of one piece), it is
// fixed now.
func (c *Cutter) Target() int {
	if c.open {
		c.fix(c.End())
	}
	return max(c.target, 1)
}
