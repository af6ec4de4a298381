package mp4

import (
	"encoding/binary"
	"slices"
)

// boxes builds nested boxes (ISO/IEC 14496-12 §4.2) in one buffer.
type boxes struct {
	b    []byte
	open []int // where the open boxes begin
}

// start opens a box; what is appended until end is its content.
func (w *boxes) start(kind string) {
	w.open = append(w.open, len(w.b))
	w.u32(0)
	w.b = append(w.b, kind...)
}

// full opens a FullBox.
func (w *boxes) full(kind string, version byte, flags uint32) {
	w.start(kind)
	w.u32(uint32(version)<<24 | flags)
}

// end closes the box opened last and writes its size.
func (w *boxes) end() {
	at := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at))
}

func (w *boxes) u8(v ...byte)    { w.b = append(w.b, v...) }
func (w *boxes) u16(v ...uint16) { appendEach(w, v, binary.BigEndian.AppendUint16) }
func (w *boxes) u32(v ...uint32) { appendEach(w, v, binary.BigEndian.AppendUint32) }
func (w *boxes) u64(v ...uint64) { appendEach(w, v, binary.BigEndian.AppendUint64) }
func (w *boxes) str(s string)    { w.b = append(w.b, s...) }

// zero appends n zero bytes.
func (w *boxes) zero(n int) {
	old := len(w.b)
	w.b = slices.Grow(w.b, n)[:old+n]
	clear(w.b[old:])
}

func appendEach[T any](w *boxes, vs []T, add func([]byte, T) []byte) {
	for _, v := range vs {
		w.b = add(w.b, v)
	}
}
