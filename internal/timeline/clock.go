package timeline

import "time"

// steady returns a unit's PTS, moved if the track's clock has jumped. Tracks
// that jump together are moved by the same time.
func (t *Timeline) steady(l *lane, raw int64) int64 {
	defer func() { l.at = t.now }()
	if !l.seen {
		l.seen, l.move = true, t.firstMove(l, raw)
		l.last = raw + l.move
		return l.last
	}
	pts := raw + l.move
	if t.jumped(l, pts) || t.leapt(l, pts) {
		t.stats.Jumps++
		want := toTime(l.last+t.distance(l)-raw, l.info.ClockRate)
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

// leapt tells whether a PTS goes forward by more than the time that has passed,
// and does so too often for a gap: the sender's clock is broken. A gap now and
// then is kept, also in media that is delivered faster than it plays.
func (t *Timeline) leapt(l *lane, pts int64) bool {
	step := toTime(pts-l.last, l.info.ClockRate)
	return step > maxLeap+max(t.now.Sub(l.at), 0) && !t.leaps.Take(t.now)
}

// distance is how far the next unit is expected from the last.
func (t *Timeline) distance(l *lane) int64 {
	step := l.step
	if l.info.Codec.IsVideo() {
		step = max(l.order.step, 1)
	}
	if toTime(step, l.info.ClockRate) > maxLeap { // that was a gap: the clock on the wall is better
		return max(toTicks(min(max(t.now.Sub(l.at), 0), maxLeap), l.info.ClockRate), 1)
	}
	return step
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
