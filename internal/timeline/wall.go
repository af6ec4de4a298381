package timeline

import "time"

// wallWindow is how much media at the start of a publication decides its wall
// clock: at an RTMP start MediaMTX delivers up to two seconds in one burst, with
// NTP squeezed together, so that only the latest unit's is right.
const wallWindow = 3 * time.Second

// wallClock relates the timeline to the wall clock: the minimum of NTP - time
// over the first units.
type wallClock struct {
	base  time.Time
	first time.Duration
	any   bool
}

func (w *wallClock) see(at time.Duration, ntp time.Time) {
	if ntp.IsZero() || w.any && at-w.first > wallWindow {
		return
	}
	base := ntp.Add(-at)
	if !w.any {
		w.first = at
	}
	if !w.any || base.Before(w.base) {
		w.base = base
	}
	w.any = true
}

func (w *wallClock) at(t time.Duration) time.Time {
	if !w.any {
		return time.Now()
	}
	return w.base.Add(t)
}
