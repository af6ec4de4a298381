package hls

import (
	"math"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
)

// How a key frame counts that comes a little before or after its time: encoders
// jitter, and a capture clock is not ours.
const (
	early = 250 * time.Millisecond // at most, and at most half a GOP
	late  = 350 * time.Millisecond // waited for if a key frame is due by then
)

// maxDelay is the longest that a key frame is taken to be shown after its decoding.
const maxDelay = 5 * time.Second

// slack is how much longer than the target a piece may become before a track
// that does not lead cuts it: an EXTINF is compared after rounding.
const slack = 400 * time.Millisecond

// Cut is the Cutter's answer to a sample.
type Cut struct {
	// New tells that the sample begins a new piece. It is true for the first one.
	New bool

	// Gap tells that time jumped before the new piece: it needs a discontinuity.
	Gap bool

	// Ended is the piece that ends here; zero for the first sample.
	Ended Ended
}

// Ended is what is known of a piece at its end.
type Ended struct {
	Duration  time.Duration // its EXTINF
	Dependent bool          // it begins or ends within a GOP, or has no picture at all
}

// Cutter decides where a stream is cut into pieces: at the first key frame of
// the leading track (the first video track, else the first track) at or after
// the wanted length, or so little before it that the next one would be farther off;
// within a GOP before the target duration would be broken.
//
// Pieces are measured by presentation time, as readers do: a picture within a GOP
// counts by its DTS plus the delay of its key frame.
type Cutter struct {
	segment time.Duration
	target  int // seconds; 0 until it is fixed
	lead    int
	video   bool

	tracks  []clocks
	open    bool          // a piece is open
	start   time.Duration // of the open piece
	end     time.Duration // of the media in it
	pieced  bool          // the piece has a sample of the leading track
	inside  bool          // the first of them is not a sync sample
	anyKey  bool
	key     time.Duration // the last key frame
	gop     time.Duration // the last one
	longest time.Duration // GOP
	delay   time.Duration // from DTS to PTS of the last key frame
	leading bool          // pictures that lead the key frame may still come
	codec   hooks.Codec   // of the leading track
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
	if len(tracks) > 0 {
		c.codec = tracks[c.lead].Codec
	}
	c.video = c.codec.IsVideo()
	return c
}

// Next tells what to do before s is written. Samples come in the order of Write.
func (c *Cutter) Next(s *mux.Sample) Cut {
	if s.Track < 0 || s.Track >= len(c.tracks) {
		return Cut{}
	}
	t := &c.tracks[s.Track]
	at, delay := c.shown(s)
	c.delay = delay
	end := at + t.length(s, at)
	key := s.Track == c.lead && s.Sync && c.video
	if key && c.anyKey {
		c.longest = max(c.longest, at-c.key)
	}
	cut := c.decide(s, at, end)
	if key {
		if c.anyKey {
			c.gop = at - c.key
		}
		c.key, c.anyKey = at, true
	}
	if cut.New {
		c.start, c.end, c.open, c.pieced = at, at, true, false
	}
	if s.Track == c.lead {
		c.follow(s)
	}
	t.last, t.end, t.any = at, end, true
	c.end = max(c.end, end)
	return cut
}

// follow notes whether the piece can be decoded by itself: it begins with a sync
// sample, and no picture that leads it refers to the piece before (RASL after CRA).
func (c *Cutter) follow(s *mux.Sample) {
	switch {
	case !c.pieced:
		c.pieced, c.inside, c.leading = true, !s.Sync, s.Sync
	case c.leading && codec.Leading(c.codec, s.Payload):
		c.inside = true
	case c.leading && s.PTS >= s.DTS && piece.Time(s.PTS, c.tracks[c.lead].rate) > c.key:
		c.leading = false
	}
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

// Cuts tells whether Next would end the open piece at s, and changes nothing.
func (c *Cutter) Cuts(s *mux.Sample) bool {
	if s.Track < 0 || s.Track >= len(c.tracks) || !c.open {
		return false
	}
	at, _ := c.shown(s)
	return c.ends(s, at, at+c.tracks[s.Track].length(s, at))
}

// shown is when a sample counts: a picture when it is shown, as far as its GOP
// tells, else by DTS. delay is that of the leading track from here on.
func (c *Cutter) shown(s *mux.Sample) (at, delay time.Duration) {
	rate := c.tracks[s.Track].rate
	at, delay = piece.Time(s.DTS, rate), c.delay
	if s.Track != c.lead || !c.video {
		return at, delay
	}
	if s.Sync {
		if delay = piece.Time(s.PTS, rate) - at; delay < 0 || delay > maxDelay {
			delay = 0
		}
	}
	return at + delay, delay
}

// ends tells whether the open piece ends before a sample at this time.
func (c *Cutter) ends(s *mux.Sample, at, end time.Duration) bool {
	limit := c.limit()
	if s.Track == c.lead {
		return s.Sync && c.due(at) || end-c.start > limit+c.wait(limit)
	}
	return end-c.start > limit+slack
}

func (c *Cutter) decide(s *mux.Sample, at, end time.Duration) Cut {
	leading := s.Track == c.lead
	if !c.open {
		return Cut{New: true}
	}
	if !c.ends(s, at, end) {
		return Cut{}
	}
	limit := c.limit()
	cut := Cut{New: true, Ended: c.End()}
	if c.video && (!leading || !s.Sync) {
		// known here already, so that the first playlist claims nothing that
		// the second piece would break
		cut.Ended.Dependent = true
	}
	if d := at - c.start; d > 0 && d <= limit+slack {
		cut.Ended.Duration = d
	} else {
		cut.Gap = true // time jumped: the piece is as long as what is in it
	}
	c.fix(cut.Ended.Duration)
	return cut
}

// due tells whether a key frame ends the piece.
func (c *Cutter) due(at time.Duration) bool {
	missing := c.segment - (at - c.start)
	if missing <= 0 {
		return true
	}
	gop := c.gop
	if c.anyKey && c.video {
		gop = at - c.key
	}
	return c.video && missing <= min(early, c.segment/4) && 2*missing < gop
}

// wait is how much longer than limit the piece may become because a key frame is due.
func (c *Cutter) wait(limit time.Duration) time.Duration {
	if next := c.key + c.gop; c.anyKey && c.gop > 0 && next >= c.start+c.segment && next <= c.start+limit+late {
		return late
	}
	return 0
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

// End returns the open piece if the stream ends here.
func (c *Cutter) End() Ended {
	if !c.open {
		return Ended{}
	}
	e := Ended{Duration: c.end - c.start, Dependent: c.video && (!c.pieced || c.inside)}
	t := c.tracks[c.lead]
	if c.pieced && t.end > c.start && t.end > c.end-time.Second {
		e.Duration = t.end - c.start
	}
	return e
}

// Target returns the target duration of the playlist in seconds. It is fixed
// when the first piece has ended; asked before (a recording of one piece), it is
// fixed now.
func (c *Cutter) Target() int {
	if c.open {
		c.fix(c.End().Duration)
	}
	return max(c.target, 1)
}
