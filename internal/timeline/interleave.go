package timeline

import (
	"time"

	"github.com/live-recording/liverecord/internal/memory"
)

// interleaver orders the samples of all tracks by DTS. A sample waits until
// every other track that is alive has a later one: at most maxLag of media and
// maxWait by the clock on the wall, and all of them hold at most maxInterleaved.
type interleaver struct {
	fifo   [][]queued
	latest time.Duration // the latest DTS that came in
	any    bool
	cost   int64 // of all that waits
}

type queued struct {
	s  *Sample
	at time.Time // when it came
}

func (q *interleaver) init(tracks int) { q.fifo = make([][]queued, tracks) }

func (q *interleaver) put(s *Sample, now time.Time) {
	q.fifo[s.Track] = append(q.fifo[s.Track], queued{s, now})
	q.cost += memory.UnitCost(s.Payload)
	if t := s.Time(); !q.any || t > q.latest {
		q.latest, q.any = t, true
	}
}

// release gives out what is in order for certain, or has waited long enough.
func (q *interleaver) release(emit func(*Sample), now time.Time) {
	for {
		track, all := q.first()
		if track < 0 {
			return
		}
		if !all && q.latest-q.fifo[track][0].s.Time() < maxLag && q.cost <= maxInterleaved && !q.overdue(now) {
			return
		}
		q.give(track, emit)
	}
}

// overdue tells whether any sample has waited too long. It goes out behind those
// that stand before it.
func (q *interleaver) overdue(now time.Time) bool {
	for _, f := range q.fifo {
		if len(f) > 0 && now.Sub(f[0].at) >= maxWait {
			return true
		}
	}
	return false
}

// drain gives out the rest.
func (q *interleaver) drain(emit func(*Sample)) {
	for {
		track, _ := q.first()
		if track < 0 {
			return
		}
		q.give(track, emit)
	}
}

// first finds the track with the earliest sample, and whether all tracks have one.
func (q *interleaver) first() (track int, all bool) {
	track, all = -1, true
	var at time.Duration
	for i, f := range q.fifo {
		if len(f) == 0 {
			all = false
			continue
		}
		if t := f[0].s.Time(); track < 0 || t < at {
			track, at = i, t
		}
	}
	return track, all
}

func (q *interleaver) give(track int, emit func(*Sample)) {
	f := q.fifo[track]
	s := f[0].s
	f[0] = queued{}
	if q.fifo[track] = f[1:]; len(f) == 1 {
		q.fifo[track] = f[:0]
	}
	q.cost -= memory.UnitCost(s.Payload)
	emit(s)
}
