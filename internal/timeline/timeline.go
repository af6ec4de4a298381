// Package timeline turns the units of publications into samples on the one
// timeline of a recording.
//
// MediaMTX delivers access units with a PTS per track, without DTS, starting
// anywhere, and audio units that may hold several frames. A Timeline
//
//   - begins with the first key frame or recovery point (after Patience with
//     what there is), keeping the audio that belongs to it;
//   - splits audio units into frames and derives the DTS of pictures;
//   - learns parameters from key frames, and tells each sample's;
//   - moves a track whose clock jumps so that the timeline goes on;
//   - gives the samples of all tracks out in order of their DTS.
//
// One Timeline serves one publication. The next one of a spliced recording
// begins where the last one ended (Options.JoinAt), all tracks moved by the
// same amount, so that sound and picture stay as far apart as delivered.
package timeline

import (
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/rate"
)

const (
	// Patience is how long a publication may go on without a key frame.
	Patience = 10 * time.Second
	// audioLead is how much earlier than the first picture the audio may be
	// that came with it: encoder delay and reordered pictures.
	audioLead = 500 * time.Millisecond
	// backward and forward jumps of a track's clock beyond these are faults.
	maxBackward = time.Second
	maxForward  = time.Hour
	// maxLeap: a track's clock may run ahead of the clock on the wall by so much
	// from one unit to the next; more is a gap, and gaps are rare: leapBurst, and
	// one more every leapEvery. Files may be fed faster than they play, with few
	// pictures and those in another order.
	maxLeap   = 10 * time.Second
	leapBurst = 8
	leapEvery = 10 * time.Second
	// maxLag bounds in media time how long a sample waits for the other tracks.
	maxLag = 400 * time.Millisecond
)

// Bounds of what a Timeline holds, per place and in bytes with their overhead
// (memory.UnitCost). What is above is given out, in order as far as it is known.
const (
	maxWaiting     = 16 << 20 // for the first key frame, at most Patience
	maxGathered    = 16 << 20 // at a join, at most joinWait
	maxReordered   = 16 << 20 // for the first DTS, at most maxWait
	maxInterleaved = 16 << 20 // for the other tracks, at most maxWait
	// maxWait bounds by the clock on the wall what media time may not bound:
	// clocks of tracks can stand still.
	maxWait = 5 * time.Second
	// maxParameters bounds a parameter set; avcC and hvcC have 16 bits for it
	// (ISO/IEC 14496-15 §5.3.3.1.2). A larger one is not taken over.
	maxParameters = 1<<16 - 1
)

// Sample is a mux.Sample whose Track is an index into the publication's tracks.
type Sample struct {
	mux.Sample
	Info *hooks.Track // the parameters that are in force; never changed
}

// Time is the sample's DTS on the recording's timeline.
func (s *Sample) Time() time.Duration { return toTime(s.DTS, s.Info.ClockRate) }

// Shown is the sample's PTS on the recording's timeline.
func (s *Sample) Shown() time.Duration { return toTime(s.PTS, s.Info.ClockRate) }

// Stats counts what is odd in a publication.
type Stats struct {
	Jumps     int // a track's clock jumped and was moved
	Bent      int // a DTS could not be derived and was bent
	BeforeKey int // units thrown away before the first key frame
	Empty     int // units without payload or of an unknown track
	Huge      int // parameter sets above 64 KB, which were not taken over
}

// Options of a Timeline.
type Options struct {
	// FromStart tells that no unit of the publication was missed.
	FromStart bool
	// JoinAt >= 0 is where on the recording's timeline this publication is to
	// begin; negative leaves its own times.
	JoinAt time.Duration
	// NoVideo: don't wait for a key frame, no output wants pictures.
	NoVideo bool
}

// Timeline is used by one goroutine.
type Timeline struct {
	o     Options
	lanes []*lane
	emit  func(*Sample)
	stats Stats

	open        bool
	waiting     []hooks.Unit // before the first key frame
	waitingCost int64
	since       time.Time
	now         time.Time // of the unit at hand
	leaps       rate.Bucket
	joining     gather // the beginning of a publication that joins

	clock  wallClock
	shift  time.Duration // by which jumping tracks were moved
	queues interleaver
	end    time.Duration // where the next publication may begin
	batch  []*Sample
}

