package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/bits"
	"syscall"
)

const (
	window = 256 << 10 // read at once
	page   = 4096      // the unit in which a disk fails
	// fixLimit bounds the frames in which a flipped bit is looked for.
	fixLimit = 1 << 20
)

// scanner reads the whole frames of a journal. What is no frame is passed over;
// a frame in which one bit has flipped is put right. Pages that the disk can't
// read count as zeros.
type scanner struct {
	r    io.ReaderAt
	size int64

	pos     int64 // where the next frame is looked for
	at      int64 // where the frame that next returned begins
	skipped bool  // something was passed over before it
	claim   int64 // number of body bytes that the first thing passed over spoke of
	tail    int64 // bytes behind the last frame, once next has returned io.EOF
	frames  int
	eio     error // of pages that can't be read

	win   []byte
	winAt int64
	fixed []byte
}

func newScanner(r io.ReaderAt, size int64) *scanner { return &scanner{r: r, size: size} }

// next returns the next whole frame, io.EOF behind the last one. Its payload is
// valid until the next call.
func (s *scanner) next() (frame, error) {
	begin := s.pos
	s.skipped = false
	for s.pos+frameHead+frameTail <= s.size {
		f, ok, err := s.frameAt(s.pos)
		if err == nil && !ok && !s.skipped {
			f, ok, err = s.fix(s.pos)
		}
		if err != nil {
			return frame{}, err
		}
		if ok {
			s.at = s.pos
			s.pos += f.size
			s.frames++
			return f, nil
		}
		s.skipped = true
		s.pos++
	}
	s.pos = s.size
	s.tail = s.size - begin
	s.skipped = s.tail > 0
	return frame{}, io.EOF
}

// frameAt parses the frame at off, if there is a whole one.
func (s *scanner) frameAt(off int64) (frame, bool, error) {
	head, err := s.bytes(off, frameHead)
	if err != nil {
		return frame{}, false, err
	}
	total := frameHead + int64(binary.LittleEndian.Uint32(head[1:])) + frameTail
	if !plausible(head[0], total) || off+total > s.size {
		return frame{}, false, nil
	}
	raw, err := s.bytes(off, int(total))
	if err != nil {
		return frame{}, false, err
	}
	f, ok := parseFrame(raw)
	return f, ok, nil
}

// plausible sorts out quickly what can't be a frame.
func plausible(kind byte, total int64) bool {
	fixed := int64(frameHead + frameTail)
	switch kind {
	case kindHeader, kindSamples:
		return total <= maxFrame
	case kindSamplesAt, kindCheckpoint, kindEnd:
		return total >= fixed+offsetLen && total <= maxFrame
	case kindRelease, kindDamaged, kindKept:
		return total == fixed+2*offsetLen
	case kindTruncate:
		return total == fixed+offsetLen
	}
	return false
}

// torn tells whether what is behind the last frame is what a power cut leaves: the
// begin of a frame that is longer than the file, or zeros. Call it once next has
// returned io.EOF.
func (s *scanner) torn() (bool, error) {
	if s.tail == 0 {
		return true, nil
	}
	var head [frameHead]byte
	begin := s.size - s.tail
	raw, err := s.bytes(begin, int(min(s.tail, frameHead)))
	if err != nil {
		return false, err
	}
	copy(head[:], raw)
	total := frameHead + int64(binary.LittleEndian.Uint32(head[1:])) + frameTail
	if plausible(head[0], total) && total <= fixLimit && begin+total > s.size {
		return true, nil
	}
	return allZero(io.NewSectionReader(s.r, begin, s.tail), s.tail)
}

// fix looks whether one flipped bit makes a frame of what is at off. A checksum
// of 32 bits finds the bit, as long as frames are short.
func (s *scanner) fix(off int64) (frame, bool, error) {
	head, err := s.bytes(off, frameHead)
	if err != nil {
		return frame{}, false, err
	}
	length := binary.LittleEndian.Uint32(head[1:])
	s.claim = int64(binary.LittleEndian.Uint32(head[5:]))
	for i := -1; i < 32; i++ {
		n := length
		if i >= 0 {
			n ^= 1 << i
		}
		total := frameHead + int64(n) + frameTail
		if total > fixLimit || off+total > s.size {
			continue
		}
		raw, err := s.bytes(off, int(total))
		if err != nil {
			return frame{}, false, err
		}
		s.fixed = append(s.fixed[:0], raw...)
		binary.LittleEndian.PutUint32(s.fixed[1:], n)
		if i < 0 && !flipBack(s.fixed) {
			continue
		}
		if f, ok := parseFrame(s.fixed); ok && plausible(f.kind, f.size) {
			return f, true, nil
		}
	}
	return frame{}, false, nil
}

// flipBack undoes the flip of one bit in a frame, if that is what is wrong. The
// CRC is linear: a flipped bit changes it by what depends on its place alone.
func flipBack(raw []byte) bool {
	end := len(raw) - frameTail
	diff := crc32.Checksum(raw[:end], castagnoli) ^ binary.LittleEndian.Uint32(raw[end:])
	if bits.OnesCount32(diff) == 1 { // in the CRC itself
		binary.LittleEndian.PutUint32(raw[end:], crc32.Checksum(raw[:end], castagnoli))
		return true
	}
	var change [8]uint32
	for b := range change {
		change[b] = castagnoli[1<<b]
	}
	for i := end - 1; i >= 0; i-- {
		for b, c := range change {
			if c == diff {
				raw[i] ^= 1 << b
				return true
			}
			change[b] = castagnoli[c&0xff] ^ c>>8
		}
	}
	return false
}

// bytes returns n bytes of the journal at off, which must be in it. They are
// valid until the next call.
func (s *scanner) bytes(off int64, n int) ([]byte, error) {
	if off < s.winAt || off+int64(n) > s.winAt+int64(len(s.win)) {
		if err := s.load(off, n); err != nil {
			return nil, err
		}
	}
	return s.win[off-s.winAt:][:n], nil
}

func (s *scanner) load(off int64, n int) error {
	want := int(min(int64(max(n, window)), s.size-off))
	if cap(s.win) < want {
		s.win = make([]byte, 0, want)
	}
	s.win, s.winAt = s.win[:want], off
	bad, err := readPages(s.r, s.win, off)
	if bad != nil {
		s.eio = bad
	}
	return err
}

// readPages reads all of p from off on. A page that the disk can't read, and what
// is behind the end, is left zero; bad is the error of such a page.
func readPages(r io.ReaderAt, p []byte, off int64) (bad, err error) {
	n, err := r.ReadAt(p, off)
	if err == nil {
		return nil, nil
	}
	if err == io.EOF {
		clear(p[n:])
		return nil, nil
	}
	if !errors.Is(err, syscall.EIO) {
		return nil, err
	}
	for i := 0; i < len(p); {
		k := min(len(p)-i, int(page-(off+int64(i))%page))
		n, err := r.ReadAt(p[i:i+k], off+int64(i))
		if n < k {
			clear(p[i+n : i+k])
		}
		switch {
		case err == nil, err == io.EOF:
		case errors.Is(err, syscall.EIO):
			bad = err
		default:
			return bad, err
		}
		i += k
	}
	return bad, nil
}
