package codec

import "errors"

// ErrShort tells that a parameter set ends before its first fields.
var ErrShort = errors.New("too short")

// ErrNoSPS tells that an id is out of range: what follows is no parameter set that
// a decoder could use (ITU-T H.264 §7.4.2.1.1: 0 to 31; H.265 §7.4.3.2.1: 0 to 15).
var ErrNoSPS = errors.New("seq_parameter_set_id is out of range")

// bits reads bits, most significant first. Beyond the end it reads zeros and
// remembers.
type bits struct {
	b    []byte
	pos  int
	over bool
}

func (r *bits) u(n int) uint32 {
	v := uint32(0)
	for range n {
		v <<= 1
		if r.pos>>3 >= len(r.b) {
			r.over = true
			continue
		}
		v |= uint32(r.b[r.pos>>3]>>(7-r.pos&7)) & 1
		r.pos++
	}
	return v
}

func (r *bits) flag() bool { return r.u(1) != 0 }

func (r *bits) skip(n int) {
	if n < 0 || n > 8*len(r.b)-r.pos {
		r.pos, r.over = 8*len(r.b), true
		return
	}
	r.pos += n
}

// ue is Exp-Golomb (ITU-T H.264 §9.1); 32 leading zeros or more are an error.
func (r *bits) ue() uint32 {
	zeros := 0
	for !r.flag() {
		zeros++
		if r.over || zeros > 31 {
			r.over = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

func (r *bits) se() int32 {
	v := r.ue()
	if v&1 != 0 {
		return int32(v>>1) + 1
	}
	return -int32(v >> 1)
}

// align moves to the next whole byte.
func (r *bits) align() { r.pos = (r.pos + 7) &^ 7 }

// writer appends bits, most significant first.
type writer struct {
	b []byte
	n int // bits in b
}

func (w *writer) u(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n&7 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[len(w.b)-1] |= byte(v>>i&1) << (7 - w.n&7)
		w.n++
	}
}

func (w *writer) align() { w.n = (w.n + 7) &^ 7 }

// Unescape removes emulation prevention bytes (H.264 §7.4.1.1, H.265 §7.4.2).
// Without any, the result is nal itself.
func Unescape(nal []byte) []byte {
	zeros := 0
	for i, c := range nal {
		if zeros >= 2 && c == 3 {
			return unescape(nal, i)
		}
		zeros = count(zeros, c)
	}
	return nal
}

func unescape(nal []byte, from int) []byte {
	out := append(make([]byte, 0, len(nal)), nal[:from]...)
	zeros := 2
	for _, c := range nal[from:] {
		if zeros >= 2 && c == 3 {
			zeros = 0
			continue
		}
		out = append(out, c)
		zeros = count(zeros, c)
	}
	return out
}

func count(zeros int, c byte) int {
	if c == 0 {
		return zeros + 1
	}
	return 0
}
