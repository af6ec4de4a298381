package flv

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/index"
)

// refSize is the size from which a part of a payload is referenced; smaller
// ones are copied, which costs less than one more slice to write.
const refSize = 4096

// maxComposition is the largest composition time in ms (24 bits, signed).
const maxComposition = 1<<23 - 1

// frameHeadMax is the most that frameHead appends.
const frameHeadMax = 8

// Errors of Write, wrapped with the track's number.
var (
	errTrack = errors.New("no such track")
	errEmpty = errors.New("nothing to store in the sample")
	errLarge = errors.New("sample larger than an FLV tag can be (16 MiB)")
	errRange = errors.New("time stamp beyond what FLV can hold")
)

// pending is a sample that waits for Flush.
type pending struct {
	track int
	key   bool
	size  int   // of the payload as it is written
	dts   int64 // ticks
	cto   int64 // ticks
	dur   int64 // ticks
	at    int64 // dts in ns
	parts [][]byte
}

// muxer implements mux.Muxer. Samples are kept until Flush, since only then
// the file's zero is known.
type muxer struct {
	streams  []stream
	clock    clock
	pending  []pending
	buffered int
	index    index.Encoder

	flushed bool // pending and body were returned and may be reused
	out     gather
}

// Write implements mux.Muxer.
func (m *muxer) Write(s *mux.Sample) error {
	m.reuse()
	if s.Track < 0 || s.Track >= len(m.streams) {
		return fmt.Errorf("flv: track %d: %w", s.Track, errTrack)
	}
	st := &m.streams[s.Track]
	p, err := m.prepare(st, s)
	if err != nil {
		return fmt.Errorf("flv: track %d: %w", s.Track, err)
	}
	st.seen, st.last = true, p.dts
	m.pending = append(m.pending, p)
	m.buffered += tagOverhead + frameHeadMax + p.size
	return nil
}

func (m *muxer) prepare(st *stream, s *mux.Sample) (pending, error) {
	p := pending{track: s.Track, key: s.Sync, dts: s.DTS, dur: max(s.Dur, 0), parts: s.Payload}
	if st.seen {
		p.dts = max(p.dts, st.last)
	}
	p.size = st.payloadSize(s.Payload)
	switch {
	case p.size == 0:
		return p, errEmpty
	case p.size > maxTagData-frameHeadMax:
		return p, errLarge
	case !inRange(p.dts, st.rate) || !inRange(s.PTS, st.rate):
		return p, errRange
	}
	if st.composition {
		p.cto = s.PTS - p.dts
	}
	p.at = nanos(p.dts, st.rate)
	if m.tooLate(p.at) || abs(p.cto/st.rate) >= maxComposition/1000 {
		return p, errRange
	}
	return p, nil
}

// tooLate tells that a tag's time would not fit. Before the first Flush the
// zero is the earliest sample; the first one stands for it.
func (m *muxer) tooLate(at int64) bool {
	c := m.clock
	if len(m.pending) > 0 {
		c.start(m.pending[0].at)
	}
	return c.started && c.millis(at) > maxMillis
}

// Buffered implements mux.Muxer.
func (m *muxer) Buffered() int {
	if m.flushed {
		return 0
	}
	return m.buffered
}

// Flush implements mux.Muxer.
func (m *muxer) Flush() mux.Batch {
	m.reuse()
	if len(m.pending) == 0 {
		return mux.Batch{}
	}
	slices.SortStableFunc(m.pending, func(a, b pending) int { return cmp.Compare(a.at, b.at) })
	if !m.clock.started {
		m.clock.start(m.pending[0].at)
		m.index.Note(append(m.clock.note(), m.learn()...))
		m.out.scratch = appendStarts(m.out.scratch, m.streams)
	} else {
		m.index.Note(m.clock.note())
	}
	for i := range m.pending {
		m.encode(&m.pending[i])
	}
	m.out.cut()
	m.flushed = true
	return mux.Batch{Body: m.out.body, Size: m.out.size, Record: m.index.Record()}
}

