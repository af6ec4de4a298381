package isobmff

import (
	"github.com/live-recording/liverecord/hooks"
)

var unityMatrix = []uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}

// Ftyp writes the file type box (§4.3): the brands, and those of the codecs.
func Ftyp(w *Writer, major string, minor uint32, brands string, tracks []hooks.Track) {
	w.Start("ftyp")
	w.Str(major)
	w.U32(minor)
	w.Str(brands)
	av1, avc := false, false
	for i := range tracks {
		av1 = av1 || tracks[i].Codec == hooks.AV1
		avc = avc || tracks[i].Codec == hooks.H264
	}
	if avc {
		w.Str("avc1")
	}
	if av1 {
		w.Str("av01") // AV1-ISOBMFF §2.1
	}
	w.End()
}

// Mvhd writes the movie header (§8.2.2). created counts from 1904, 0 if unknown.
func Mvhd(w *Writer, created uint64, scale uint32, duration uint64, nextTrack int) {
	w.Full("mvhd", 1, 0)
	w.U64(created, created)
	w.U32(scale)
	w.U64(duration)
	w.U32(0x10000) // rate
	w.U16(0x100)   // volume
	w.Zero(10)
	w.U32(unityMatrix...)
	w.Zero(24)
	w.U32(uint32(nextTrack))
	w.End()
}

// Tkhd writes the track header (§8.3.2). enabled is for the first track of a kind.
func (e *Entry) Tkhd(w *Writer, created uint64, id int, duration uint64, enabled bool) {
	flags := uint32(2) // in the movie
	if enabled {
		flags |= 1
	}
	w.Full("tkhd", 1, flags)
	w.U64(created, created)
	w.U32(uint32(id), 0)
	w.U64(duration)
	w.Zero(8)
	if e.track.Codec.IsVideo() {
		w.U16(0, 0, 0, 0) // layer, alternate group, volume
	} else {
		w.U16(0, 1, 0x100, 0)
	}
	w.U32(unityMatrix...)
	w.U32(e.displayWidth(), uint32(e.Picture.Height)<<16)
	w.End()
}

// MediaHeaders writes mdhd, hdlr and opens minf with all that stands before stbl.
func (e *Entry) MediaHeaders(w *Writer, created, duration uint64) {
	w.Full("mdhd", 1, 0)
	w.U64(created, created)
	w.U32(uint32(e.track.ClockRate))
	w.U64(duration)
	w.U16(0x55C4, 0) // language und: no protocol tells it
	w.End()
	e.hdlr(w)
	w.Start("minf")
	if e.track.Codec.IsVideo() {
		w.Full("vmhd", 0, 1)
		w.Zero(8)
	} else {
		w.Full("smhd", 0, 0)
		w.Zero(4)
	}
	w.End()
	dinf(w)
}

func (e *Entry) hdlr(w *Writer) {
	kind, name := "soun", "SoundHandler\x00"
	if e.track.Codec.IsVideo() {
		kind, name = "vide", "VideoHandler\x00"
	}
	w.Full("hdlr", 0, 0)
	w.U32(0)
	w.Str(kind)
	w.Zero(12)
	w.Str(name)
	w.End()
}

func dinf(w *Writer) {
	w.Start("dinf")
	w.Full("dref", 0, 0)
	w.U32(1)
	w.Full("url ", 0, 1) // in this file
	w.End()
	w.End()
	w.End()
}
