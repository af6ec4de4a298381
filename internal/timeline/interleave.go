package timeline

import "time"

// interleaver orders the samples of all tracks by DTS. A sample waits until
// every other track that is alive has a later one, at most maxLag of media.
type interleaver struct {
	fifo   [][]*Sample
	latest time.Duration // the latest DTS that came in
	any    bool
}

func (q *interleaver) init(tracks int) { q.fifo = make([][]*Sample, tracks) }

func (q *interleaver) put(track int, s *Sample) {
	q.fifo[track] = append(q.fifo[track], s)
	if t := s.Time(); !q.any || t > q.latest {
		q.latest, q.any = t, true
	}
}

// release gives out what is in order for certain, or has waited long enough.
func (q *interleaver) release(emit func(*Sample)) {
	for {
		track, all := q.first()
		if track < 0 {
			return
		}
		if !all && q.latest-q.fifo[track][0].Time() < maxLag {
			return
		}
		q.give(track, emit)
	}
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
		if t := f[0].Time(); track < 0 || t < at {
			track, at = i, t
		}
	}
	return track, all
}

func (q *interleaver) give(track int, emit func(*Sample)) {
	f := q.fifo[track]
	s := f[0]
	f[0] = nil
	if q.fifo[track] = f[1:]; len(f) == 1 {
		q.fifo[track] = f[:0]
	}
	emit(s)
}
