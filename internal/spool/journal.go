package spool

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"time"

	"github.com/live-recording/liverecord/hooks"
)

// The journal stands beside the body and describes it. It is a sequence of
// frames, each of which is whole or does not count:
//
//	kind      1 byte
//	length    uint32   of the payload, little endian
//	body      uint32   number of body bytes that this frame describes
//	body CRC  uint32   CRC-32C of those bytes
//	payload   length bytes
//	CRC       uint32   CRC-32C of all of the above
//
// The kinds and their payloads; offsets are uint64, little endian, in the body:
//
//	A  offset, then the record of the samples in [offset, offset+body)
//	S  the same without offset, of older versions: the bytes that follow those
//	   of the samples frame before
//	H  the header, first of all
//	C  checkpoint: the size of the body so far, then the header once more
//	E  end: the same, written when the file is closed
//	R  from, to: a range that was given back to the disk
//	D  from, to: a range that was found damaged; what it held is left out
//	K  from, to: a damaged range whose bytes were kept in NAME.part.bad, and are
//	   on the disk there: from then on it may be overwritten
//	T  size: what the frames before this one say of bytes behind it is void
//
// Nothing of a journal depends on the frame before: a reader that meets bytes
// that are no frame goes on at the next one that is (see scanner).
const (
	kindHeader     = 'H'
	kindSamples    = 'S'
	kindSamplesAt  = 'A'
	kindCheckpoint = 'C'
	kindEnd        = 'E'
	kindRelease    = 'R'
	kindDamaged    = 'D'
	kindKept       = 'K'
	kindTruncate   = 'T'

	frameHead = 1 + 4 + 4 + 4
	frameTail = 4
	offsetLen = 8
	maxFrame  = 64 << 20 // a frame that claims more is garbage

	// checkpointEvery is the number of samples frames between two checkpoints. One
	// more is behind the first page: the disk may not read that.
	checkpointEvery = 128
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header says what a growing file is, so that a lost state database loses no
// media.
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

// appendFrame encodes a frame, whose payload is parts one after the other.
func appendFrame(dst []byte, kind byte, body, bodyCRC uint32, parts ...[]byte) []byte {
	start, n := len(dst), 0
	for _, p := range parts {
		n += len(p)
	}
	dst = append(dst, kind)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	dst = binary.LittleEndian.AppendUint32(dst, body)
	dst = binary.LittleEndian.AppendUint32(dst, bodyCRC)
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// parseFrame reads the frame that begins at raw[0]; false if raw does not begin
// with a whole one. The payload is part of raw.
func parseFrame(raw []byte) (frame, bool) {
	if len(raw) < frameHead+frameTail {
		return frame{}, false
	}
	total := frameHead + int64(binary.LittleEndian.Uint32(raw[1:])) + frameTail
	if total > maxFrame || total > int64(len(raw)) {
		return frame{}, false
	}
	end := total - frameTail
	if crc32.Checksum(raw[:end], castagnoli) != binary.LittleEndian.Uint32(raw[end:]) {
		return frame{}, false
	}
	return frame{
		kind:    raw[0],
		body:    binary.LittleEndian.Uint32(raw[5:]),
		bodyCRC: binary.LittleEndian.Uint32(raw[9:]),
		payload: raw[frameHead:end],
		size:    total,
	}, true
}

// header decodes what an H, C or E frame says.
func (f *frame) header() (h Header, err error) {
	text := f.payload
	if f.kind != kindHeader && len(text) >= offsetLen {
		text = text[offsetLen:]
	}
	err = json.Unmarshal(text, &h)
	return h, err
}

// offset is what an A, C, E or T frame begins with; -1 if it is none.
func (f *frame) offset() int64 {
	if len(f.payload) < offsetLen {
		return -1
	}
	return max(-1, int64(binary.LittleEndian.Uint64(f.payload)))
}

// record is the record of a samples frame.
func (f *frame) record() []byte {
	if f.kind == kindSamplesAt {
		return f.payload[offsetLen:]
	}
	return f.payload
}

// span is the payload of R, D and K frames.
func span(from, to int64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(from))
	return binary.LittleEndian.AppendUint64(b, uint64(to))
}

func decodeSpan(p []byte) (from, to int64, ok bool) {
	if len(p) != 2*offsetLen {
		return 0, 0, false
	}
	from, to = int64(binary.LittleEndian.Uint64(p)), int64(binary.LittleEndian.Uint64(p[offsetLen:]))
	return from, to, from >= 0 && to >= from
}
