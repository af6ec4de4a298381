package mpegts

import (
	"iter"

	"github.com/live-recording/liverecord/hooks"
)

const nullPID = 0x1fff

// Fill implements mux.Filler: a range is null packets (ISO/IEC 13818-1 §2.4.3.3), at
// the start of a piece behind PAT and PMT. For each stream one packet without payload
// says at the end that its continuity counter jumps.
func (Format) Fill(tracks []hooks.Track, offset, n int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		m, err := New(tracks)
		for done := int64(0); n-done >= packetSize; done += packetSize {
			p := nullPacket()
			if err == nil {
				p = m.filler(offset+done, (n-done)/packetSize)
			}
			if !yield(p) {
				return
			}
		}
		if rest := n % packetSize; rest > 0 { // not made by us
			yield(make([]byte, rest))
		}
	}
}

// filler is the packet at that offset of a piece, with left packets to fill.
func (m *Muxer) filler(offset, left int64) []byte {
	if i := offset / packetSize; i < int64(len(m.psi)) {
		return m.psi[i]
	}
	if left <= int64(len(m.streams)) {
		return jumpPacket(m.streams[left-1].pid)
	}
	return nullPacket()
}

func nullPacket() []byte {
	p := make([]byte, packetSize)
	p[0], p[1], p[2], p[3] = 0x47, nullPID>>8, nullPID&0xff, 0x10
	fill(p[4:])
	return p
}

// jumpPacket has an adaptation field with discontinuity_indicator and no payload.
func jumpPacket(pid uint16) []byte {
	p := make([]byte, packetSize)
	p[0], p[1], p[2], p[3] = 0x47, byte(pid>>8), byte(pid), 0x20
	p[4], p[5] = packetSize-5, afDiscontinuity
	fill(p[6:])
	return p
}
