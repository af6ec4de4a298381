// Package codec reads what codecs say of themselves (parameter sets, headers of
// frames) and writes the configuration records that containers carry.
//
// # Tolerance
//
// A reader that stumbles costs metadata, never media. Each reader takes what it
// needs as early as it stands in the stream, skips what nobody asks for, and keeps
// what it has when the rest cannot be read. It returns an error only if not even the
// first fields are there. Nothing here panics on any input; each reader is fuzzed.
//
// # Records
//
// AVCC, HVCC, AV1C, VPCC, OpusHead and DAC3 are the configuration records. MP4,
// fragmented MP4 and FLV write the same bytes; only the wrapping differs.
//
// # Facts
//
// Some fields of a record are known only from the stream itself: channels of Opus,
// colours of VP9, bit rates. A Meter collects them from the first second of a track,
// in the same way for every format, so that all formats say the same.
package codec

import (
	"github.com/live-recording/liverecord/hooks"
)

// Color is how pictures are coloured (ITU-T H.273): code points, 2 = unspecified.
type Color struct {
	Primaries, Transfer, Matrix byte
	FullRange                   bool
}

// Picture is what a parameter set says of the pictures. What is not known is 0.
type Picture struct {
	Width, Height int // pixels that are shown
	SarW, SarH    int // shape of a pixel

	Profile, Level byte
	Tier           bool    // high tier
	Compat         [6]byte // H.264: one byte of constraints; H.265: see H265

	Chroma                 byte // chroma_format_idc: 0 = grey, 1 = 4:2:0, 2 = 4:2:2, 3 = 4:4:4
	DepthLuma, DepthChroma byte // bits

	Color *Color  // nil if the stream does not say
	Rate  float64 // pictures per second
	// Reorder is how many pictures may precede one in decoding order and follow
	// it in output order; -1 if the stream does not say.
	Reorder int
}

// PictureOf reads the parameters of a video track. Where they cannot be read, the
// size is the one that the track announces, which may be 0.
func PictureOf(t *hooks.Track, frame []byte) Picture {
	announced := Picture{Width: t.Width, Height: t.Height, Chroma: 1, DepthLuma: 8, DepthChroma: 8, Reorder: -1}
	var p Picture
	var err error
	switch t.Codec {
	case hooks.H264:
		p, err = H264(t.SPS)
	case hooks.H265:
		var s H265SPS
		s, err = H265(t.SPS)
		p = s.Picture
	case hooks.AV1:
		var s AV1Sequence
		s, err = AV1(t.SequenceHeader)
		p = s.Picture
	case hooks.VP9:
		return vp9Picture(t, frame)
	default:
		return announced
	}
	if err != nil {
		return announced
	}
	if p.Width <= 0 || p.Height <= 0 {
		p.Width, p.Height = t.Width, t.Height
	}
	return p
}

// sampleAspect is the pixel shape of H.264 table E-1 (H.265 table E.1: the same).
func sampleAspect(idc, w, h uint32) (int, int) {
	table := [...][2]int{
		{}, {1, 1}, {12, 11}, {10, 11}, {16, 11}, {40, 33}, {24, 11}, {20, 11}, {32, 11},
		{80, 33}, {18, 11}, {15, 11}, {64, 33}, {160, 99}, {4, 3}, {3, 2}, {2, 1},
	}
	switch {
	case idc == 255:
		return int(w), int(h)
	case int(idc) < len(table):
		return table[idc][0], table[idc][1]
	}
	return 0, 0
}
