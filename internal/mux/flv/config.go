package flv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/live-recording/liverecord/hooks"
)

const maxParameterSet = 1<<16 - 1

func noConfig(*hooks.Track) ([]byte, error) { return nil, nil }

func aacConfig(t *hooks.Track) ([]byte, error) {
	if len(t.AudioConfig) < 2 {
		return nil, errors.New("AudioSpecificConfig unknown")
	}
	return t.AudioConfig, nil
}

// avcConfig is the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1).
func avcConfig(t *hooks.Track) ([]byte, error) {
	if len(t.SPS) < 4 || len(t.PPS) == 0 || len(t.SPS) > maxParameterSet || len(t.PPS) > maxParameterSet {
		return nil, errors.New("SPS or PPS unknown")
	}
	var sps h264.SPS
	if err := sps.Unmarshal(t.SPS); err != nil {
		return nil, fmt.Errorf("SPS: %w", err)
	}
	b := []byte{1, t.SPS[1], t.SPS[2], t.SPS[3], 0xFC | 3, 0xE0 | 1}
	b = appendSized(b, t.SPS)
	b = appendSized(append(b, 1), t.PPS)
	switch t.SPS[1] {
	case 66, 77, 88: // baseline, main, extended: the record ends here
	default:
		b = append(b, 0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8),
			0xF8|byte(sps.BitDepthChromaMinus8), 0)
	}
	return b, nil
}

// hevcConfig is the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1).
func hevcConfig(t *hooks.Track) ([]byte, error) {
	sets := [][]byte{t.VPS, t.SPS, t.PPS}
	for i, name := range []string{"VPS", "SPS", "PPS"} {
		if len(sets[i]) < 3 || len(sets[i]) > maxParameterSet {
			return nil, fmt.Errorf("%s unknown", name)
		}
	}
	var sps h265.SPS
	if err := sps.Unmarshal(t.SPS); err != nil {
		return nil, fmt.Errorf("SPS: %w", err)
	}
	// profile_tier_level stands at byte 3 and is copied as it is
	raw := h264.EmulationPreventionRemove(t.SPS)
	if len(raw) < 15 {
		return nil, errors.New("SPS too short")
	}
	nested := byte(0)
	if sps.TemporalIDNestingFlag {
		nested = 1
	}
	b := append([]byte{1}, raw[3:15]...)
	b = append(b, 0xF0, 0, 0xFC,
		0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8), 0xF8|byte(sps.BitDepthChromaMinus8),
		0, 0, (sps.MaxSubLayersMinus1+1)<<3|nested<<2|3, byte(len(sets)))
	for _, set := range sets {
		b = append(b, 0x80|set[0]>>1&0x3F, 0, 1)
		b = appendSized(b, set)
	}
	return b, nil
}

// av1Config is the AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3.3).
func av1Config(t *hooks.Track) ([]byte, error) {
	if len(t.SequenceHeader) == 0 {
		return nil, errors.New("sequence header unknown")
	}
	var h av1.SequenceHeader
	if err := h.Unmarshal(t.SequenceHeader); err != nil {
		return nil, fmt.Errorf("sequence header: %w", err)
	}
	var level byte
	if len(h.SeqLevelIdx) > 0 {
		level = h.SeqLevelIdx[0]
	}
	c := &h.ColorConfig
	third := flag(len(h.SeqTier) > 0 && h.SeqTier[0], 7) | flag(c.HighBitDepth, 6) | flag(c.TwelveBit, 5) |
		flag(c.MonoChrome, 4) | flag(c.SubsamplingX, 3) | flag(c.SubsamplingY, 2) | byte(c.ChromaSamplePosition)&3
	b := []byte{0x81, h.SeqProfile<<5 | level&0x1F, third, 0}
	b = appendOBUHead(b, t.SequenceHeader)
	return append(b, obuPayload(t.SequenceHeader)...), nil
}

// vp9Levels are the picture sizes of VP9 levels (VP9 levels, "Max Luma Picture Size").
var vp9Levels = []struct {
	level byte
	size  int
}{
	{10, 36864}, {11, 73728}, {20, 122880}, {21, 245760}, {30, 552960}, {31, 983040},
	{40, 2228224}, {50, 8912896}, {60, 35651584},
}

