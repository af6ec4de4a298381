package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
)

const maxSet = 0xFFFF // bytes of a parameter set in a record

// AVCC is the AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1). The error
// says that parameter sets are missing; what is in them does not matter.
func AVCC(t *hooks.Track) ([]byte, error) {
	if len(t.SPS) < 4 || len(t.PPS) == 0 || len(t.SPS) > maxSet || len(t.PPS) > maxSet {
		return nil, errors.New("SPS or PPS is missing")
	}
	p, err := H264(t.SPS)
	if errors.Is(err, ErrNoSPS) {
		return nil, fmt.Errorf("SPS: %w", err)
	}
	b := []byte{1, t.SPS[1], t.SPS[2], t.SPS[3], 0xFC | 3, 0xE0 | 1}
	b = appendSized(b, t.SPS)
	b = appendSized(append(b, 1), t.PPS)
	switch t.SPS[1] {
	case 66, 77, 88: // Baseline, Main, Extended: the record ends here
	default:
		b = append(b, 0xFC|p.Chroma, 0xF8|(p.DepthLuma-8), 0xF8|(p.DepthChroma-8), 0)
	}
	return b, nil
}

// HVCC is the HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1). The error
// says that parameter sets are missing or that the SPS is no SPS. complete tells that
// samples bring no other sets (array_completeness, as hvc1 wants it).
func HVCC(t *hooks.Track, complete bool) ([]byte, error) {
	sets := [][]byte{t.VPS, t.SPS, t.PPS}
	for _, ps := range sets {
		if len(ps) < 3 || len(ps) > maxSet {
			return nil, errors.New("VPS, SPS or PPS is missing")
		}
	}
	s, err := H265(t.SPS)
	if err != nil {
		return nil, fmt.Errorf("SPS: %w", err)
	}
	nested := byte(0)
	if s.Nested {
		nested = 1
	}
	b := append([]byte{1}, s.General[:]...)
	b = binary.BigEndian.AppendUint16(b, 0xF000|s.MinSpatialSegmentation)
	b = append(b, 0xFC, 0xFC|s.Chroma, 0xF8|(s.DepthLuma-8), 0xF8|(s.DepthChroma-8),
		0, 0, byte(min(s.SubLayers, 7))<<3|nested<<2|3, byte(len(sets)))
	for i, ps := range sets {
		b = append(b, bit(complete, 7)|byte(32+i), 0, 1)
		b = appendSized(b, ps)
	}
	return b, nil
}

func appendSized(b, set []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(set))), set...)
}

// AV1C is the AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3.3).
func AV1C(t *hooks.Track) ([]byte, error) {
	s, err := AV1(t.SequenceHeader)
	if err != nil {
		return nil, errors.New("sequence header is missing")
	}
	flags := bit(s.Tier, 7) | bit(s.High, 6) | bit(s.Twelve, 5) | bit(s.Mono, 4) |
		bit(s.SubX, 3) | bit(s.SubY, 2) | s.ChromaPosition
	return AppendOBU([]byte{0x81, s.Profile<<5 | s.Level&0x1F, flags, 0}, t.SequenceHeader), nil
}

func bit(v bool, shift int) byte {
	if v {
		return 1 << shift
	}
	return 0
}

// VPCC is the VPCodecConfigurationRecord behind the version and flags of its box
// (VP Codec ISO Media File Format Binding §2.2), of VP8 and VP9.
func VPCC(t *hooks.Track, f *Facts) []byte {
	p := PictureOf(t, f.Frame)
	level := byte(0)
	if t.Codec == hooks.VP9 {
		level = VP9Level(t.Width, t.Height, f.Rate(t))
	}
	c := Color{2, 2, 2, false}
	if p.Color != nil {
		c = *p.Color
	}
	return []byte{1, 0, 0, 0, byte(t.Profile & 3), level,
		p.DepthLuma<<4 | vpChroma(p.Chroma)<<1 | bit(c.FullRange, 0), c.Primaries, c.Transfer, c.Matrix, 0, 0}
}

