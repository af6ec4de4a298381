package mux

import (
	"encoding/binary"
	"iter"

	"github.com/live-recording/liverecord/hooks"
)

// A journal may lack what it said of a range of the body, or the range may be
// damaged. Records then holds a gap in its place. No record of a format begins
// with a zero byte.

// Gap is the record of n bytes of the body that hold nothing.
func Gap(n int64) []byte { return binary.AppendUvarint([]byte{0}, uint64(n)) }

// IsGap tells whether a record is a gap, and of how many bytes.
func IsGap(record []byte) (n int64, ok bool) {
	if len(record) < 2 || record[0] != 0 {
		return 0, false
	}
	v, k := binary.Uvarint(record[1:])
	return int64(v), k == len(record)-1 && int64(v) >= 0
}

// Filler is a Format whose players need something valid where a range of the body
// is damaged. Other formats refer to nothing there.
type Filler interface {
	// Fill returns what to put into the n bytes of the body at that offset, one
	// slice after the other. The range holds whole batches. Whoever calls it may
	// keep the slices until the next step.
	Fill(tracks []hooks.Track, offset, n int64) iter.Seq[[]byte]
}

// Remaker is a Format of which a whole file can be made from its tracks.
type Remaker interface {
	Remake(tracks []hooks.Track) ([]byte, error)
}

// Zeros yields n zero bytes in slices; false if yield did.
func Zeros(n int64, yield func([]byte) bool) bool {
	var block [64 << 10]byte
	for ; n > 0; n -= int64(len(block)) {
		if !yield(block[:min(n, int64(len(block)))]) {
			return false
		}
	}
	return true
}