// lane is the state of one track.
type lane struct {
	info  *hooks.Track
	aac   int64 // samples per AAC frame
	order reorder
	join  int64 // ticks added to reach the recording's timeline
	move  int64 // ticks added because its clock jumped
	last  int64 // highest PTS of a unit, moved but not joined
	step  int64 // audio: distance of the last two units
	seen  bool
	at    time.Time // when the last unit came

	frameAt int64 // audio: DTS of the last frame
	framed  bool
	bent    int // audio: frames that stood before the one before them
}

// New begins a publication with these tracks. emit is called with each sample,
// in order; it owns it.
func New(tracks []hooks.Track, o Options, emit func(*Sample)) *Timeline {
	t := &Timeline{o: o, emit: emit, leaps: rate.Bucket{Burst: leapBurst, Every: leapEvery}}
	for i := range tracks {
		info := tracks[i]
		t.stats.Huge += dropHuge(&info)
		setPictureSize(&info)
		t.lanes = append(t.lanes, &lane{info: &info, aac: aacFrame(&info)})
	}
	t.queues.init(len(tracks))
	return t
}

// Stats returns the counts so far.
func (t *Timeline) Stats() Stats {
	s := t.stats
	for _, l := range t.lanes {
		s.Bent += l.order.raised + l.bent
	}
	return s
}

// Tracks returns the parameters in force. Those of tracks without any sample
// may be incomplete, see Known.
func (t *Timeline) Tracks() []*hooks.Track {
	out := make([]*hooks.Track, len(t.lanes))
	for i, l := range t.lanes {
		out[i] = l.info
	}
	return out
}

// End is where on the recording's timeline a following publication may begin.
func (t *Timeline) End() time.Duration { return t.end }

// Started tells whether the first sample is known.
func (t *Timeline) Started() bool { return t.open }

// Wall returns the wall clock of a time on the recording's timeline.
func (t *Timeline) Wall(at time.Duration) time.Time { return t.clock.at(at) }

// Write takes a unit that arrived now.
func (t *Timeline) Write(u hooks.Unit, now time.Time) {
	t.now = now
	if u.Track < 0 || u.Track >= len(t.lanes) || len(u.Payload) == 0 {
		t.stats.Empty++
		return
	}
	if t.open {
		t.take(&u, now)
		return
	}
	if t.since.IsZero() {
		t.since = now
	}
	if key := t.isStart(&u); key {
		t.start(&u, now)
	} else if t.wait(u, now); !t.open && now.Sub(t.since) >= Patience {
		t.start(nil, now)
	}
}

// take goes on with a unit of the open timeline.
func (t *Timeline) take(u *hooks.Unit, now time.Time) {
	if t.joining.on {
		t.hold(u, now)
	} else {
		t.unit(u)
	}
}

// Tick lets go what has waited too long while nothing comes: a publication that
// has gone silent before its first key frame or before all its tracks began, and
// samples whose fellow tracks are silent. Don't call it while units that have
// arrived earlier are still to be written.
func (t *Timeline) Tick(now time.Time) {
	t.now = now
	if !t.open && len(t.waiting) > 0 && now.Sub(t.since) >= Patience {
		t.start(nil, now)
	}
	if t.joining.on && t.gathered(now) {
		t.release()
	}
	for _, l := range t.lanes {
		if l.order.overdue(now) {
			t.batch = l.order.flush(t.batch[:0])
			t.pass(l)
		}
	}
	t.queues.release(t.emit, now)
}

// Held returns what the samples and units that are held back cost in memory, in
// bytes.
func (t *Timeline) Held() int64 {
	n := t.waitingCost + t.joining.cost + t.queues.cost
	for _, l := range t.lanes {
		n += l.order.cost
	}
	return n
}

