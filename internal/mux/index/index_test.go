package index

import (
	"errors"
	"math"
	"math/rand"
	"reflect"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

func records(recs ...[]byte) mux.Records {
	return func(yield func([]byte, error) bool) {
		for _, r := range recs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func randomEntry(r *rand.Rand, last map[int]int64) Entry {
	e := Entry{Track: r.Intn(3), Key: r.Intn(4) == 0, Size: int64(r.Intn(70000))}
	switch r.Intn(6) {
	case 0:
		e.DTS = r.Int63() - r.Int63()
		e.CTO = r.Int63n(1<<40) - 1<<39
		e.Size = MaxSize
		e.Track = MaxTracks - 1
	case 1:
		e.DTS = last[e.Track] + 3600 + int64(r.Intn(3)) - 1
		e.CTO = 7200
		e.Dur = 1024
	default:
		e.DTS = last[e.Track] + 3600
	}
	last[e.Track] = e.DTS
	return e
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	last := map[int]int64{}
	var (
		enc  Encoder
		want []Position
		recs [][]byte
		off  int64
	)
	for n := 0; n < 200; n++ {
		var note []byte
		if n%7 == 0 {
			note = []byte{1, byte(n)}
			enc.Note(note)
		}
		for range 1 + r.Intn(40) {
			e := randomEntry(r, last)
			enc.Add(e)
			want = append(want, Position{Entry: e, Offset: off, Record: n, Note: note})
			off += e.Size
		}
		recs = append(recs, append([]byte(nil), enc.Record()...))
	}
	if enc.Record() != nil || enc.Len() != 0 {
		t.Fatal("an encoder without entries has a record")
	}
	var got []Position
	for p, err := range Entries(records(recs...)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *p)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %d entries, want %d, or they differ", len(got), len(want))
	}
	// A record can be read alone.
	var d Decoder
	var e Entry
	d.Reset(recs[100])
	for _, w := range want {
		if w.Record == 100 && (!d.Next(&e) || e != w.Entry) {
			t.Fatalf("record 100 alone: got %+v, want %+v", e, w.Entry)
		}
	}
}

// typical is a common mix: 25 pictures with B-frames and 47 AAC
// frames a second, a record of two chunks every half a second.
func typical(seconds int) (recs [][]byte, samples int) {
	var enc Encoder
	v, a := int64(0), int64(0)
	cto := []int64{7200, 18000, 7200, 0, 3600}
	for i := range seconds * 2 {
		for range 12 + i%2 {
			enc.Add(Entry{Track: 0, Key: v%100 == 0, Size: 18000 + v%7*2111, DTS: v * 3600, CTO: cto[v%5]})
			v++
			samples++
		}
		for range 23 + i%2 {
			enc.Add(Entry{Track: 1, Key: true, Size: 340 + a%50, DTS: a * 1024, Dur: 1024})
			a++
			samples++
		}
		recs = append(recs, append([]byte(nil), enc.Record()...))
	}
	return recs, samples
}

func TestDensity(t *testing.T) {
	recs, samples := typical(600)
	n := 0
	for _, r := range recs {
		n += len(r)
	}
	perSample := float64(n) / float64(samples)
	t.Logf("%.2f bytes a sample", perSample)
	if perSample > 4.9 {
		t.Fatalf("%.2f bytes a sample, want at most 4.9", perSample)
	}
}

func TestInspect(t *testing.T) {
	recs, samples := typical(600)
	tracks := []hooks.Track{{ClockRate: 90000}, {ClockRate: 48000}}
	info, err := Inspect(tracks, records(recs...))
	if err != nil {
		t.Fatal(err)
	}
	want := mux.Info{
		Samples: int64(samples), Duration: 601600 * time.Millisecond,
		Ends: []int64{600 * 25 * 3600, 600 * 47 * 1024},
	}
	if !reflect.DeepEqual(info, want) {
		t.Fatalf("got %+v, want %+v", info, want)
	}
	if _, err := Inspect(tracks[:1], records(recs...)); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("a track too many: %v", err)
	}
	empty, err := Inspect(tracks, records())
	if err != nil || empty.Samples != 0 || empty.Duration != 0 || len(empty.Ends) != 2 {
		t.Fatalf("no records: %+v %v", empty, err)
	}
}

func TestTail(t *testing.T) {
	for _, c := range []struct {
		t    TrackTotals
		want int64
	}{
		{TrackTotals{Samples: 2, LastDur: 5, LastStep: 7}, 5},
		{TrackTotals{Samples: 2, LastStep: 7}, 7},
		{TrackTotals{Samples: 1}, 3600},
	} {
		if got := c.t.Tail(90000); got != c.want {
			t.Errorf("%+v: got %d, want %d", c.t, got, c.want)
		}
	}
}

func TestJournalError(t *testing.T) {
	broken := errors.New("disk")
	recs, _ := typical(1)
	seq := func(yield func([]byte, error) bool) {
		if yield(recs[0], nil) {
			yield(nil, broken)
		}
	}
	if _, err := Total(2, seq); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}

func TestCorrupt(t *testing.T) {
	for name, rec := range map[string][]byte{
		"empty": {}, "version alone": {1}, "other version": {2, 4, 0},
		"note": {2, 9, 1, 2, 3}, "no first time": {1, 0x10}, "cut": {1, 0x84}, "track": {1, 0x06, 0xff, 0x7f, 0},
	} {
		if _, err := Total(MaxTracks, records(rec)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	recs, _ := typical(1)
	f.Add(recs[0])
	f.Add(append([]byte{2, 3, 1, 2, 3}, recs[0][1:]...))
	f.Add([]byte{2, 3, 1, 2, 3}) // a note alone
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		var enc Encoder
		var sum int64
		var first []Entry
		for p, err := range Entries(records(b)) {
			if err != nil {
				return
			}
			if p.Size < 0 || p.Track < 0 || p.Track >= MaxTracks || p.Dur < 0 || p.Offset != sum {
				t.Fatalf("%+v", p)
			}
			sum += p.Size
			enc.Add(p.Entry)
			first = append(first, p.Entry)
		}
		if _, err := Inspect(make([]hooks.Track, MaxTracks), records(b)); err != nil {
			t.Fatal(err)
		}
		if len(first) == 0 {
			return
		}
		// What was read can be written and read again.
		i := 0
		for p, err := range Entries(records(enc.Record())) {
			if err != nil || p.Entry != first[i] {
				t.Fatalf("%+v %v, want %+v", p, err, first[i])
			}
			i++
		}
	})
}

func TestAddOutOfRange(t *testing.T) {
	for _, e := range []Entry{{Track: MaxTracks}, {Track: -1}, {Size: -1}, {Size: math.MaxInt64}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken", e)
				}
			}()
			new(Encoder).Add(e)
		}()
	}
}

func BenchmarkDecode(b *testing.B) {
	recs, samples := typical(600)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Total(2, records(recs...)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(samples), "ns/sample")
}
