package codec

import (
	"fmt"
	mathbits "math/bits"
	"strings"

	"github.com/live-recording/liverecord/hooks"
)

// String is the codecs parameter of a track (RFC 6381 and the specification of each
// codec), as EXT-X-STREAM-INF and MediaSource want it; "" if there is none.
func String(t *hooks.Track, f *Facts) string {
	switch t.Codec {
	case hooks.H264: // ISO/IEC 14496-15 annex E.2
		if len(t.SPS) >= 4 {
			return fmt.Sprintf("avc1.%02X%02X%02X", t.SPS[1], t.SPS[2], t.SPS[3])
		}
	case hooks.H265:
		return stringH265(t)
	case hooks.AV1:
		return stringAV1(t)
	case hooks.VP9:
		return stringVP9(t, f)
	case hooks.VP8:
		return "vp08.00.00.08"
	case hooks.AAC:
		return stringAAC(t)
	case hooks.MP3: // as HLS names it: MPEG-1 or -2 layer III by their object types
		return "mp4a.40.34"
	case hooks.Opus:
		return "Opus"
	case hooks.AC3:
		return "ac-3"
	}
	return ""
}

// stringH265 is ISO/IEC 14496-15 annex E.3.
func stringH265(t *hooks.Track) string {
	s, err := H265(t.SPS)
	if err != nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("hvc1.")
	if space := s.General[0] >> 6; space > 0 {
		b.WriteByte('A' + space - 1)
	}
	compat := uint32(s.General[1])<<24 | uint32(s.General[2])<<16 | uint32(s.General[3])<<8 | uint32(s.General[4])
	tier := byte('L')
	if s.Tier {
		tier = 'H'
	}
	fmt.Fprintf(&b, "%d.%X.%c%d", s.Profile, mathbits.Reverse32(compat), tier, s.Level)
	last := len(s.Compat)
	for last > 0 && s.Compat[last-1] == 0 {
		last--
	}
	for _, c := range s.Compat[:last] {
		fmt.Fprintf(&b, ".%X", c)
	}
	return b.String()
}

// stringAV1 is AV1 in ISOBMFF §5. The optional part is written if it says something.
func stringAV1(t *hooks.Track) string {
	s, err := AV1(t.SequenceHeader)
	if err != nil {
		return ""
	}
	tier := 'M'
	if s.Tier {
		tier = 'H'
	}
	short := fmt.Sprintf("av01.%d.%02d%c.%02d", s.Profile, s.Level, tier, s.DepthLuma)
	c := Color{1, 1, 1, false}
	if s.Color != nil {
		c = *s.Color
		for _, v := range []*byte{&c.Primaries, &c.Transfer, &c.Matrix} {
			if *v == 2 {
				*v = 1 // unspecified is taken as BT.709
			}
		}
	}
	position := byte(0)
	if s.SubX && s.SubY {
		position = s.ChromaPosition
	}
	long := fmt.Sprintf(".%d.%d%d%d.%02d.%02d.%02d.%d", bit(s.Mono, 0), bit(s.SubX, 0), bit(s.SubY, 0), position,
		c.Primaries, c.Transfer, c.Matrix, bit(c.FullRange, 0))
	if long == ".0.110.01.01.01.0" {
		return short
	}
	return short + long
}

// stringVP9 is VP Codec ISO Media File Format Binding §3.
func stringVP9(t *hooks.Track, f *Facts) string {
	c := VPCC(t, f)[4:]
	return fmt.Sprintf("vp09.%02d.%02d.%02d", c[0], c[1], c[2]>>4)
}

// stringAAC is mp4a.40.N with the audio object type (RFC 6381 §3.3).
func stringAAC(t *hooks.Track) string {
	c, err := ParseAAC(t.AudioConfig)
	if err != nil {
		return "mp4a.40.2"
	}
	if c.Explicit != 0 {
		return fmt.Sprintf("mp4a.40.%d", c.Explicit)
	}
	return fmt.Sprintf("mp4a.40.%d", c.Object)
}
