package mp4

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"github.com/live-recording/liverecord/hooks"
)

func describeH264(t *hooks.Track) (description, error) {
	var d description
	if len(t.SPS) < 4 || len(t.PPS) == 0 || len(t.SPS) > 0xFFFF || len(t.PPS) > 0xFFFF {
		return d, errors.New("SPS or PPS is missing")
	}
	var sps h264.SPS
	if err := sps.Unmarshal(t.SPS); err != nil {
		return d, fmt.Errorf("SPS: %w", err)
	}
	d.width, d.height = sps.Width(), sps.Height()
	if v := sps.VUI; v != nil && v.AspectRatioInfoPresentFlag {
		d.sarW, d.sarH = sampleAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
	}
	d.entry = func(w *boxes, _ facts) {
		d.startVisual(w, "avc1")
		w.start("avcC") // ISO/IEC 14496-15 §5.3.3.1
		w.u8(1, t.SPS[1], t.SPS[2], t.SPS[3], 0xFC|3, 0xE0|1)
		w.u16(uint16(len(t.SPS)))
		w.u8(t.SPS...)
		w.u8(1)
		w.u16(uint16(len(t.PPS)))
		w.u8(t.PPS...)
		switch sps.ProfileIdc {
		case 66, 77, 88:
		default:
			w.u8(0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8),
				0xF8|byte(sps.BitDepthChromaMinus8), 0)
		}
		w.end()
		d.endVisual(w)
	}
	return d, d.checkSize()
}

func describeH265(t *hooks.Track) (description, error) {
	var d description
	for _, ps := range [][]byte{t.VPS, t.SPS, t.PPS} {
		if len(ps) < 3 || len(ps) > 0xFFFF {
			return d, errors.New("VPS, SPS or PPS is missing")
		}
	}
	var sps h265.SPS
	if err := sps.Unmarshal(t.SPS); err != nil {
		return d, fmt.Errorf("SPS: %w", err)
	}
	raw := h264.EmulationPreventionRemove(t.SPS)
	if len(raw) < 15 {
		return d, errors.New("SPS is too short")
	}
	d.width, d.height = sps.Width(), sps.Height()
	if v := sps.VUI; v != nil && v.AspectRatioInfoPresentFlag {
		d.sarW, d.sarH = sampleAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
	}
	nesting := byte(0)
	if sps.TemporalIDNestingFlag {
		nesting = 1
	}
	d.entry = func(w *boxes, _ facts) {
		d.startVisual(w, "hvc1")
		w.start("hvcC") // ISO/IEC 14496-15 §8.3.3.1
		w.u8(1)
		w.u8(raw[3:15]...) // profile, tier, level as in the SPS (H.265 §7.3.3)
		w.u16(0xF000)
		w.u8(0xFC, 0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8),
			0xF8|byte(sps.BitDepthChromaMinus8))
		w.u16(0) // avgFrameRate
		w.u8((sps.MaxSubLayersMinus1+1)<<3|nesting<<2|3, 3)
		for i, ps := range [][]byte{t.VPS, t.SPS, t.PPS} {
			w.u8(0x80 | byte(32+i)) // all of this kind are here
			w.u16(1, uint16(len(ps)))
			w.u8(ps...)
		}
		w.end()
		d.endVisual(w)
	}
	return d, d.checkSize()
}

// sampleAspect is the pixel shape of H.264 table E-1 (H.265: the same).
func sampleAspect(idc uint8, w, h uint16) (int, int) {
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

func describeAV1(t *hooks.Track) (description, error) {
	var d description
	var sh av1.SequenceHeader
	if len(t.SequenceHeader) < 2 {
		return d, errors.New("sequence header is missing")
	}
	if err := sh.Unmarshal(t.SequenceHeader); err != nil {
		return d, fmt.Errorf("sequence header: %w", err)
	}
	if len(sh.SeqLevelIdx) == 0 || len(sh.SeqTier) == 0 {
		return d, errors.New("sequence header has no operating point")
	}
	d.width, d.height = sh.Width(), sh.Height()
	c := &sh.ColorConfig
	flags := bit(sh.SeqTier[0], 7) | bit(c.HighBitDepth, 6) | bit(c.TwelveBit, 5) |
		bit(c.MonoChrome, 4) | bit(c.SubsamplingX, 3) | bit(c.SubsamplingY, 2) |
		byte(c.ChromaSamplePosition)&3
	d.entry = func(w *boxes, _ facts) {
		d.startVisual(w, "av01")
		w.start("av1C") // AV1-ISOBMFF §2.3.3
		w.u8(0x81, sh.SeqProfile<<5|sh.SeqLevelIdx[0]&0x1F, flags, 0)
		state := trackState{}
		state.appendOBU(t.SequenceHeader)
		w.u8(state.scratch...)
		w.end()
		d.endVisual(w)
	}
	return d, d.checkSize()
}

func bit(v bool, shift int) byte {
	if v {
		return 1 << shift
	}
	return 0
}

func describeVPX(t *hooks.Track) (description, error) {
	d := description{width: t.Width, height: t.Height}
	kind := "vp08"
	if t.Codec == hooks.VP9 {
		kind = "vp09"
	}
	d.entry = func(w *boxes, f facts) {
		c := vpxConfig(t, f.frame)
		d.startVisual(w, kind)
		w.full("vpcC", 1, 0) // VP Codec ISO Media File Format Binding §2.2
		w.u8(byte(t.Profile), vpxLevel(t), c)
		w.u8(2, 2, 2) // colour: unspecified
		w.u16(0)
		w.end()
		d.endVisual(w)
	}
	return d, d.checkSize()
}

// vpxConfig is bit depth, chroma subsampling and range from the first key frame.
func vpxConfig(t *hooks.Track, frame []byte) byte {
	const subsampling420 = 1
	depth, sub, full := byte(8), byte(subsampling420), false
	if t.Profile >= 2 {
		depth = 10
	}
	var h vp9.Header
	if t.Codec == hooks.VP9 && h.Unmarshal(frame) == nil && h.ColorConfig != nil {
		depth, full = h.ColorConfig.BitDepth, h.ColorConfig.ColorRange
		switch {
		case !h.ColorConfig.SubsamplingX:
			sub = 3
		case !h.ColorConfig.SubsamplingY:
			sub = 2
		}
	}
	return depth<<4 | sub<<1 | bit(full, 0)
}

// vpxLevel is the lowest level (times 10) that holds the picture.
func vpxLevel(t *hooks.Track) byte {
	if t.Codec == hooks.VP8 {
		return 0
	}
	for _, l := range []struct {
		level byte
		luma  int
	}{{10, 36864}, {11, 73728}, {20, 122880}, {21, 245760}, {30, 552960}, {31, 983040}, {41, 2228224}, {52, 8912896}} {
		if t.Width*t.Height <= l.luma {
			return l.level
		}
	}
	return 62
}
