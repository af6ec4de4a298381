package piece

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

var tracks = []hooks.Track{
	{Codec: hooks.AAC, ClockRate: 48000},
	{Codec: hooks.H264, ClockRate: 90000},
}

func journal(records [][]byte) mux.Records {
	return func(yield func([]byte, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// TestTorn sums up every prefix of a journal, as a torn tail leaves it.
func TestTorn(t *testing.T) {
	s := NewSpans(tracks)
	var records [][]byte
	for i := range int64(250) {
		s.Add(&mux.Sample{Track: 1, DTS: -9000 + i*3600, Dur: 3600, Sync: i%50 == 0})
		for k := range int64(2) {
			s.Add(&mux.Sample{Track: 0, DTS: (2*i + k) * 960, Dur: 960, Sync: true})
		}
		if i%10 == 9 {
			records = append(records, slices.Clone(s.Record([]byte{1, byte(i)})))
		}
	}
	if s.Origin() != -1 || s.Shift(0) != 11*48000 {
		t.Errorf("origin %d", s.Origin())
	}
	for n := range len(records) + 1 {
		info, err := Plain{}.Inspect(tracks, journal(records[:n]))
		if err != nil {
			t.Fatal(err)
		}
		frames := int64(n) * 10
		if info.Duration != time.Duration(frames)*40*time.Millisecond || info.Samples != frames*3 {
			t.Errorf("%d records: %+v", n, info)
		}
		if n > 0 && (info.Ends[1] != -9000+frames*3600 || info.Ends[0] != frames*2*960) {
			t.Errorf("%d records: ends %v", n, info.Ends)
		}
	}
	sum, err := Sum(2, journal(records[10:]))
	if err != nil || sum.Dependent(tracks) || sum.Origin != -1 || sum.State[1] != 249 {
		t.Errorf("%+v, %v", sum, err)
	}
	if sum, _ = Sum(2, journal(records[11:])); !sum.Dependent(tracks) {
		t.Error("begins within a GOP, but is not dependent")
	}
	if _, err := Sum(1, journal(records)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("other tracks: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	s := NewSpans(tracks)
	s.Add(&mux.Sample{Track: 1, DTS: 1 << 40, Dur: 3600})
	f.Add(slices.Clone(s.Record([]byte{1, 2, 3})))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			t.Error(err)
		}
		for _, x := range r.Spans {
			if err == nil && (x.Samples < 0 || x.End < x.Start) {
				t.Errorf("%+v", x)
			}
		}
	})
}
