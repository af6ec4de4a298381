package codec

// MPEGLayer is the layer of an MPEG audio frame, 1 to 3; 0 if it is no frame
// (ISO/IEC 11172-3 §2.4.1.3).
func MPEGLayer(frame []byte) int {
	if len(frame) < 2 || frame[0] != 0xFF || frame[1]&0xE0 != 0xE0 {
		return 0
	}
	return (4 - int(frame[1]>>1&3)) % 4
}
