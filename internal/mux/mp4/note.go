package mp4

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/index"
	"github.com/live-recording/liverecord/internal/mux/isobmff"
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
	// noteFrame: the first bytes of a frame whose header holds fields of the sample
	// description (codec.Telling). The first one counts.
	noteFrame = 2
	// noteMeasure: codec.Meter of the track's first second, so far. The last counts.
	noteMeasure = 3
	// noteInBand: the track's samples bring parameter sets that it did not begin with.
	noteInBand = 4
	// noteRecovery: a recovery point that is no IDR: uvarint, which of the
	// track's samples in this record; uvarint, its distance.
	noteRecovery = 5
)

// notes is what has been noted in a file so far.
type notes struct {
	created    int64 // 0 = unknown
	hasCreated bool
	facts      [index.MaxTracks]codec.Facts
	inBand     [index.MaxTracks]bool
	meters     [index.MaxTracks]*codec.Meter // of a muxer that resumes; nil else
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
	case track >= len(n.facts):
	case kind == noteFrame && n.facts[track].Frame == nil:
		n.facts[track].Frame = append([]byte{}, b...)
	case kind == noteMeasure:
		_ = n.facts[track].ReadMeasure(b) // an unreadable one is none
		if m := n.meters[track]; m != nil {
			_ = m.ReadState(b)
		}
	case kind == noteInBand:
		n.inBand[track] = true
	}
}

// read takes over the notes of a record. Unknown kinds are skipped. The recovery
// points of the record are returned, with sample counting from 0 within it.
func (n *notes) read(list []byte) (points []notedPoint, err error) {
	for len(list) > 0 {
		if len(list) < 3 {
			return nil, fmt.Errorf("%w: note", index.ErrCorrupt)
		}
		size, w := binary.Uvarint(list[2:])
		if w <= 0 || size > uint64(len(list)-2-w) {
			return nil, fmt.Errorf("%w: note", index.ErrCorrupt)
		}
		end := 2 + w + int(size)
		n.set(list[0], int(list[1]), list[2+w:end])
		if list[0] == noteRecovery {
			points = appendPoint(points, int(list[1]), list[2+w:end])
		}
		list = list[end:]
	}
	return points, nil
}

// notedPoint is a recovery point of one record.
type notedPoint struct {
	track, sample int
	distance      int16
}

func appendPoint(points []notedPoint, track int, b []byte) []notedPoint {
	sample, n := binary.Uvarint(b)
	if n <= 0 || sample > math.MaxInt32 {
		return points
	}
	distance, k := binary.Uvarint(b[n:])
	if k <= 0 || distance > math.MaxInt16 {
		return points
	}
	return append(points, notedPoint{track, int(sample), int16(distance)})
}

// points takes over the notes of a record that begins where the tables are now.
func (n *notes) points(tables []*table, list []byte) error {
	points, err := n.read(list)
	for _, p := range points {
		if p.track >= len(tables) {
			continue
		}
		t := tables[p.track]
		if at := t.samples + int64(p.sample) + 1; at <= math.MaxUint32 && len(t.points) < maxPoints {
			t.points = append(t.points, isobmff.Point{Sample: uint32(at), Distance: p.distance})
		}
	}
	return err
}