// vpChroma is chromaSubsampling: 1 = 4:2:0 with the luma sample beside, 2 = 4:2:2,
// 3 = 4:4:4.
func vpChroma(idc byte) byte { return max(1, idc) }

// opusFamily1 is streams, coupled streams and the channels in Vorbis order (RFC
// 7845 §5.1.1.2), by number of channels.
var opusFamily1 = map[int][]byte{
	3: {2, 1, 0, 2, 1},
	4: {2, 2, 0, 1, 2, 3},
	5: {3, 2, 0, 4, 1, 2, 3},
	6: {4, 2, 0, 4, 1, 2, 3, 5},
	7: {4, 3, 0, 4, 1, 2, 3, 5, 6},
	8: {5, 3, 0, 6, 1, 2, 3, 4, 5, 7},
}

// OpusChannels is the number of channels of an Opus track: what was announced, or
// two if a frame is stereo (the s bit of its TOC, RFC 6716 §3.1).
func OpusChannels(t *hooks.Track, f *Facts) int {
	if t.Channels < 2 && len(f.Frame) > 0 && f.Frame[0]&4 != 0 {
		return 2
	}
	return max(1, t.Channels)
}

// OpusMapping is the channel mapping family and its table.
func OpusMapping(channels int) ([]byte, error) {
	if channels <= 2 {
		return []byte{0}, nil
	}
	table := opusFamily1[channels]
	if table == nil {
		return nil, fmt.Errorf("number of channels is %d", channels)
	}
	return append([]byte{1}, table...), nil
}

// OpusPreSkip is the look-ahead of libopus at 48 kHz, which all common encoders are.
// No live protocol delivers a publisher's own.
const OpusPreSkip = 312

// DOps is the content of the Opus specific box (Opus in ISOBMFF §4.3.2).
func DOps(t *hooks.Track, f *Facts) ([]byte, error) {
	n := OpusChannels(t, f)
	mapping, err := OpusMapping(n)
	if err != nil {
		return nil, err
	}
	b := []byte{0, byte(n)}
	b = binary.BigEndian.AppendUint16(b, OpusPreSkip)
	b = binary.BigEndian.AppendUint32(b, 48000)
	b = append(b, 0, 0)
	return append(b, mapping...), nil
}

// DAC3 packs the fields of a sync frame's header (ETSI TS 102 366 §F.4, §4.3): fscod
// 2, bsid 5, bsmod 3, acmod 3, lfeon 1, bit_rate_code 5, reserved 5 bits. Without a
// frame it takes what the track says.
func DAC3(t *hooks.Track, f *Facts) []byte {
	frame := f.Frame
	if len(frame) < 8 || frame[0] != 0x0B || frame[1] != 0x77 {
		return dac3Guess(t)
	}
	r := &bits{b: frame, pos: 32}
	w := &writer{}
	fscod, size := r.u(2), r.u(6)
	bsid, bsmod, acmod := r.u(5), r.u(3), r.u(3)
	if acmod&1 != 0 && acmod != 1 {
		r.skip(2) // cmixlev
	}
	if acmod&4 != 0 {
		r.skip(2) // surmixlev
	}
	if acmod == 2 {
		r.skip(2) // dsurmod
	}
	w.u(fscod, 2)
	w.u(bsid, 5)
	w.u(bsmod, 3)
	w.u(acmod, 3)
	w.u(r.u(1), 1)
	w.u(size>>1, 5)
	w.u(0, 5)
	return w.b
}

func dac3Guess(t *hooks.Track) []byte {
	fscod := map[int]uint32{48000: 0, 44100: 1, 32000: 2}[t.SampleRate]
	acmod, lfe := uint32(min(t.Channels, 7)), uint32(0)
	if t.Channels == 6 {
		acmod, lfe = 7, 1
	}
	const bsid, rate = 8, 15
	w := &writer{}
	w.u(fscod, 2)
	w.u(bsid, 5)
	w.u(0, 3)
	w.u(acmod, 3)
	w.u(lfe, 1)
	w.u(rate, 5)
	w.u(0, 5)
	return w.b
}
