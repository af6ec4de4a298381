package mpegts

const (
	idVideo   = 0xe0
	idAudio   = 0xc0
	idPrivate = 0xbd

	maxPESLength = 65535
)

// pesHeader appends the header of a PES packet whose payload is size bytes
// (§2.4.3.6). Time stamps are in 90 kHz ticks; a DTS is written if it differs.
func pesHeader(b []byte, id byte, pts, dts int64, size int) []byte {
	stamps, n := byte(0x80), 5
	if pts != dts {
		stamps, n = 0xc0, 10
	}
	length := size + 3 + n
	if length > maxPESLength {
		length = 0 // allowed for video only; the caller keeps audio below
	}
	b = append(b, 0, 0, 1, id, byte(length>>8), byte(length),
		0x84, // marker, data_alignment_indicator: an access unit begins here
		stamps, byte(n))
	b = stamp(b, stamps>>2, pts)
	if pts != dts {
		b = stamp(b, 0x10, dts)
	}
	return b
}

// stamp appends a 33-bit time stamp after the four bits of prefix.
func stamp(b []byte, prefix byte, t int64) []byte {
	v := uint64(t)
	return append(b,
		prefix|byte(v>>29)&0x0e|1,
		byte(v>>22),
		byte(v>>14)|1,
		byte(v>>7),
		byte(v<<1)|1)
}
