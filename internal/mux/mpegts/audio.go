package mpegts

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

const (
	groupBytes = 2930              // 16 packets
	groupTime  = clock / 5         // of a stream without PCR
	groupPCR   = clock * 95 / 1000 // of the stream with the PCR
	groupSlack = clock * 3 / 2000  // by how much a frame may be off its place

	maxADTS = 1<<13 - 1
)

// group is the audio frames that wait for their PES packet.
type group struct {
	buf  []byte
	pts  int64 // of the first frame, 90 kHz
	end  int64 // of the last frame, 90 kHz
	next int64 // what the DTS of the next frame must be, in ticks
}

// check tells whether a frame of size bytes can be written.
func (st *stream) check(size int) error {
	limit := maxPESLength - 1024
	if st.adts != nil {
		limit = maxADTS - codec.ADTSSize - len(st.adts.pce)
	}
	if size > limit {
		return fmt.Errorf("%s frame of %d bytes is too large for MPEG-TS", st.codec, size)
	}
	return nil
}

// writeAudio adds one frame to the group of its track.
func (m *Muxer) writeAudio(st *stream, s *mux.Sample, size int) {
	g := &st.group
	tail := st.ticks(s.Payload[0])
	if tail <= 0 {
		tail = m.spans.Tail(s.Track)
	}
	pts, end := m.time(st, s.DTS), m.time(st, s.DTS+tail)
	if len(g.buf) > 0 {
		off := (s.DTS - g.next) * clock / st.rate
		limit := int64(groupTime)
		if st == m.pcr {
			limit = groupPCR
		}
		if off > groupSlack || off < -groupSlack ||
			end-g.pts > limit || len(g.buf)+size > groupBytes {
			m.flushAudio(st)
		}
	}
	if len(g.buf) == 0 {
		g.pts, g.next = pts, s.DTS
	}
	g.end, g.next = end, g.next+tail
	before := len(g.buf)
	g.buf = st.frame(g.buf, s.Payload, size)
	m.pending += len(g.buf) - before
}

// ticks is how long a reader will take the frame to be, 0 if it is not known.
func (st *stream) ticks(frame []byte) int64 {
	if st.codec == hooks.Opus {
		return opus.PacketDuration2(frame) * st.rate / 48000
	}
	return st.step
}

// flushAudio appends the PES packet of a group.
func (m *Muxer) flushAudio(st *stream) {
	g := &st.group
	if len(g.buf) == 0 {
		return
	}
	pcr, flags := m.clockAt(st, g.pts)
	m.head = pesHeader(m.head[:0], st.id, g.pts, g.pts, len(g.buf))
	m.parts = append(m.parts[:0], m.head, g.buf)
	m.packets(st, flags|afRandomAccess, pcr, m.parts, len(m.head)+len(g.buf))
	m.pending -= len(g.buf)
	g.buf = g.buf[:0]
}

// frame appends one frame as the stream wants it.
func (st *stream) frame(b []byte, payload [][]byte, size int) []byte {
	switch {
	case st.adts != nil:
		b = st.adts.append(b, payload[0], size)
	case st.codec == hooks.Opus:
		b = opusControl(b, size)
	}
	for _, p := range payload {
		b = append(b, p...)
	}
	return b
}

// opusControl appends the control header of an Opus packet (ETSI TS Opus
// 0.1.3-draft): prefix, no trims, then the size in steps of 255.
func opusControl(b []byte, size int) []byte {
	b = append(b, 0x7f, 0xe0)
	for ; size >= 255; size -= 255 {
		b = append(b, 255)
	}
	return append(b, byte(size))
}

// adts is the fixed header of a frame, and what its configuration brings.
type adts struct {
	header [codec.ADTSSize]byte
	rate   int
	pce    []byte // for the first frame of a piece; nil if there is none
	due    bool
}

// newADTS reads an AudioSpecificConfig. With explicitly signalled SBR or PS the
// header describes the core.
func newADTS(asc []byte) (*adts, error) {
	c, err := codec.ParseAAC(asc)
	if err != nil {
		return nil, err
	}
	h, err := c.ADTS()
	if err != nil {
		return nil, err
	}
	return &adts{header: h, rate: c.Rate, pce: c.AppendPCE(nil), due: true}, nil
}

// append appends the header of a frame of size bytes, and the program config element
// (ISO/IEC 14496-3 §1.A.2.2.1) where one is due: a piece may be the first one that a
// reader sees. One that a frame brings itself is kept for the pieces to come.
func (h *adts) append(b []byte, frame []byte, size int) []byte {
	var pce []byte
	switch {
	case codec.StartsWithPCE(frame):
		if h.header[2]&1 == 0 && h.header[3]>>6 == 0 && h.pce == nil {
			c := codec.AAC{}
			c.Learn(frame)
			h.pce = c.AppendPCE(nil)
		}
		h.due = false
	case h.due:
		pce, h.due = h.pce, false
	}
	head := h.header
	codec.SetADTSSize(&head, len(pce)+size)
	return append(append(b, head[:]...), pce...)
}
