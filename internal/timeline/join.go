package timeline

import (
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/memory"
)

// joinWait bounds, in media and in real time, how long a publication that joins
// is held back until all its tracks have begun.
const joinWait = time.Second

// gather holds the first units of a publication that joins. Where it joins
// depends on its earliest unit, and that may come late: MPEG-TS packs half a
// second of audio into a packet that follows the pictures, and pictures that
// lead a key frame follow it.
type gather struct {
	on    bool
	units []hooks.Unit
	since time.Time
	count []int // units per track
	first time.Duration
	last  time.Duration
	cost  int64
}

// hold takes a unit while the publication's beginning is being gathered, and
// opens the timeline once it is all there.
func (t *Timeline) hold(u *hooks.Unit, now time.Time) {
	g := &t.joining
	at := t.rawTime(u)
	if len(g.units) == 0 {
		g.since, g.first, g.last, g.count = now, at, at, make([]int, len(t.lanes))
	}
	g.first, g.last = min(g.first, at), max(g.last, at)
	g.units = append(g.units, *u)
	g.cost += memory.UnitCost(u.Payload)
	g.count[u.Track]++
	if t.gathered(now) {
		t.release()
	}
}

// gathered tells whether no unit is to be expected any more that is earlier than
// the first one now.
func (t *Timeline) gathered(now time.Time) bool {
	g := &t.joining
	if g.last-g.first >= joinWait || g.cost > maxGathered || len(g.units) > 0 && now.Sub(g.since) >= joinWait {
		return true
	}
	for i, l := range t.lanes {
		need := 1
		if l.info.Codec.IsVideo() {
			if d := depthOf(l.info); d > 0 {
				need = d + 2 // as many as are held back anyway, see reorder
			}
		}
		if g.count[i] < need {
			return false
		}
	}
	return true
}

// release moves all tracks by the same time, so that the earliest unit stands at
// JoinAt, and goes on with what was held.
func (t *Timeline) release() {
	g := t.joining
	t.joining = gather{}
	for _, l := range t.lanes {
		l.join = toTicks(t.o.JoinAt-g.first, l.info.ClockRate)
	}
	for i := range g.units {
		t.unit(&g.units[i])
	}
}
