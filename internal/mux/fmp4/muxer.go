package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

const (
	// copyBelow is the size from which payload is referenced.
	copyBelow = 4 << 10

	// maxFragment bounds a fragment, whose offsets are 32 bits.
	maxFragment = 1 << 30

	// keepBuffer is the largest buffer that is kept between batches.
	keepBuffer = 1 << 18
)

// Errors of one sample, which is left out.
var (
	ErrEmpty = errors.New("empty sample")
	ErrTime  = errors.New("time stamp that fragmented MP4 cannot hold")
	ErrFull  = errors.New("too much was written without Flush")
)

// entry is one sample of the open fragment.
type entry struct {
	size uint32
	dur  uint32
	cto  int32
	sync bool

	point    bool // a recovery point that is no IDR
	distance int16
}

// segment is payload that is referenced, or, if ref is nil, n bytes of the
// track's copied payload.
type segment struct {
	ref []byte
	n   int
}

// track is one track of the playlist and its part of the open fragment.
type track struct {
	codec  hooks.Codec
	params [][]byte // parameter sets, written before each sync sample
	meter  codec.Meter
	groups isobmff.Writer // sample groups of the fragment that Flush makes

	entries []entry
	base    int64 // DTS of the first entry, shifted
	last    int64 // DTS of the last entry, shifted
	copied  []byte
	segs    []segment
	size    int // bytes of payload
}

// Muxer writes the pieces of one playlist. It implements mux.Muxer.
type Muxer struct {
	tracks  []*track
	hooks   []hooks.Track
	entries []isobmff.Entry
	spans   *piece.Spans

	sequence uint32
	start    bool // styp is due
	size     int  // bytes of payload in the open fragment
	samples  int
	sent     bool // the last batch may be overwritten

	head  []byte
	body  [][]byte
	state []byte
}

// New starts a playlist with these tracks, whose parameters must be known.
func New(tracks []hooks.Track) (*Muxer, error) {
	if len(tracks) == 0 {
		return nil, errors.New("no tracks")
	}
	entries, err := describe(tracks)
	if err != nil {
		return nil, err
	}
	m := &Muxer{hooks: tracks, entries: entries, start: true}
	for i := range tracks {
		t := &tracks[i]
		x := &track{codec: t.Codec}
		switch t.Codec {
		case hooks.H264:
			x.params = [][]byte{t.SPS, t.PPS}
		case hooks.H265:
			x.params = [][]byte{t.VPS, t.SPS, t.PPS}
		}
		m.tracks = append(m.tracks, x)
	}
	m.spans = piece.NewSpans(tracks)
	return m, nil
}

// SetOrigin says which second of the samples' time gets the time stamp
// piece.Base. Without it, that of the first sample does.
func (m *Muxer) SetOrigin(second int64) { m.spans.SetOrigin(second) }

// Origin returns that second; it is known from the first Write on.
func (m *Muxer) Origin() int64 { return m.spans.Origin() }

// Init returns the init segment. Bit rates, channels of Opus and the like are exact
// once the first second was written. The caller owns the bytes.
func (m *Muxer) Init() ([]byte, error) { return m.initSegment(), nil }

// StartPiece makes the next fragment the first one of a new piece. Flush before:
// what is still pending belongs to the new piece otherwise.
func (m *Muxer) StartPiece() { m.start = true }

// Write takes one sample.
func (m *Muxer) Write(s *mux.Sample) error {
	if s.Track < 0 || s.Track >= len(m.tracks) {
		return fmt.Errorf("no track %d", s.Track)
	}
	m.reuse()
	t := m.tracks[s.Track]
	cto := s.PTS - s.DTS
	if cto > math.MaxInt32 || cto < math.MinInt32 {
		return ErrTime
	}
	if m.size+s.Size() > maxFragment {
		return ErrFull
	}
	size := t.size
	t.store(s)
	n := t.size - size
	if n == 0 {
		return ErrEmpty
	}
	m.spans.Add(s)
	t.learn(&m.hooks[s.Track], s)
	t.add(s, n, max(0, s.DTS+m.spans.Shift(s.Track)), m.spans.Tail(s.Track))
	m.size += n
	m.samples++
	return nil
}

// learn takes over what the sample tells of the track.
func (t *track) learn(h *hooks.Track, s *mux.Sample) {
	t.meter.Add(h, s.DTS, s.Dur, s.Size())
	if b := s.Payload[0]; t.meter.Frame == nil && codec.Telling(h, b, s.Sync) {
		t.meter.Frame = append([]byte{}, b[:min(len(b), codec.FrameSize)]...)
	}
}

// add appends the entry of a sample and corrects the duration of the one before.
func (t *track) add(s *mux.Sample, size int, dts, dur int64) {
	if k := len(t.entries); k > 0 {
		dts = max(dts, t.last)
		t.entries[k-1].dur = uint32(min(dts-t.last, math.MaxUint32))
		t.last += int64(t.entries[k-1].dur)
	} else {
		t.base, t.last = dts, dts
	}
	e := entry{
		size: uint32(size),
		dur:  uint32(min(max(dur, 0), math.MaxUint32)),
		cto:  int32(s.PTS - s.DTS),
		sync: s.Sync,
	}
	n, point := codec.Recovery(t.codec, s.Payload)
	e.point, e.distance = point, int16(n)
	t.entries = append(t.entries, e)
}

// reuse empties the fragment that the last Flush returned.
func (m *Muxer) reuse() {
	if !m.sent {
		return
	}
	m.sent = false
	clear(m.body)
	for _, t := range m.tracks {
		clear(t.segs)
		t.segs, t.entries, t.copied, t.size = t.segs[:0], t.entries[:0], t.copied[:0], 0
		if cap(t.copied) > keepBuffer {
			t.copied = nil
		}
	}
}

// Buffered returns the number of bytes that Flush would return now, roughly.
func (m *Muxer) Buffered() int {
	if m.samples == 0 {
		return 0
	}
	return m.size + 16*m.samples + 100
}

// Flush returns all that was written since the last Flush as one fragment.
func (m *Muxer) Flush() mux.Batch {
	if m.samples == 0 {
		return mux.Batch{}
	}
	m.sequence++
	m.head = m.head[:0]
	if m.start {
		m.start = false
		m.head = append(m.head, styp...)
	}
	for i, t := range m.tracks {
		t.group(&m.entries[i])
	}
	m.head = m.appendMoof(m.head)
	m.head = binary.BigEndian.AppendUint32(m.head, uint32(8+m.size))
	m.head = append(m.head, "mdat"...)

	m.body = append(m.body[:0], m.head)
	for _, t := range m.tracks {
		m.body = t.appendBody(m.body)
	}
	b := mux.Batch{Body: m.body, Size: int64(len(m.head) + m.size)}
	m.state = binary.BigEndian.AppendUint32(m.state[:0], m.sequence)
	b.Record = m.spans.Record(m.state)
	m.size, m.samples, m.sent = 0, 0, true
	return b
}

// appendBody appends the payload of a track, in order.
func (t *track) appendBody(body [][]byte) [][]byte {
	from := 0
	for _, s := range t.segs {
		if s.ref == nil {
			body = append(body, t.copied[from:from+s.n])
			from += s.n
		} else {
			body = append(body, s.ref)
		}
	}
	return body
}

func (m *Muxer) setState(b []byte) {
	if len(b) == 4 {
		m.sequence = binary.BigEndian.Uint32(b)
	}
}
