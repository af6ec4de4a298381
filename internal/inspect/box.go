package inspect

import (
	"encoding/binary"
	"fmt"
)

// box is one box of an MP4 that is in memory (ISO/IEC 14496-12 §4.2).
type box struct {
	kind string
	at   int64 // in the file
	b    []byte
}

// children splits content into boxes, which must fill it.
func children(content []byte, at int64) ([]box, error) {
	var out []box
	for len(content) > 0 {
		if len(content) < 8 {
			return out, fmt.Errorf("%d bytes behind the last box", len(content))
		}
		size, kind := int64(binary.BigEndian.Uint32(content)), string(content[4:8])
		head := int64(8)
		if size == 1 && len(content) >= 16 {
			size, head = int64(binary.BigEndian.Uint64(content[8:])), 16
		}
		if size < head || size > int64(len(content)) {
			return out, fmt.Errorf("box %s says that it has %d bytes, its parent has %d left", kindText(kind), size, len(content))
		}
		out = append(out, box{kind, at, content[head:size]})
		content, at = content[size:], at+size
	}
	return out, nil
}

func kindText(kind string) string {
	for i := range len(kind) {
		if kind[i] < 0x20 || kind[i] > 0x7e {
			return fmt.Sprintf("%x", kind)
		}
	}
	return kind
}

// fields reads numbers from the content of a box; bad is set beyond its end.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) next(n int) []byte {
	if n < 0 || n > len(f.b) {
		f.bad, f.b = true, nil
		return make([]byte, 8)
	}
	v := f.b[:n]
	f.b = f.b[n:]
	return v
}

func (f *fields) u8() byte    { return f.next(1)[0] }
func (f *fields) u32() uint32 { return binary.BigEndian.Uint32(f.next(4)) }
func (f *fields) u64() uint64 { return binary.BigEndian.Uint64(f.next(8)) }

// wide reads 64 bits in version 1 of a box, else 32.
func (f *fields) wide(version byte) uint64 {
	if version == 1 {
		return f.u64()
	}
	return uint64(f.u32())
}

// skip passes over n bytes.
func (f *fields) skip(n int) {
	if n < 0 || n > len(f.b) {
		f.bad, f.b = true, nil
		return
	}
	f.b = f.b[n:]
}

// full reads version and flags.
func (f *fields) full() (version byte, flags uint32) {
	v := f.u32()
	return byte(v >> 24), v & 0xffffff
}

// entries reads a count and returns the table of so many entries, which must end
// the box.
func (f *fields) entries(size int) []byte {
	n := int64(f.u32())
	if n*int64(size) != int64(len(f.b)) {
		f.bad = true
		return nil
	}
	return f.b
}