// Relieve gives out what is held back, because memory is short. Pictures that
// wait for a key frame are dropped.
func (t *Timeline) Relieve() {
	if !t.open {
		t.dropPictures()
	}
	if t.joining.on && len(t.joining.units) > 0 {
		t.release()
	}
	t.queues.drain(t.emit)
}

// Flush gives out all that is held back, at the end of the publication.
func (t *Timeline) Flush() {
	if !t.open && len(t.waiting) > 0 {
		t.start(nil, t.since)
	}
	if t.joining.on {
		t.release()
	}
	for _, l := range t.lanes {
		t.batch = l.order.flush(t.batch[:0])
		t.pass(l)
	}
	t.queues.drain(t.emit)
}

// Gap gives out what only waits for the other tracks: units that follow are
// lost, and what came before them does not belong to what comes after.
func (t *Timeline) Gap() { t.queues.drain(t.emit) }

func (t *Timeline) rawTime(u *hooks.Unit) time.Duration {
	return toTime(u.PTS, t.lanes[u.Track].info.ClockRate)
}

// unit turns a unit into samples.
func (t *Timeline) unit(u *hooks.Unit) {
	l := t.lanes[u.Track]
	pts := t.steady(l, u.PTS) + l.join
	t.clock.see(toTime(pts, l.info.ClockRate), u.NTP)
	t.batch = t.batch[:0]
	if l.info.Codec.IsVideo() {
		t.picture(l, u, pts)
	} else {
		t.frames(l, u, pts)
	}
	t.pass(l)
	t.queues.release(t.emit, t.now)
}

// pass hands the batch on.
func (t *Timeline) pass(l *lane) {
	for _, s := range t.batch {
		dur := s.Dur
		if l.info.Codec.IsVideo() {
			dur = l.order.step
		}
		t.end = max(t.end, toTime(s.PTS+max(dur, 1), l.info.ClockRate))
		t.queues.put(s, t.now)
	}
}

func (t *Timeline) picture(l *lane, u *hooks.Unit, pts int64) {
	access := AccessOf(l.info.Codec, u.Payload)
	if access != NoAccess {
		l.info = t.learn(l.info, u.Payload)
		l.order.depth = max(l.order.depth, depthOf(l.info))
	}
	s := &Sample{Info: l.info, Sample: mux.Sample{
		Track: u.Track, PTS: pts, Sync: access != NoAccess, NTP: u.NTP, Payload: u.Payload}}
	t.batch = l.order.push(s, t.now, t.batch)
}

func (t *Timeline) frames(l *lane, u *hooks.Unit, pts int64) {
	if !Known(l.info) {
		l.info = t.learn(l.info, u.Payload)
	}
	clock := int64(l.info.ClockRate)
	var done, rate int64 // samples of this unit so far
	for i, p := range u.Payload {
		samples, r := l.frame(p)
		at := pts
		if i > 0 && rate > 0 {
			at += done * clock / rate
		}
		done, rate = done+samples, r
		dur := int64(0)
		if rate > 0 {
			dur = pts + done*clock/rate - at
		}
		if l.framed && at < l.frameAt { // never back, see mux.Sample
			at = l.frameAt
			l.bent++
		}
		l.frameAt, l.framed = at, true
		t.batch = append(t.batch, &Sample{Info: l.info, Sample: mux.Sample{
			Track: u.Track, DTS: at, PTS: at, Dur: dur, Sync: true, NTP: u.NTP, Payload: u.Payload[i : i+1]}})
	}
}

// learn is the function learn, with parameter sets that are too large left out.
func (t *Timeline) learn(tr *hooks.Track, payload [][]byte) *hooks.Track {
	next := learn(tr, payload)
	if next != tr {
		if n := dropHuge(next); n > 0 {
			t.stats.Huge += n
			return tr
		}
	}
	return next
}

func (l *lane) frame(p []byte) (samples, rate int64) {
	if l.info.Codec == hooks.AAC {
		return l.aac, sampleRate(l.info)
	}
	return frameDur(l.info, p)
}
