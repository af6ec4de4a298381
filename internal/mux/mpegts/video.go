package mpegts

import (
	"bytes"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

var startCode = []byte{0, 0, 0, 1}

// writeVideo appends the PES packet of one access unit (ITU-T H.264 and H.265,
// byte stream format of Annex B).
func (m *Muxer) writeVideo(st *stream, s *mux.Sample) {
	dts := m.time(st, s.DTS)
	pts := max(dts, m.time(st, s.PTS)) // §2.4.3.7 knows no earlier one
	pcr, flags := m.clockAt(st, dts)
	if s.Sync {
		flags |= afRandomAccess
	}

	m.parts = append(m.parts[:0], nil) // the PES header, once the size is known
	m.nal(st.delimiter())
	if s.Sync {
		for _, p := range st.params {
			m.nal(p)
		}
	}
	for _, n := range s.Payload {
		if len(n) > 0 && !st.repeats(n, s.Sync) {
			m.nal(n)
		}
	}
	size := 0
	for _, p := range m.parts {
		size += len(p)
	}
	m.head = pesHeader(m.head[:0], st.id, pts, dts, size)
	m.parts[0] = m.head
	m.packets(st, flags, pcr, m.parts, size+len(m.head))
	clear(m.parts) // let go of the payload
}

func (m *Muxer) nal(n []byte) { m.parts = append(m.parts, startCode, n) }

var (
	delimiterH264 = []byte{0x09, 0xf0}
	delimiterH265 = []byte{0x46, 0x01, 0x50}
)

func (st *stream) delimiter() []byte {
	if st.codec == hooks.H265 {
		return delimiterH265
	}
	return delimiterH264
}

// repeats tells whether a NAL unit is written anyway: a delimiter, or at a sync
// sample a parameter set of the track.
func (st *stream) repeats(n []byte, sync bool) bool {
	kind, delimiter := n[0]&0x1f, byte(9)
	if st.codec == hooks.H265 {
		kind, delimiter = n[0]>>1&0x3f, 35
	}
	if kind == delimiter {
		return true
	}
	if !sync {
		return false
	}
	for _, p := range st.params {
		if bytes.Equal(n, p) {
			return true
		}
	}
	return false
}
