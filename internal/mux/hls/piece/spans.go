package piece

import (
	"encoding/binary"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// Spans collects the samples of one flush after another into records.
type Spans struct {
	tracks []track
	origin int64
	begun  bool
	buf    []byte
}

type track struct {
	codec hooks.Codec
	rate  int64
	span  Span
	last  int64 // DTS of the sample before
	step  int64 // its distance to the one before, 0 if there is none
	any   bool
}

// NewSpans starts with nothing collected. Every track needs a clock rate.
func NewSpans(tracks []hooks.Track) *Spans {
	s := &Spans{tracks: make([]track, len(tracks))}
	for i := range tracks {
		s.tracks[i].codec, s.tracks[i].rate = tracks[i].Codec, int64(tracks[i].ClockRate)
	}
	return s
}

// Resume takes the origin over from a piece before.
func (s *Spans) Resume(t Totals) {
	if t.Records > 0 {
		s.SetOrigin(t.Origin)
	}
}

// SetOrigin sets the origin, which the first sample sets otherwise.
func (s *Spans) SetOrigin(second int64) { s.origin, s.begun = second, true }

// Origin returns the second of the samples' time that gets the time stamp Base.
func (s *Spans) Origin() int64 { return s.origin }

// Add takes a sample, whose track must exist. The first one sets the origin.
func (s *Spans) Add(x *mux.Sample) {
	t := &s.tracks[x.Track]
	if !s.begun {
		s.origin, s.begun = floorDiv(x.DTS, t.rate), true
	}
	if t.any {
		t.step = x.DTS - t.last
	}
	t.last, t.any = x.DTS, true
	if t.span.Samples == 0 {
		t.span.Start, t.span.Inside, t.span.Shown = x.DTS, !x.Sync, x.DTS
	}
	if codec.Leading(t.codec, x.Payload) {
		t.span.Inside = true // refers to what is before the random access point
	}
	t.span.Samples++
	t.span.End = x.DTS + t.Dur(x)
	t.span.Shown = max(t.span.Shown, x.PTS+t.Dur(x))
}

// Dur is the duration of a sample in ticks: its own, else as long as the one
// before, else 40 ms.
func (t *track) Dur(x *mux.Sample) int64 {
	switch {
	case x.Dur > 0:
		return x.Dur
	case t.step > 0:
		return t.step
	}
	return max(1, t.rate/25)
}

// Tail is the duration in ticks of the last sample that was added to a track.
func (s *Spans) Tail(track int) int64 {
	t := &s.tracks[track]
	return t.span.End - t.last
}

// Shift returns what must be added to the time stamps of a track, in its ticks.
func (s *Spans) Shift(track int) int64 {
	return (Base - s.origin) * s.tracks[track].rate
}

// Record returns the record of all samples since the last call and begins
// anew. The slice is valid until the next call.
func (s *Spans) Record(state []byte) []byte {
	b := append(s.buf[:0], version)
	b = binary.AppendVarint(b, s.origin)
	b = binary.AppendUvarint(b, uint64(len(state)))
	b = append(b, state...)
	b = binary.AppendUvarint(b, uint64(len(s.tracks)))
	for i := range s.tracks {
		t := &s.tracks[i]
		n := uint64(t.span.Samples) << 1
		if t.span.Inside {
			n |= 1
		}
		b = binary.AppendUvarint(b, n)
		if t.span.Samples > 0 {
			b = binary.AppendVarint(b, t.span.Start)
			b = binary.AppendUvarint(b, uint64(max(0, t.span.End-t.span.Start)))
			b = binary.AppendUvarint(b, uint64(max(0, t.span.Shown-t.span.End)))
		}
		t.span = Span{End: t.span.End}
	}
	s.buf = b
	return b
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
