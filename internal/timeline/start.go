package timeline

import (
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/memory"
)

// wait keeps a unit for the start. Pictures before the first key frame are only
// of use if none comes: they go first when too much waits. If the sound alone is
// too much, the recording begins without a key frame.
func (t *Timeline) wait(u hooks.Unit, now time.Time) {
	t.waiting = append(t.waiting, u)
	t.waitingCost += memory.UnitCost(u.Payload)
	if t.waitingCost <= maxWaiting {
		return
	}
	if t.dropPictures(); t.waitingCost > maxWaiting/2 {
		t.start(nil, now)
	}
}

// dropPictures drops the pictures that wait for a key frame.
func (t *Timeline) dropPictures() {
	t.waitingCost = 0
	kept := t.waiting[:0]
	for _, w := range t.waiting {
		if t.lanes[w.Track].info.Codec.IsVideo() {
			t.stats.BeforeKey++
			continue
		}
		kept = append(kept, w)
		t.waitingCost += memory.UnitCost(w.Payload)
	}
	clear(t.waiting[len(kept):])
	t.waiting = kept
}

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
	t.waiting, t.waitingCost = nil, 0
	if key != nil {
		// What is given out first may be audio; its file needs the pictures' parameters too.
		l := t.lanes[key.Track]
		l.info = t.learn(l.info, key.Payload)
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
