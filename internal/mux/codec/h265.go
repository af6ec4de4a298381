package codec

// H265SPS is a sequence parameter set of H.265.
type H265SPS struct {
	Picture
	// General is general_profile_space to general_level_idc, 12 bytes as they
	// stand in the set, without emulation prevention (§7.3.3).
	General   [12]byte
	SubLayers int // sps_max_sub_layers
	Nested    bool
	// MinSpatialSegmentation is min_spatial_segmentation_idc, 0 if not said.
	MinSpatialSegmentation uint16
}

// H265 reads a sequence parameter set without start code (ITU-T H.265 §7.3.2.2.1).
// ErrShort: not even profile, tier and level are there. ErrNoSPS: no decoder can use it.
func H265(nal []byte) (H265SPS, error) {
	var s H265SPS
	s.Chroma, s.DepthLuma, s.DepthChroma, s.Reorder = 1, 8, 8, -1
	raw := Unescape(nal)
	if len(raw) < 15 {
		return s, ErrShort
	}
	layers := int(raw[2] >> 1 & 7)
	s.SubLayers, s.Nested = layers+1, raw[2]&1 != 0
	copy(s.General[:], raw[3:15])
	s.Profile, s.Level, s.Tier = raw[3]&0x1F, raw[14], raw[3]&0x20 != 0
	copy(s.Compat[:], raw[8:14])
	r := &bits{b: raw, pos: 15 * 8}
	subLayers265(r, layers)
	if id := r.ue(); !r.over && id > 15 {
		return s, ErrNoSPS
	}
	if !size265(r, &s.Picture) {
		return s, nil
	}
	poc := order265(r, &s.Picture, layers)
	if blocks265(r) && references265(r, int(poc)) {
		r.skip(2) // temporal_mvp, strong_intra_smoothing
		if r.flag() && !r.over {
			vui265(r, &s, layers)
		}
	}
	return s, nil
}

// subLayers265 skips profile, tier and level of the sub-layers (§7.3.3).
func subLayers265(r *bits, layers int) {
	var profile, level [8]bool
	for i := range layers {
		profile[i], level[i] = r.flag(), r.flag()
	}
	if layers > 0 {
		r.skip(2 * (8 - layers))
	}
	for i := range layers {
		if profile[i] {
			r.skip(88)
		}
		if level[i] {
			r.skip(8)
		}
	}
}

// size265 reads chroma, size and depth.
func size265(r *bits, p *Picture) bool {
	chroma, separate := r.ue(), false
	if chroma == 3 {
		separate = r.flag()
	}
	width, height := r.ue(), r.ue()
	if r.over || chroma > 3 || width == 0 || height == 0 || width > 1<<16 || height > 1<<16 {
		return false
	}
	p.Chroma, p.Width, p.Height = byte(chroma), int(width), int(height)
	if r.flag() {
		left, right, top, bottom := int(r.ue()), int(r.ue()), int(r.ue()), int(r.ue())
		x, y := 1, 1
		if !separate {
			x, y = chromaUnits(p.Chroma)
		}
		w, h := p.Width-x*(left+right), p.Height-y*(top+bottom)
		if !r.over && w > 0 && h > 0 {
			p.Width, p.Height = w, h
		}
	}
	luma, c := r.ue(), r.ue()
	if r.over || luma > 8 || c > 8 {
		return false
	}
	p.DepthLuma, p.DepthChroma = byte(8+luma), byte(8+c)
	return true
}

// order265 reads the reorder depth, and returns the bits of an order count.
func order265(r *bits, p *Picture, layers int) uint32 {
	poc := r.ue() + 4
	first := layers
	if r.flag() {
		first = 0
	}
	for range layers - first + 1 {
		r.ue()
		n := r.ue()
		r.ue()
		if !r.over && n <= maxReorder {
			p.Reorder = int(n) // of the highest sub-layer in the end
		}
	}
	return min(poc, 32)
}

// blocks265 skips block sizes, scaling lists and PCM.
func blocks265(r *bits) bool {
	for range 6 {
		r.ue()
	}
	enabled := r.flag()
	if enabled && r.flag() { // and the data are here
		scaling265(r)
	}
	r.skip(2)
	if r.flag() {
		r.skip(8)
		r.ue()
		r.ue()
		r.skip(1)
	}
	return !r.over
}

func scaling265(r *bits) {
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for m := 0; m < 6; m += step {
			if !r.flag() {
				r.ue()
				continue
			}
			if size > 1 {
				r.se()
			}
			for range min(64, 1<<(4+size<<1)) {
				r.se()
			}
		}
	}
}

// references265 skips short-term and long-term reference pictures.
func references265(r *bits, poc int) bool {
	sets := r.ue()
	if sets > 64 {
		return false
	}
	deltas := make([]int, sets)
	for i := range deltas {
		n, ok := shortTerm265(r, i, deltas)
		if !ok {
			return false
		}
		deltas[i] = n
	}
	if r.flag() { // long_term_ref_pics_present_flag
		n := r.ue()
		if n > 32 {
			return false
		}
		r.skip(int(n) * (poc + 1))
	}
	return !r.over
}

// shortTerm265 skips st_ref_pic_set (§7.3.7) and returns the number of its pictures.
func shortTerm265(r *bits, i int, deltas []int) (int, bool) {
	if i > 0 && r.flag() { // inter_ref_pic_set_prediction_flag
		r.skip(1)
		r.ue()
		n := 0
		for range deltas[i-1] + 1 {
			if used := r.flag(); used || r.flag() {
				n++
			}
		}
		return n, !r.over && n <= maxReorder
	}
	n := r.ue() + r.ue()
	if r.over || n > 2*maxReorder {
		return 0, false
	}
	for range n {
		r.ue()
		r.skip(1)
	}
	return int(n), !r.over
}

// vui265 reads the video usability information (§E.2.1).
func vui265(r *bits, s *H265SPS, layers int) {
	vuiShape(r, &s.Picture)
	r.skip(3)
	if r.flag() { // default display window
		for range 4 {
			r.ue()
		}
	}
	if r.flag() {
		units, scale := r.u(32), r.u(32)
		if units > 0 && !r.over {
			s.Rate = float64(scale) / float64(units)
		}
		if r.flag() {
			r.ue()
		}
		if r.flag() {
			hrd265(r, layers)
		}
	}
	if !r.flag() {
		return
	}
	r.skip(3)
	if n := r.ue(); !r.over && n < 1<<12 {
		s.MinSpatialSegmentation = uint16(n)
	}
}

// hrd265 skips hrd_parameters with common information (§E.2.2).
func hrd265(r *bits, layers int) {
	nal, vcl, sub := r.flag(), r.flag(), false
	if nal || vcl {
		if sub = r.flag(); sub {
			r.skip(19)
		}
		r.skip(8)
		if sub {
			r.skip(4)
		}
		r.skip(15)
	}
	for range layers + 1 {
		fixed := r.flag()
		within := fixed || r.flag()
		low := false
		if within {
			r.ue()
		} else {
			low = r.flag()
		}
		n := uint32(1)
		if !low {
			n = r.ue() + 1
		}
		for _, is := range []bool{nal, vcl} {
			for k := n; is && k > 0 && !r.over; k-- {
				r.ue()
				r.ue()
				if sub {
					r.ue()
					r.ue()
				}
				r.skip(1)
			}
		}
	}
}
