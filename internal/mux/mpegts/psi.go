package mpegts

import "encoding/binary"

const (
	pmtPID   = 0x1000
	firstPID = 0x100
	program  = 1
)

// patPacket is the packet with the program association table (§2.4.4.3).
// Its continuity counter is 0.
func patPacket() []byte {
	s := []byte{
		0x00,    // table_id
		0xb0, 0, // section_length
		0x00, 0x01, // transport_stream_id
		0xc1, 0, 0, // version 0, current, section 0 of 0
		program >> 8, program & 0xff, 0xe0 | pmtPID>>8, pmtPID & 0xff,
	}
	return section(0, s)
}

// pmtPacket is the packet with the program map table (§2.4.4.8). It fails if
// there are more streams than fit into one packet.
func pmtPacket(streams []*stream, pcr *stream) ([]byte, bool) {
	s := []byte{
		0x02,
		0xb0, 0,
		program >> 8, program & 0xff,
		0xc1, 0, 0,
		0xe0 | byte(pcr.pid>>8), byte(pcr.pid),
		0xf0, 0,
	}
	for _, st := range streams {
		s = append(s, st.kind, 0xe0|byte(st.pid>>8), byte(st.pid), 0xf0, byte(len(st.desc)))
		s = append(s, st.desc...)
	}
	if len(s)+4 > packetSize-5 {
		return nil, false
	}
	return section(pmtPID, s), true
}

// section completes a section and puts it into a packet.
func section(pid uint16, s []byte) []byte {
	s[2] = byte(len(s) - 3 + 4)
	s = binary.BigEndian.AppendUint32(s, crc32(s))
	p := make([]byte, packetSize)
	p[0], p[1], p[2], p[3] = 0x47, 0x40|byte(pid>>8), byte(pid), 0x10
	n := 5 + copy(p[5:], s)
	fill(p[n:])
	return p
}

// crc32 is the CRC of sections (§Annex A), most significant bit first.
func crc32(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x) << 24
		for range 8 {
			if c&(1<<31) != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
	}
	return c
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}