// vp9Config is the VPCodecConfigurationRecord (VP codec ISO media file format
// binding) behind the version and flags of its box: Enhanced RTMP does not ask
// for these, but ffmpeg and MediaMTX write them and the latter needs them. Level and colours are not signalled by the host: the level is the
// least for the picture size, colours are unspecified.
func vp9Config(t *hooks.Track) ([]byte, error) {
	if t.Width <= 0 || t.Height <= 0 {
		return nil, errors.New("picture size unknown")
	}
	if t.Profile < 0 || t.Profile > 3 {
		return nil, fmt.Errorf("profile %d", t.Profile)
	}
	level := byte(62)
	for _, l := range vp9Levels {
		if t.Width*t.Height <= l.size {
			level = l.level
			break
		}
	}
	depth, chroma := byte(8), byte(1)
	if t.Profile >= 2 {
		depth = 10
	}
	if t.Profile&1 != 0 {
		chroma = 3
	}
	return []byte{1, 0, 0, 0, byte(t.Profile), level, depth<<4 | chroma<<1, 2, 2, 2, 0, 0}, nil
}

// opusPreSkip is the look-ahead of common encoders at 48 kHz. A publisher's own
// is not known, since only Ogg files carry it.
const opusPreSkip = 312

// opusSurround is the mapping of 3 to 8 channels: streams, coupled streams,
// channels in Vorbis order (RFC 7845 §5.1.1.2).
var opusSurround = map[int][]byte{
	3: {2, 1, 0, 2, 1},
	4: {2, 2, 0, 1, 2, 3},
	5: {3, 2, 0, 4, 1, 2, 3},
	6: {4, 2, 0, 4, 1, 2, 3, 5},
	7: {4, 3, 0, 4, 1, 2, 3, 5, 6},
	8: {5, 3, 0, 6, 1, 2, 3, 4, 5, 7},
}

// opusConfig is the ID header (RFC 7845 §5.1).
func opusConfig(t *hooks.Track) ([]byte, error) {
	if t.Channels < 1 || t.Channels > 8 {
		return nil, fmt.Errorf("%d channels", t.Channels)
	}
	b := append([]byte("OpusHead"), 1, byte(t.Channels))
	b = binary.LittleEndian.AppendUint16(b, opusPreSkip)
	b = binary.LittleEndian.AppendUint32(b, 48000)
	b = binary.LittleEndian.AppendUint16(b, 0)
	if t.Channels <= 2 {
		return append(b, 0), nil
	}
	return append(append(b, 1), opusSurround[t.Channels]...), nil
}

// OBU header bits (AV1 §5.3.2).
const (
	obuExtension = 0x04
	obuHasSize   = 0x02
)

// obuHeadSize is the length of an OBU's header without size field.
func obuHeadSize(obu []byte) int {
	if obu[0]&obuExtension != 0 && len(obu) > 1 {
		return 2
	}
	return 1
}

// appendOBUHead appends the header of an OBU and its size field.
func appendOBUHead(b, obu []byte) []byte {
	if obu[0]&obuHasSize != 0 {
		return append(b, obu[:obuHeadSize(obu)]...) // its own size field follows
	}
	n := obuHeadSize(obu)
	b = append(append(b, obu[0]|obuHasSize), obu[1:n]...)
	return binary.AppendUvarint(b, uint64(len(obu)-n)) // leb128 is uvarint
}

func obuPayload(obu []byte) []byte { return obu[obuHeadSize(obu):] }

// obuSize is the length of an OBU in the file.
func obuSize(obu []byte) int {
	n := len(obu)
	if obu[0]&obuHasSize == 0 {
		n++
		for rest := (len(obu) - obuHeadSize(obu)) >> 7; rest > 0; rest >>= 7 {
			n++
		}
	}
	return n
}

func appendSized(b, set []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(set))), set...)
}

func flag(set bool, bit int) byte {
	if set {
		return 1 << bit
	}
	return 0
}
