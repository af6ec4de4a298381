package index

import (
	"fmt"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// TrackTotals sums up one track. Times are in the unit of the entries.
type TrackTotals struct {
	Samples  int64
	Keys     int64
	Bytes    int64
	FirstDTS int64
	LastDTS  int64
	LastDur  int64 // of the last sample as recorded; 0 if unknown
	LastStep int64 // last DTS minus the one before; 0 if there is none
}

// Totals sums up a file.
type Totals struct {
	Bytes   int64 // of the body
	Samples int64
	Tracks  []TrackTotals // one per track of the file
}

// Total reads all records of a file with n tracks. An entry of a track beyond n
// is ErrCorrupt.
func Total(n int, records mux.Records) (Totals, error) {
	s := Totals{Tracks: make([]TrackTotals, n)}
	for p, err := range Entries(records) {
		if err != nil {
			return s, err
		}
		if p.Track >= n {
			return s, fmt.Errorf("%w: track %d of %d", ErrCorrupt, p.Track, n)
		}
		s.Bytes += p.Size
		s.Samples++
		s.Tracks[p.Track].add(&p.Entry)
	}
	return s, nil
}

func (t *TrackTotals) add(e *Entry) {
	if t.Samples == 0 {
		t.FirstDTS = e.DTS
	} else {
		t.LastStep = e.DTS - t.LastDTS
	}
	t.LastDTS, t.LastDur = e.DTS, e.Dur
	t.Samples++
	t.Bytes += e.Size
	if e.Key {
		t.Keys++
	}
}

// Tail is the duration of the track's last sample: as recorded, else as long as
// the sample before, else (a lone sample) 40 ms of a clock of rate ticks per second.
func (t *TrackTotals) Tail(rate int) int64 {
	switch {
	case t.LastDur > 0:
		return t.LastDur
	case t.LastStep > 0:
		return t.LastStep
	}
	return max(1, int64(rate)/25)
}

// End is the DTS at which the next sample may stand, 0 for a track without samples.
func (t *TrackTotals) End(rate int) int64 {
	if t.Samples == 0 {
		return 0
	}
	return t.LastDTS + t.Tail(rate)
}

// Inspect is mux.Format.Inspect for a format whose entries are in ticks of the
// tracks' own clocks.
func Inspect(tracks []hooks.Track, records mux.Records) (mux.Info, error) {
	rates := make([]int, len(tracks))
	for i := range tracks {
		rates[i] = tracks[i].ClockRate
	}
	return InspectRates(rates, records)
}

// InspectRates is Inspect for entries in other units: rates holds per track the
// ticks per second. Info.Ends is in those ticks.
func InspectRates(rates []int, records mux.Records) (mux.Info, error) {
	s, err := Total(len(rates), records)
	if err != nil {
		return mux.Info{}, err
	}
	info := mux.Info{Samples: s.Samples, Ends: make([]int64, len(rates))}
	for i := range s.Tracks {
		t := &s.Tracks[i]
		info.Ends[i] = t.End(rates[i])
		if t.Samples > 0 && rates[i] > 0 {
			info.Duration = max(info.Duration, ticks(info.Ends[i]-t.FirstDTS, int64(rates[i])))
		}
	}
	return info, nil
}

// ticks converts without overflow below 292 years.
func ticks(n, rate int64) time.Duration {
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate*int64(time.Second)/rate)
}
