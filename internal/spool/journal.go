package spool

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/live-recording/liverecord/hooks"
)

// The journal stands beside the body and describes it. It is a sequence of
// frames, each of which is whole or does not count:
//
//	kind      1 byte   'H' header, 'S' samples, 'R' released range
//	length    uint32   of the payload, little endian
//	body      uint32   number of body bytes that this frame describes
//	body CRC  uint32   CRC-32C of those bytes
//	payload   length bytes
//	CRC       uint32   CRC-32C of all of the above
//
// The first frame is the header. The k-th samples frame describes the bytes of
// the body that follow those of the frames before it.
const (
	kindHeader  = 'H'
	kindSamples = 'S'
	kindRelease = 'R'

	frameHead = 1 + 4 + 4 + 4
	frameTail = 4
	maxFrame  = 64 << 20 // a frame that claims more is garbage
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header says what a growing file is, so that a lost state database loses no
// media. It is written once.
type Header struct {
	Recording int64         `json:"recording"`
	File      int64         `json:"file"`
	Parent    int64         `json:"parent,omitempty"` // of a piece: its playlist
	Seq       int           `json:"seq,omitempty"`
	Format    string        `json:"format"`
	Store     string        `json:"store"`
	Object    string        `json:"object"`
	Room      int64         `json:"room,omitempty"` // bytes left free before the body
	Started   time.Time     `json:"started"`
	Tracks    []hooks.Track `json:"tracks"`

	// Detail and Stream are opaque here; package state can rebuild rows from them.
	Detail json.RawMessage `json:"detail,omitempty"`
	Stream json.RawMessage `json:"stream,omitempty"`
}

type frame struct {
	kind    byte
	body    uint32
	bodyCRC uint32
	payload []byte
	size    int64 // of the whole frame in the journal
}

// appendFrame encodes a frame. payload and parts are not kept.
func appendFrame(dst []byte, kind byte, payload []byte, body uint32, bodyCRC uint32) []byte {
	start := len(dst)
	dst = append(dst, kind)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.LittleEndian.AppendUint32(dst, body)
	dst = binary.LittleEndian.AppendUint32(dst, bodyCRC)
	dst = append(dst, payload...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// errTorn marks the end of what is valid.
var errTorn = errors.New("torn journal")

// readFrame reads the next frame into buf (grown as needed). io.EOF at a clean
// end, errTorn if what follows is not a whole frame.
func readFrame(r io.Reader, buf []byte) (frame, []byte, error) {
	if cap(buf) < frameHead {
		buf = make([]byte, 0, 64<<10)
	}
	buf = buf[:frameHead]
	if n, err := io.ReadFull(r, buf); err != nil {
		if n == 0 && err == io.EOF {
			return frame{}, buf, io.EOF
		}
		return frame{}, buf, tornUnlessIO(err)
	}
	n := binary.LittleEndian.Uint32(buf[1:])
	if n > maxFrame {
		return frame{}, buf, errTorn
	}
	total := frameHead + int(n) + frameTail
	if cap(buf) < total {
		buf = append(make([]byte, 0, total+total/2), buf...)
	}
	buf = buf[:total]
	if _, err := io.ReadFull(r, buf[frameHead:]); err != nil {
		return frame{}, buf, tornUnlessIO(err)
	}
	end := frameHead + int(n)
	if crc32.Checksum(buf[:end], castagnoli) != binary.LittleEndian.Uint32(buf[end:]) {
		return frame{}, buf, errTorn
	}
	return frame{
		kind:    buf[0],
		body:    binary.LittleEndian.Uint32(buf[5:]),
		bodyCRC: binary.LittleEndian.Uint32(buf[9:]),
		payload: buf[frameHead:end],
		size:    int64(total),
	}, buf, nil
}

func tornUnlessIO(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}

func decodeHeader(f frame) (Header, error) {
	var h Header
	if f.kind != kindHeader {
		return h, fmt.Errorf("%w: no header", errTorn)
	}
	if err := json.Unmarshal(f.payload, &h); err != nil {
		return h, fmt.Errorf("%w: header: %w", errTorn, err)
	}
	return h, nil
}

// releaseRange is the payload of a release frame.
func releaseRange(from, to int64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(from))
	return binary.LittleEndian.AppendUint64(b, uint64(to))
}

func decodeRelease(p []byte) (from, to int64, ok bool) {
	if len(p) != 16 {
		return 0, 0, false
	}
	from, to = int64(binary.LittleEndian.Uint64(p)), int64(binary.LittleEndian.Uint64(p[8:]))
	return from, to, from >= 0 && to >= from
}
