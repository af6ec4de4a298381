package mpegts

import (
	"slices"

	"github.com/live-recording/liverecord/hooks"
)

const (
	packetSize = 188
	noPCR      = -1

	// flags of an adaptation field (§2.4.3.4)
	afDiscontinuity = 0x80
	afRandomAccess  = 0x40
	afPCR           = 0x10
)

// stream is one elementary stream.
type stream struct {
	codec  hooks.Codec
	rate   int64 // ticks per second
	step   int64 // ticks per audio frame, 0 if they vary or are not known
	pid    uint16
	cc     byte   // continuity counter of the next packet with payload
	fresh  bool   // the counter does not follow from what a reader knows
	kind   byte   // stream_type
	id     byte   // stream_id of its PES packets
	desc   []byte // descriptors in the PMT
	audio  bool
	params [][]byte // parameter sets to put before sync samples
	adts   *adts
	group  group
}

// packets appends the packets of one PES packet, whose bytes are size bytes in
// parts. The first packet carries the flags and, unless it is noPCR, pcr in 90
// kHz ticks.
func (m *Muxer) packets(st *stream, flags byte, pcr int64, parts [][]byte, size int) {
	m.tables()
	if pcr != noPCR {
		flags |= afPCR
	}
	if st.fresh {
		flags |= afDiscontinuity
		st.fresh = false
	}
	count := (size + 10 + 183) / 184 // 10: at most, of an adaptation field
	m.out = slices.Grow(m.out, count*packetSize)
	var part []byte
	for first := true; size > 0; first = false {
		end := len(m.out)
		m.out = m.out[:end+packetSize]
		p := m.out[end : end+packetSize : end+packetSize]
		n := header(p, st, first, flags, pcr, size)
		size -= packetSize - n
		for n < packetSize {
			if len(part) == 0 {
				part, parts = parts[0], parts[1:]
			}
			c := copy(p[n:], part)
			part, n = part[c:], n+c
		}
		flags, pcr = 0, noPCR
	}
}

// header writes the packet header and the adaptation field, stuffed so that the
// remaining left bytes of payload end the packet. It returns their length.
func header(p []byte, st *stream, first bool, flags byte, pcr int64, left int) int {
	p[0], p[1], p[2], p[3] = 0x47, byte(st.pid>>8), byte(st.pid), 0x10|st.cc
	st.cc = (st.cc + 1) & 0x0f
	if first {
		p[1] |= 0x40
	}
	n := 4
	if flags != 0 {
		n = 6
		p[5] = flags
		if flags&afPCR != 0 {
			putPCR(p[6:], pcr)
			n = 12
		}
	}
	start := max(n, packetSize-left)
	if start == 4 {
		return 4
	}
	p[3] |= 0x20
	p[4] = byte(start - 5)
	if n == 4 && start > 5 {
		p[5], n = 0, 6
	}
	if n < start {
		fill(p[max(n, 5):start])
	}
	return start
}

// pcrPacket appends a packet without payload that carries only a PCR.
func (m *Muxer) pcrPacket(flags byte, pcr int64) {
	m.tables()
	m.out = slices.Grow(m.out, packetSize)
	end := len(m.out)
	m.out = m.out[:end+packetSize]
	p := m.out[end:]
	st := m.pcr
	if st.fresh {
		flags |= afDiscontinuity
	}
	p[0], p[1], p[2] = 0x47, byte(st.pid>>8), byte(st.pid)
	p[3] = 0x20 | (st.cc-1)&0x0f // not counted (§2.4.3.3)
	p[4], p[5] = packetSize-5, flags|afPCR
	putPCR(p[6:], pcr)
	fill(p[12:])
}

// putPCR writes 90 kHz ticks as a program clock reference (§2.4.3.5).
func putPCR(b []byte, t int64) {
	v := uint64(t) & (1<<33 - 1)
	b[0], b[1], b[2], b[3] = byte(v>>25), byte(v>>17), byte(v>>9), byte(v>>1)
	b[4], b[5] = byte(v<<7)|0x7e, 0
}

// tables appends PAT and PMT if a piece begins here.
func (m *Muxer) tables() {
	if !m.start {
		return
	}
	m.start = false
	for i, t := range m.psi {
		n := len(m.out)
		m.out = append(m.out, t...)
		m.out[n+3] |= m.psiCC[i]
		m.psiCC[i] = (m.psiCC[i] + 1) & 0x0f
	}
}
