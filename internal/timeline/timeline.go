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
	// maxWaiting bounds the bytes that wait for the first key frame.
	maxWaiting = 16 << 20
	// maxLag bounds how long a sample waits for the other tracks.
	maxLag = 400 * time.Millisecond
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

	open         bool
	waiting      []hooks.Unit // before the first key frame
	waitingBytes int
	since        time.Time
	joining      gather // the beginning of a publication that joins

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

	frameAt int64 // audio: DTS of the last frame
	framed  bool
	bent    int // audio: frames that stood before the one before them
}

// New begins a publication with these tracks. emit is called with each sample,
// in order; it owns it.
func New(tracks []hooks.Track, o Options, emit func(*Sample)) *Timeline {
	t := &Timeline{o: o, emit: emit}
	for i := range tracks {
		info := tracks[i]
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
	} else if t.wait(u); now.Sub(t.since) >= Patience {
		t.start(nil, now)
	}
}

// wait keeps a unit for the start. Pictures before the first key frame are only
// of use if none comes: they go first when too much waits.
func (t *Timeline) wait(u hooks.Unit) {
	t.waiting = append(t.waiting, u)
	t.waitingBytes += u.Size()
	if t.waitingBytes <= maxWaiting {
		return
	}
	t.waitingBytes = 0
	kept := t.waiting[:0]
	for _, w := range t.waiting {
		if t.lanes[w.Track].info.Codec.IsVideo() {
			t.stats.BeforeKey++
			continue
		}
		kept = append(kept, w)
		t.waitingBytes += w.Size()
	}
	clear(t.waiting[len(kept):])
	t.waiting = kept
}

// take goes on with a unit of the open timeline.
func (t *Timeline) take(u *hooks.Unit, now time.Time) {
	if t.joining.on {
		t.hold(u, now)
	} else {
		t.unit(u)
	}
}

// Tick lets a publication begin that has gone silent before its first key frame,
// or before all its tracks began.
func (t *Timeline) Tick(now time.Time) {
	if !t.open && len(t.waiting) > 0 && now.Sub(t.since) >= Patience {
		t.start(nil, now)
	}
	if t.joining.on && t.gathered(now) {
		t.release()
	}
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

func (t *Timeline) isStart(u *hooks.Unit) bool {
	c := t.lanes[u.Track].info.Codec
	if c.IsVideo() && !t.o.NoVideo {
		return AccessOf(c, u.Payload) != NoAccess
	}
	if t.o.NoVideo {
		return true
	}
	for _, l := range t.lanes {
		if l.info.Codec.IsVideo() {
			return false
		}
	}
	return true
}

// start opens the timeline with the key frame, or, without one, with what waits.
func (t *Timeline) start(key *hooks.Unit, now time.Time) {
	t.open = true
	kept := t.waiting
	t.waiting = nil
	if key != nil {
		// What is given out first may be audio; its file needs the pictures' parameters too.
		l := t.lanes[key.Track]
		l.info = learn(l.info, key.Payload)
		kept = t.belonging(kept, key)
		kept = append(kept, *key)
	}
	t.joining.on = t.o.JoinAt >= 0
	for i := range kept {
		t.take(&kept[i], now)
	}
}

// belonging keeps the audio that came before its key frame but belongs to it.
func (t *Timeline) belonging(units []hooks.Unit, key *hooks.Unit) []hooks.Unit {
	from := t.rawTime(key)
	firstPicture := t.o.FromStart
	for i := range units {
		if t.lanes[units[i].Track].info.Codec.IsVideo() {
			firstPicture = false
		}
	}
	if firstPicture {
		from -= audioLead
	}
	var kept []hooks.Unit
	for i := range units {
		u := &units[i]
		if t.lanes[u.Track].info.Codec.IsVideo() || !t.keep(u, from) {
			t.stats.BeforeKey++
			continue
		}
		kept = append(kept, *u)
	}
	return kept
}

// keep leaves those frames of an audio unit that begin at from or later.
func (t *Timeline) keep(u *hooks.Unit, from time.Duration) bool {
	l := t.lanes[u.Track]
	var done int64
	for i, p := range u.Payload {
		samples, rate := l.frame(p)
		at := u.PTS + done*int64(l.info.ClockRate)/max(rate, 1)
		if toTime(at, l.info.ClockRate) >= from {
			u.PTS, u.Payload = at, u.Payload[i:]
			return true
		}
		done += samples
	}
	return false
}

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
	t.queues.release(t.emit)
}

