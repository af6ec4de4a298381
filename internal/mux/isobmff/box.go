// Package isobmff writes the boxes that ordinary and fragmented MP4 have in common
// (ISO/IEC 14496-12): sample entries with their codec boxes, headers of tracks, and
// sample groups. One track gets the same sample entry, byte for byte, in both.
//
// # Sample entries
//
//	H.264  avc1, avcC (ISO/IEC 14496-15); avc3 if samples bring other parameter sets
//	H.265  hvc1, hvcC, same; hev1
//	AV1    av01, av1C (AV1-ISOBMFF)
//	VP8/9  vp08, vp09, vpcC (VP Codec ISO Media File Format Binding)
//	AAC    mp4a, esds 0x40     MPEG audio  mp4a, esds 0x6B or 0x69
//	Opus   Opus, dOps; pre-skip 312, since no live protocol delivers the true one
//	AC-3   ac-3, dac3 (ETSI TS 102 366 annex F)
//	LPCM   twos or in24, big-endian as received; G.711 becomes 16-bit LPCM
//
// pasp and colr stand where the stream says them. btrt (and esds) hold the bit rate
// of the track's first second, which is all that a fragmented file can know.
package isobmff

import (
	"encoding/binary"
	"slices"
)

// Writer builds nested boxes (§4.2) in one buffer.
type Writer struct {
	B    []byte
	open []int // where the open boxes begin
}

// Start opens a box; what is appended until End is its content.
func (w *Writer) Start(kind string) {
	w.open = append(w.open, len(w.B))
	w.U32(0)
	w.B = append(w.B, kind...)
}

// Full opens a FullBox.
func (w *Writer) Full(kind string, version byte, flags uint32) {
	w.Start(kind)
	w.U32(uint32(version)<<24 | flags)
}

// End closes the box opened last and writes its size.
func (w *Writer) End() {
	at := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	binary.BigEndian.PutUint32(w.B[at:], uint32(len(w.B)-at))
}

// U8 appends bytes.
func (w *Writer) U8(v ...byte) { w.B = append(w.B, v...) }

// U16 appends numbers of 16 bits, big-endian; U32 and U64 likewise.
func (w *Writer) U16(v ...uint16) { each(w, v, binary.BigEndian.AppendUint16) }

// U32 appends numbers of 32 bits.
func (w *Writer) U32(v ...uint32) { each(w, v, binary.BigEndian.AppendUint32) }

// U64 appends numbers of 64 bits.
func (w *Writer) U64(v ...uint64) { each(w, v, binary.BigEndian.AppendUint64) }

// Str appends a string as it is.
func (w *Writer) Str(s string) { w.B = append(w.B, s...) }

// Zero appends n zero bytes.
func (w *Writer) Zero(n int) {
	old := len(w.B)
	w.B = slices.Grow(w.B, n)[:old+n]
	clear(w.B[old:])
}

func each[T any](w *Writer, vs []T, add func([]byte, T) []byte) {
	for _, v := range vs {
		w.B = add(w.B, v)
	}
}
