package mp4

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

// ErrNoSamples tells that there is nothing to make a file of.
var ErrNoSamples = errors.New("mp4: no samples")

const (
	mdatHeader = 16
	freeHeader = 8
)

// Head implements mux.Format. It reads the records twice. room must hold at least
// ftyp, an empty free and the mdat header: 64 bytes are enough. ErrNoSamples is
// returned if the records hold none.
func (format) Head(tracks []hooks.Track, records mux.Records, bodySize, room int64) (mux.Head, error) {
	m, err := count(tracks, records, bodySize)
	if err != nil {
		return mux.Head{}, err
	}
	w := &isobmff.Writer{B: make([]byte, 0, max(m.estimate(), room))}
	m.ftyp(w)
	ftyp := len(w.B)
	m.moov(w)
	end := len(w.B)

	var h mux.Head
	spare := room - int64(end) - mdatHeader
	switch {
	case room == 0:
		appendMdat(w, bodySize)
		h.Front = w.B
	case spare == 0 || spare >= freeHeader:
		appendFree(w, spare)
		appendMdat(w, bodySize)
		h.Front = w.B
	default:
		front := &isobmff.Writer{B: append(make([]byte, 0, room), w.B[:ftyp]...)}
		spare = room - int64(ftyp) - mdatHeader
		if spare != 0 && spare < freeHeader {
			return mux.Head{}, fmt.Errorf("mp4: no head fits into %d bytes", room)
		}
		appendFree(front, spare)
		appendMdat(front, bodySize)
		h.Front, h.Back = front.B, w.B[ftyp:end:end]
	}
	return h, m.fill(w.B, records, int64(len(h.Front)))
}

// appendFree appends a free box of n bytes in all; nothing if n is 0.
func appendFree(w *isobmff.Writer, n int64) {
	if n == 0 {
		return
	}
	w.U32(uint32(n))
	w.Str("free")
	w.Zero(int(n) - freeHeader)
}

func appendMdat(w *isobmff.Writer, body int64) {
	w.U32(1)
	w.Str("mdat")
	w.U64(uint64(mdatHeader + body))
}

// count is the first pass: it finds how large the tables are.
func count(tracks []hooks.Track, records mux.Records, bodySize int64) (*movie, error) {
	descriptions, err := describeAll(tracks)
	if err != nil {
		return nil, err
	}
	m := &movie{tables: make([]*table, len(tracks))}
	for i := range tracks {
		m.tables[i] = newTable(&tracks[i], descriptions[i])
	}
	size, err := pass(m.tables, records, &m.notes, 0, nil)
	if err != nil {
		return nil, err
	}
	if size > bodySize {
		return nil, fmt.Errorf("mp4: the index describes %d bytes, the body has %d", size, bodySize)
	}
	if size == 0 {
		return nil, ErrNoSamples
	}
	m.plan()
	return m, nil
}

// fill is the second pass: it writes the tables into the places that moov left
// for them in b.
func (m *movie) fill(b []byte, records mux.Records, base int64) error {
	tables := make([]*table, len(m.tables))
	shifts := make([]int64, len(m.tables))
	for i, t := range m.tables {
		_, shifts[i] = t.edit()
		tables[i] = newTable(t.track, t.desc)
		m.places[i].open(tables[i], b)
	}
	if _, err := pass(tables, records, nil, base, shifts); err != nil {
		return err
	}
	for i, t := range tables {
		if t.samples != m.tables[i].samples || t.bytes != m.tables[i].bytes {
			return errors.New("mp4: the journal changed while the head was built")
		}
	}
	return nil
}

// places are the offsets of a track's tables in the head, and their lengths.
type places struct {
	stts, ctts, stsc, stscFrames, stsz, stss, co64 place
}

type place struct{ at, size int }

func (p place) of(b []byte) []byte {
	if p.size == 0 {
		return nil
	}
	return b[p.at : p.at+p.size]
}

func (p *places) open(t *table, b []byte) {
	t.stts.out, t.ctts.out = p.stts.of(b), p.ctts.of(b)
	t.stsc.out, t.stscFrames.out = p.stsc.of(b), p.stscFrames.of(b)
	t.stsz.out, t.stss.out, t.co64.out = p.stsz.of(b), p.stss.of(b), p.co64.of(b)
}
