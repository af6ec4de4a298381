package codec

// AV1Sequence is an AV1 sequence header OBU.
type AV1Sequence struct {
	Picture
	Mono, SubX, SubY, High, Twelve bool
	ChromaPosition                 byte
}

// AV1 OBU headers (AV1 §5.3.2).
const (
	OBUExtension = 0x04
	OBUHasSize   = 0x02

	obuSequenceHeader = 1
	obuTemporalUnit   = 2
)

// OBUType is the type of an OBU, which must not be empty.
func OBUType(obu []byte) byte { return obu[0] >> 3 & 0x0F }

// IsTemporalDelimiter tells whether containers leave the OBU out.
func IsTemporalDelimiter(obu []byte) bool { return OBUType(obu) == obuTemporalUnit }

// OBUHeader is the length of an OBU's header without its size field.
func OBUHeader(obu []byte) int {
	if obu[0]&OBUExtension != 0 && len(obu) > 1 {
		return 2
	}
	return 1
}

// AppendOBU appends an OBU with a size field, which it may have already.
func AppendOBU(b, obu []byte) []byte {
	if len(obu) == 0 || obu[0]&OBUHasSize != 0 {
		return append(b, obu...)
	}
	n := OBUHeader(obu)
	b = append(append(b, obu[0]|OBUHasSize), obu[1:n]...)
	for size := len(obu) - n; ; size >>= 7 { // leb128
		if size < 0x80 {
			b = append(b, byte(size))
			break
		}
		b = append(b, byte(size)|0x80)
	}
	return append(b, obu[n:]...)
}

// AV1 reads a sequence header OBU (AV1 §5.5.1), with or without size field.
func AV1(obu []byte) (AV1Sequence, error) {
	var s AV1Sequence
	s.Chroma, s.DepthLuma, s.DepthChroma, s.SubX, s.SubY = 1, 8, 8, true, true
	if len(obu) < 3 || OBUType(obu) != obuSequenceHeader {
		return s, ErrShort
	}
	body := obu[OBUHeader(obu):]
	if obu[0]&OBUHasSize != 0 {
		for len(body) > 0 && body[0]&0x80 != 0 {
			body = body[1:]
		}
		if len(body) > 0 {
			body = body[1:]
		}
	}
	r := &bits{b: body}
	s.Profile = byte(r.u(3))
	r.skip(1)
	reduced := r.flag()
	if reduced {
		s.Level = byte(r.u(5))
	} else {
		points(r, &s)
	}
	w, h := int(r.u(4))+1, int(r.u(4))+1
	width, height := int(r.u(w))+1, int(r.u(h))+1
	if r.over {
		return s, ErrShort
	}
	s.Width, s.Height = width, height
	tools(r, reduced)
	colorAV1(r, &s)
	return s, nil
}

// points reads timing and operating points; the first one's level counts.
func points(r *bits, s *AV1Sequence) {
	decoder, delay := false, 0
	if r.flag() { // timing_info_present_flag
		units, scale := r.u(32), r.u(32)
		ticks := uint32(1)
		equal := r.flag()
		if equal {
			ticks = r.ue() + 1
		}
		if units > 0 && ticks > 0 && equal && !r.over {
			s.Rate = float64(scale) / float64(units) / float64(ticks)
		}
		if decoder = r.flag(); decoder {
			delay = int(r.u(5)) + 1
			r.skip(42)
		}
	}
	display := r.flag()
	n := int(r.u(5)) + 1
	for i := range n {
		r.skip(12)
		level, tier := byte(r.u(5)), false
		if level > 7 {
			tier = r.flag()
		}
		if i == 0 {
			s.Level, s.Tier = level, tier
		}
		if decoder && r.flag() {
			r.skip(2*delay + 1)
		}
		if display && r.flag() {
			r.skip(4)
		}
	}
}

// tools skips what stands between size and colours.
func tools(r *bits, reduced bool) {
	if !reduced && r.flag() { // frame_id_numbers_present_flag
		r.skip(7)
	}
	r.skip(3)
	if !reduced {
		r.skip(4)
		if r.flag() { // enable_order_hint
			r.skip(2)
			toolsSelect(r)
			r.skip(3)
		} else {
			toolsSelect(r)
		}
	}
	r.skip(3)
}

// toolsSelect skips what is chosen per frame or for all of them.
func toolsSelect(r *bits) {
	screen := true
	if !r.flag() { // seq_choose_screen_content_tools
		screen = r.flag()
	}
	if screen && !r.flag() { // seq_choose_integer_mv
		r.skip(1)
	}
}

// colorAV1 reads color_config (§5.5.2).
func colorAV1(r *bits, s *AV1Sequence) {
	c := Color{2, 2, 2, false}
	depth := byte(8)
	s.High = r.flag()
	if s.Profile == 2 && s.High {
		s.Twelve = r.flag()
	}
	switch {
	case s.Twelve:
		depth = 12
	case s.High:
		depth = 10
	}
	s.Mono = s.Profile != 1 && r.flag()
	said := r.flag()
	if said {
		c.Primaries, c.Transfer, c.Matrix = byte(r.u(8)), byte(r.u(8)), byte(r.u(8))
	}
	s.SubX, s.SubY = true, true
	switch {
	case s.Mono:
		c.FullRange = r.flag()
	case c.Primaries == 1 && c.Transfer == 13 && c.Matrix == 0: // sRGB
		c.FullRange, s.SubX, s.SubY = true, false, false
	default:
		c.FullRange = r.flag()
		subsampling(r, s, depth)
	}
	if r.over {
		s.High, s.Twelve, s.Mono, s.SubX, s.SubY = false, false, false, true, true
		return
	}
	s.DepthLuma, s.DepthChroma = depth, depth
	s.Chroma = chromaOf(s.Mono, s.SubX, s.SubY)
	if said || c.FullRange {
		s.Color = &c
	}
}

func subsampling(r *bits, s *AV1Sequence, depth byte) {
	switch {
	case s.Profile == 0:
	case s.Profile == 1:
		s.SubX, s.SubY = false, false
	case depth == 12:
		s.SubX = r.flag()
		s.SubY = s.SubX && r.flag()
	default:
		s.SubY = false
	}
	if s.SubX && s.SubY {
		s.ChromaPosition = byte(r.u(2))
	}
}

// chromaOf is chroma_format_idc.
func chromaOf(mono, x, y bool) byte {
	switch {
	case mono:
		return 0
	case x && y:
		return 1
	case x:
		return 2
	}
	return 3
}
