package codec

import "github.com/live-recording/liverecord/hooks"

// Recovery looks for a recovery point (H.264 §D.2.8, H.265 §D.3.8) in an access unit
// that is no random access point anyway, and returns how many pictures later the
// output is right.
func Recovery(c hooks.Codec, payload [][]byte) (pictures int, ok bool) {
	for _, n := range payload {
		if len(n) < 4 {
			continue
		}
		switch {
		case c == hooks.H264 && n[0]&0x1F == 5, c == hooks.H265 && n[0]>>1&0x3F >= 16 && n[0]>>1&0x3F < 24:
			return 0, false
		case ok:
		case c == hooks.H264 && n[0]&0x1F == 6:
			if b := message(n[1:], 6); b != nil {
				r := &bits{b: b}
				pictures = min(int(r.ue()), 1<<14)
				ok = !r.over
			}
		case c == hooks.H265 && n[0]>>1&0x3F == 39:
			if b := message(n[2:], 6); b != nil {
				r := &bits{b: b}
				pictures = min(max(int(r.se()), 0), 1<<14)
				ok = !r.over
			}
		}
	}
	return pictures, ok
}

// message finds the SEI message of a type (H.264 §7.3.2.3.1); nil if there is none.
func message(sei []byte, kind int) []byte {
	sei = Unescape(sei)
	for len(sei) > 2 {
		var t, size int
		var ok bool
		if t, sei, ok = seiNumber(sei); !ok {
			return nil
		}
		if size, sei, ok = seiNumber(sei); !ok || size > len(sei) {
			return nil
		}
		if t == kind {
			return sei[:size]
		}
		sei = sei[size:]
	}
	return nil
}

func seiNumber(b []byte) (n int, rest []byte, ok bool) {
	for i, c := range b {
		n += int(c)
		if c != 0xFF {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// Leading tells whether an access unit of H.265 is a RASL picture, which cannot be
// decoded if decoding began at the random access point before (§3, NAL types 8, 9).
func Leading(c hooks.Codec, payload [][]byte) bool {
	if c != hooks.H265 {
		return false
	}
	for _, n := range payload {
		if len(n) > 0 && n[0]>>1&0x3F < 32 {
			kind := n[0] >> 1 & 0x3F
			return kind == 8 || kind == 9
		}
	}
	return false
}