// pass hands the batch on.
func (t *Timeline) pass(l *lane) {
	for _, s := range t.batch {
		dur := s.Dur
		if l.info.Codec.IsVideo() {
			dur = l.order.step
		}
		t.end = max(t.end, toTime(s.PTS+max(dur, 1), l.info.ClockRate))
		t.queues.put(s.Track, s)
	}
}

func (t *Timeline) picture(l *lane, u *hooks.Unit, pts int64) {
	access := AccessOf(l.info.Codec, u.Payload)
	if access != NoAccess {
		if next := learn(l.info, u.Payload); next != l.info {
			l.info = next
		}
		l.order.depth = max(l.order.depth, depthOf(l.info))
	}
	s := &Sample{Info: l.info, Sample: mux.Sample{
		Track: u.Track, PTS: pts, Sync: access != NoAccess, NTP: u.NTP, Payload: u.Payload}}
	t.batch = l.order.push(s, t.batch)
}

func (t *Timeline) frames(l *lane, u *hooks.Unit, pts int64) {
	if !Known(l.info) {
		l.info = learn(l.info, u.Payload)
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

func (l *lane) frame(p []byte) (samples, rate int64) {
	if l.info.Codec == hooks.AAC {
		return l.aac, sampleRate(l.info)
	}
	return frameDur(l.info, p)
}

// steady returns a unit's PTS, moved if the track's clock has jumped. Tracks
// that jump together are moved by the same time.
func (t *Timeline) steady(l *lane, raw int64) int64 {
	if !l.seen {
		l.seen, l.move = true, t.firstMove(l, raw)
		l.last = raw + l.move
		return l.last
	}
	pts := raw + l.move
	if t.jumped(l, pts) {
		t.stats.Jumps++
		want := toTime(l.last+l.distance()-raw, l.info.ClockRate)
		if diff := want - t.shift; diff < -maxBackward || diff > maxBackward {
			t.shift = want
		}
		l.move = toTicks(t.shift, l.info.ClockRate)
		pts = raw + l.move
		l.last = pts
	}
	if pts > l.last {
		l.step, l.last = pts-l.last, pts
	}
	return pts
}

// jumped tells whether a PTS can't belong to the clock seen so far. Pictures may
// go back as far as those go that wait for them, which is seconds if there are
// few in a second.
func (t *Timeline) jumped(l *lane, pts int64) bool {
	from := l.last
	if f, ok := l.order.floor(); ok {
		from = min(from, f-l.join)
	}
	return toTime(pts-from, l.info.ClockRate) < -maxBackward || toTime(pts-l.last, l.info.ClockRate) > maxForward
}

// distance is how far the next unit is expected from the last.
func (l *lane) distance() int64 {
	if l.info.Codec.IsVideo() {
		return max(l.order.step, 1)
	}
	return l.step
}

// firstMove is by how much a track is moved that comes only now: as the others,
// if they have jumped before and it stands closer to them so.
func (t *Timeline) firstMove(l *lane, raw int64) int64 {
	var others time.Duration
	for _, x := range t.lanes {
		if x.seen && x != l {
			others = max(others, toTime(x.last, x.info.ClockRate))
		}
	}
	own := toTime(raw, l.info.ClockRate)
	if t.shift != 0 && (own+t.shift-others).Abs() < (own-others).Abs() {
		return toTicks(t.shift, l.info.ClockRate)
	}
	return 0
}

// toTime converts ticks; exact to the nanosecond. What a Duration can't hold
// becomes 250 years.
func toTime(ticks int64, clock int) time.Duration {
	const most = 250 * 365 * 24 * 3600
	c := int64(max(clock, 1))
	ticks = min(max(ticks, -most*c), most*c)
	return time.Duration(ticks/c*int64(time.Second) + ticks%c*int64(time.Second)/c)
}

// toTicks is the inverse, rounded to the nearest tick.
func toTicks(d time.Duration, clock int) int64 {
	c, half := int64(max(clock, 1)), int64(time.Second/2)
	if d < 0 {
		half = -half
	}
	sec, rest := int64(d/time.Second), int64(d%time.Second)
	return sec*c + (rest*c+half)/int64(time.Second)
}
