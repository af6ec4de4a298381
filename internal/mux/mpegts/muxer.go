package mpegts

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
)

const (
	clock    = 90000
	pcrDelay = clock * 7 / 10 // how long a reader may hold bytes before they are due
	pcrEvery = clock / 10     // the longest distance of two PCRs (§2.7.2)
	pcrStep  = clock * 9 / 100
	pcrGap   = 10 * clock // a longer one is a jump, not a pause

	// keepBuffer is the largest buffer that is kept between batches.
	keepBuffer = 1 << 20
)

// ErrEmpty tells that a sample without payload was left out.
var ErrEmpty = errors.New("empty sample")

// Muxer writes the pieces of one playlist. It implements mux.Muxer.
type Muxer struct {
	streams []*stream
	pcr     *stream // the one that carries the PCR
	psi     [2][]byte
	psiCC   [2]byte
	spans   *piece.Spans

	start   bool // PAT and PMT are due
	lastPCR int64
	anyPCR  bool
	pending int // bytes in audio groups
	wrote   bool

	out   []byte
	sent  bool // out was handed out and may be overwritten
	head  []byte
	parts [][]byte
	body  [1][]byte
	state []byte
}

// New starts a playlist with these tracks, whose parameters must be known.
func New(tracks []hooks.Track) (*Muxer, error) {
	if len(tracks) == 0 {
		return nil, errors.New("no tracks")
	}
	m := &Muxer{start: true, spans: piece.NewSpans(tracks)}
	for i := range tracks {
		st, err := newStream(&tracks[i], i)
		if err != nil {
			return nil, err
		}
		m.streams = append(m.streams, st)
	}
	m.pcr = m.streams[piece.Lead(tracks)]
	pmt, ok := pmtPacket(m.streams, m.pcr)
	if !ok {
		return nil, fmt.Errorf("%d tracks are too many for MPEG-TS", len(tracks))
	}
	m.psi = [2][]byte{patPacket(), pmt}
	return m, nil
}

// StartPiece makes the next sample the first one of a new piece. Flush before:
// what is still pending belongs to the new piece otherwise.
func (m *Muxer) StartPiece() {
	m.start = true
	for _, st := range m.streams {
		if st.adts != nil {
			st.adts.due = true
		}
	}
}

// SetOrigin says which second of the samples' time gets the time stamp
// piece.Base. Without it, that of the first sample does. With it, the muxer goes
// on after another one, whose continuity counters it does not know: the first
// packet of each stream says so (discontinuity_indicator, §2.4.3.5), lest a
// reader takes the packet for damaged.
func (m *Muxer) SetOrigin(second int64) {
	m.spans.SetOrigin(second)
	for _, st := range m.streams {
		st.fresh = true
	}
}

// Origin returns that second; it is known from the first Write on.
func (m *Muxer) Origin() int64 { return m.spans.Origin() }

// Init returns nil: a transport stream explains itself.
func (m *Muxer) Init() ([]byte, error) { return nil, nil }

// Write takes one sample. Audio may stay pending until its group is complete.
func (m *Muxer) Write(s *mux.Sample) error {
	if s.Track < 0 || s.Track >= len(m.streams) {
		return fmt.Errorf("no track %d", s.Track)
	}
	st := m.streams[s.Track]
	size := s.Size()
	if size == 0 {
		return ErrEmpty
	}
	if m.sent {
		m.sent = false
		if m.out = m.out[:0]; cap(m.out) > keepBuffer {
			m.out = nil
		}
	}
	if st.audio {
		if err := st.check(size); err != nil {
			return err
		}
		m.spans.Add(s)
		m.writeAudio(st, s, size)
	} else {
		m.spans.Add(s)
		m.writeVideo(st, s)
	}
	m.wrote = true
	return nil
}

// Buffered returns the number of bytes that Flush would return now, roughly.
func (m *Muxer) Buffered() int {
	if m.sent {
		return m.pending
	}
	return len(m.out) + m.pending
}

// Flush returns all that was written since the last Flush, pending audio too.
func (m *Muxer) Flush() mux.Batch {
	if !m.wrote {
		return mux.Batch{}
	}
	for _, st := range m.streams {
		m.flushAudio(st)
	}
	m.wrote, m.sent = false, true
	m.body[0] = m.out
	return mux.Batch{
		Body:   m.body[:],
		Size:   int64(len(m.out)),
		Record: m.spans.Record(m.counters()),
	}
}

// time converts a time stamp of a track to 90 kHz, rounded to the nearest tick.
func (m *Muxer) time(st *stream, t int64) int64 {
	t += m.spans.Shift(int(st.pid - firstPID))
	if st.rate == clock {
		return t
	}
	// whole seconds apart, so that nothing overflows
	sec, rest := t/st.rate, t%st.rate
	if rest < 0 {
		sec, rest = sec-1, rest+st.rate
	}
	return sec*clock + (rest*clock+st.rate/2)/st.rate
}

// clockAt brings the PCR up to a PES packet with this DTS on stream st. It
// returns the PCR and flags that the packet itself has to carry.
func (m *Muxer) clockAt(st *stream, dts int64) (pcr int64, flags byte) {
	now := dts - pcrDelay
	own := st == m.pcr
	if !m.anyPCR || now-m.lastPCR > pcrGap || own && m.lastPCR-now > pcrGap {
		if m.anyPCR {
			flags = afDiscontinuity
		}
		m.anyPCR, m.lastPCR = true, now
		if own {
			return now, flags
		}
		m.pcrPacket(flags, now)
		return noPCR, 0
	}
	for now-m.lastPCR > pcrEvery {
		m.lastPCR += pcrStep
		m.pcrPacket(0, m.lastPCR)
	}
	if own && now > m.lastPCR {
		m.lastPCR = now
		return now, 0
	}
	return noPCR, 0
}

// counters is the state that a record keeps: all continuity counters.
func (m *Muxer) counters() []byte {
	b := append(m.state[:0], m.psiCC[:]...)
	for _, st := range m.streams {
		b = append(b, st.cc)
	}
	m.state = b
	return b
}

func (m *Muxer) setCounters(b []byte) {
	if len(b) != 2+len(m.streams) {
		return // no record yet
	}
	m.psiCC[0], m.psiCC[1] = b[0]&0x0f, b[1]&0x0f
	for i, st := range m.streams {
		st.cc = b[2+i] & 0x0f
	}
}