// learn takes over what the first samples tell of their tracks. It returns a note
// of the sequence headers that have another size than the track's own: Head must
// know how long the headers are.
func (m *muxer) learn() (note []byte) {
	facts := make([]codec.Facts, len(m.streams))
	meters := make([]codec.Meter, len(m.streams))
	for i := range m.pending {
		p := &m.pending[i]
		st := &m.streams[p.track]
		meters[p.track].Add(st.track, p.dts, p.dur, p.size)
		if b := p.parts[0]; facts[p.track].Frame == nil && codec.Telling(st.track, b, p.key) {
			facts[p.track].Frame = b
		}
	}
	for i := range m.streams {
		meters[i].Frame = facts[i].Frame
		if st := &m.streams[i]; st.learn(&meters[i].Facts) {
			note = appendStartNote(note, i, st.config)
		}
	}
	return note
}

// reuse forgets what the last Flush returned.
func (m *muxer) reuse() {
	if !m.flushed {
		return
	}
	clear(m.pending)
	m.pending, m.buffered, m.flushed = m.pending[:0], 0, false
	m.out.reset()
}

// encode appends the tag of a sample and its journal entry.
func (m *muxer) encode(p *pending) {
	st, o := &m.streams[p.track], &m.out
	before := int64(0) // the sequence headers count with the first sample
	if m.index.Len() > 0 {
		before = o.total()
	}
	ms := m.clock.stamp(p.at)
	composition := int64(0)
	if st.composition {
		composition = m.clock.millis(nanos(p.dts+p.cto, st.rate)) - ms
		composition = min(max(composition, -maxComposition), maxComposition)
	}
	var buf [frameHeadMax]byte
	head := st.frameHead(buf[:0], p.key, composition)
	size := len(head) + p.size
	o.scratch = appendTagHead(o.scratch, st.kind(), size, uint32(ms))
	o.scratch = append(o.scratch, head...)
	st.payload(o, p.parts)
	o.scratch = appendTagEnd(o.scratch, size)
	m.index.Add(index.Entry{
		Track: p.track, Key: p.key, Size: o.total() - before, DTS: p.dts, CTO: p.cto, Dur: p.dur,
	})
}

// payloadSize is the size of a payload as payload writes it.
func (s *stream) payloadSize(parts [][]byte) int {
	n := 0
	for _, part := range parts {
		switch {
		case s.drops(part):
		case s.framing == nalus:
			n += 4 + len(part)
		case s.framing == obus:
			n += obuSize(part)
		default:
			n += len(part)
		}
	}
	return n
}

func (s *stream) payload(o *gather, parts [][]byte) {
	for _, part := range parts {
		switch {
		case s.drops(part):
			continue
		case s.framing == nalus:
			o.scratch = binary.BigEndian.AppendUint32(o.scratch, uint32(len(part)))
		case s.framing == obus:
			o.scratch = appendOBUHead(o.scratch, part)
			part = obuPayload(part)
		}
		o.put(part)
	}
}

// gather collects a batch: small pieces in scratch, large ones by reference.
type gather struct {
	scratch []byte
	mark    int // scratch before it is in body
	body    [][]byte
	size    int64 // of body
}

func (g *gather) put(p []byte) {
	if len(p) < refSize {
		g.scratch = append(g.scratch, p...)
		return
	}
	g.cut()
	g.body = append(g.body, p)
	g.size += int64(len(p))
}

// cut moves what scratch has gathered into body. A later growth of scratch
// leaves the slices in body valid.
func (g *gather) cut() {
	if n := len(g.scratch); n > g.mark {
		g.body = append(g.body, g.scratch[g.mark:n:n])
		g.size += int64(n - g.mark)
		g.mark = n
	}
}

func (g *gather) total() int64 { return g.size + int64(len(g.scratch)-g.mark) }

func (g *gather) reset() {
	clear(g.body)
	g.scratch, g.mark, g.body, g.size = g.scratch[:0], 0, g.body[:0], 0
}

func abs(v int64) int64 { return max(v, -v) }
