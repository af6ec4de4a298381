package mp4

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/live-recording/liverecord/internal/mux/index"
)

// The note of an index record (package index) holds what the head needs and
// neither tracks nor entries tell: a list of
//
//	kind    1 byte
//	track   1 byte
//	length  uvarint
//	bytes
const (
	// noteCreated: Unix time in seconds of the first sample, 8 bytes big-endian.
	noteCreated = 1
	// noteFrame: the first bytes of the track's first frame (AC-3, VP9), whose
	// header holds fields of the sample description.
	noteFrame = 2
)

const noteFrameSize = 16

// notes is what has been noted in a file so far.
type notes struct {
	created    int64 // 0 = unknown
	hasCreated bool
	frames     [index.MaxTracks][]byte
}

// add appends a note to list and remembers it.
func (n *notes) add(list []byte, kind byte, track int, b []byte) []byte {
	list = append(list, kind, byte(track))
	list = binary.AppendUvarint(list, uint64(len(b)))
	list = append(list, b...)
	n.set(kind, track, b)
	return list
}

func (n *notes) addCreated(list []byte, t time.Time) []byte {
	sec := int64(0)
	if !t.IsZero() {
		sec = t.Unix()
	}
	return n.add(list, noteCreated, 0, binary.BigEndian.AppendUint64(nil, uint64(sec)))
}

func (n *notes) set(kind byte, track int, b []byte) {
	switch {
	case kind == noteCreated && len(b) == 8 && !n.hasCreated:
		n.created, n.hasCreated = int64(binary.BigEndian.Uint64(b)), true
	case kind == noteFrame && track < len(n.frames) && n.frames[track] == nil:
		n.frames[track] = append([]byte{}, b...)
	}
}

// read takes over the notes of a record. Unknown kinds are skipped.
func (n *notes) read(list []byte) error {
	for len(list) > 0 {
		if len(list) < 3 {
			return fmt.Errorf("%w: note", index.ErrCorrupt)
		}
		size, w := binary.Uvarint(list[2:])
		if w <= 0 || size > uint64(len(list)-2-w) {
			return fmt.Errorf("%w: note", index.ErrCorrupt)
		}
		end := 2 + w + int(size)
		n.set(list[0], int(list[1]), list[2+w:end])
		list = list[end:]
	}
	return nil
}
