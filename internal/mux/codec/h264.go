package codec

// H264 reads a sequence parameter set without start code (ITU-T H.264 §7.3.2.1.1).
// ErrNoSPS: no decoder can use it. ErrShort: its picture size could not be read.
func H264(nal []byte) (Picture, error) {
	p := Picture{Chroma: 1, DepthLuma: 8, DepthChroma: 8, Reorder: -1}
	if len(nal) < 4 {
		return p, ErrShort
	}
	p.Profile, p.Level = nal[1], nal[3]
	p.Compat[0] = nal[2]
	r := &bits{b: Unescape(nal), pos: 32}
	if len(nal) == 4 {
		return p, ErrShort
	}
	if id := r.ue(); r.over || id > 31 {
		return p, ErrNoSPS
	}
	separate := false
	if hasChroma264(p.Profile) {
		chroma := r.ue()
		if chroma == 3 {
			separate = r.flag()
		}
		luma, c := r.ue(), r.ue()
		r.skip(1)
		if r.over || chroma > 3 || luma > 6 || c > 6 {
			return p, ErrShort
		}
		p.Chroma, p.DepthLuma, p.DepthChroma = byte(chroma), byte(8+luma), byte(8+c)
		if r.flag() {
			scaling264(r, p.Chroma)
		}
	}
	r.ue() // log2_max_frame_num
	pocType, refs := order264(r)
	r.skip(1)
	width, height := r.ue()+1, r.ue()+1
	if r.over || width > 1<<12 || height > 1<<12 {
		return p, ErrShort
	}
	frame := 2 - r.u(1)
	if frame == 2 {
		r.skip(1)
	}
	r.skip(1)
	size264(r, &p, int(width)*16, int(height*frame)*16, int(frame), separate)
	p.Reorder = reorder264(p.Profile, pocType, refs)
	if r.flag() && !r.over {
		vui264(r, &p, pocType)
	}
	return p, nil
}

// hasChroma264 tells whether a profile's parameter sets say chroma and depth.
func hasChroma264(profile byte) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

func scaling264(r *bits, chroma byte) {
	n := 8
	if chroma == 3 {
		n = 12
	}
	for i := range n {
		if !r.flag() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		for last, next := int32(8), int32(8); size > 0 && !r.over; size-- {
			if next != 0 {
				next = (last + r.se() + 256) & 255
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// order264 reads picture order count type and the number of reference frames.
func order264(r *bits) (pocType, refs uint32) {
	switch pocType = r.ue(); pocType {
	case 0:
		r.ue()
	case 1:
		r.skip(1)
		r.se()
		r.se()
		for n := r.ue(); n > 0 && !r.over; n-- {
			r.se()
		}
	}
	return pocType, r.ue()
}

// size264 applies the cropping window (§7.4.2.1.1).
func size264(r *bits, p *Picture, width, height, frame int, separate bool) {
	p.Width, p.Height = width, height
	if !r.flag() {
		return
	}
	left, right, top, bottom := int(r.ue()), int(r.ue()), int(r.ue()), int(r.ue())
	x, y := 1, 1
	if !separate {
		x, y = chromaUnits(p.Chroma)
	}
	y *= frame
	w, h := width-x*(left+right), height-y*(top+bottom)
	if !r.over && w > 0 && h > 0 {
		p.Width, p.Height = w, h
	}
}

// chromaUnits are SubWidthC and SubHeightC (H.264 table 6-1).
func chromaUnits(chroma byte) (x, y int) {
	switch chroma {
	case 1:
		return 2, 2
	case 2:
		return 2, 1
	}
	return 1, 1
}

// reorder264 is the depth where the VUI does not say it. A picture that is shown
// before one decoded earlier needs both its neighbours as references.
func reorder264(profile byte, pocType, refs uint32) int {
	switch {
	case pocType == 2, profile == 66: // output order is decoding order (§8.2.1.3); no B slices
		return 0
	case refs < 2: // both neighbours of such a picture are references
		return 0
	}
	return int(min(refs-1, 4))
}

// vui264 reads the video usability information (§E.1.1).
func vui264(r *bits, p *Picture, pocType uint32) {
	vuiShape(r, p)
	if r.flag() {
		units, scale := r.u(32), r.u(32)
		r.skip(1)
		if units > 0 && !r.over {
			p.Rate = float64(scale) / float64(units) / 2
		}
	}
	nal := r.flag()
	if nal {
		hrd264(r)
	}
	vcl := r.flag()
	if vcl {
		hrd264(r)
	}
	if nal || vcl {
		r.skip(1)
	}
	r.skip(1)
	if !r.flag() || pocType == 2 {
		return
	}
	r.skip(1)
	for range 4 {
		r.ue()
	}
	if n := r.ue(); !r.over && n <= maxReorder {
		p.Reorder = int(n)
	}
}

// maxReorder is the largest reorder depth of H.264 and H.265.
const maxReorder = 16

// vuiShape reads what H.264 and H.265 have in common at the beginning of the VUI.
func vuiShape(r *bits, p *Picture) {
	if r.flag() {
		idc, w, h := r.u(8), uint32(0), uint32(0)
		if idc == 255 {
			w, h = r.u(16), r.u(16)
		}
		if !r.over {
			p.SarW, p.SarH = sampleAspect(idc, w, h)
		}
	}
	if r.flag() {
		r.skip(1)
	}
	if r.flag() {
		r.skip(3)
		c := Color{2, 2, 2, r.flag()}
		if r.flag() {
			c.Primaries, c.Transfer, c.Matrix = byte(r.u(8)), byte(r.u(8)), byte(r.u(8))
		}
		if !r.over {
			p.Color = &c
		}
	}
	if r.flag() {
		r.ue()
		r.ue()
	}
}

func hrd264(r *bits) {
	n := r.ue() + 1
	r.skip(8)
	for ; n > 0 && !r.over; n-- {
		r.ue()
		r.ue()
		r.skip(1)
	}
	r.skip(20)
}
