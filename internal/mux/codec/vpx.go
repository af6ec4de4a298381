package codec

import (
	"github.com/live-recording/liverecord/hooks"
)

// vp9Picture reads the uncompressed header of a key frame (VP9 §6.2), if one is
// given; else it takes what the profile says. Profiles 0 and 1 have 8 bits, 2 and 3
// more; 0 and 2 are 4:2:0, 1 and 3 mostly 4:4:4.
func vp9Picture(t *hooks.Track, frame []byte) Picture {
	p := Picture{
		Width: t.Width, Height: t.Height, Profile: byte(t.Profile & 3), Chroma: 1, DepthLuma: 8,
	}
	if p.Profile >= 2 {
		p.DepthLuma = 10
	}
	if p.Profile&1 != 0 {
		p.Chroma = 3
	}
	r := &bits{b: frame}
	if r.u(2) == 2 {
		profile := r.u(1) | r.u(1)<<1
		if profile == 3 {
			r.skip(1)
		}
		repeated := r.flag()        // show_existing_frame
		if !repeated && !r.flag() { // a key frame
			r.skip(2)
			if r.u(24) == 0x498342 {
				colorVP9(r, &p, byte(profile))
			}
		}
	}
	p.DepthChroma = p.DepthLuma
	return p
}

// colorVP9 reads color_config (VP9 §6.2.2).
func colorVP9(r *bits, p *Picture, profile byte) {
	depth, chroma := byte(8), byte(1)
	if profile >= 2 {
		depth = 10 + 2*byte(r.u(1))
	}
	space := r.u(3)
	c := spacesVP9[space]
	odd := profile&1 != 0
	if space == 7 { // RGB
		c.FullRange = true
		if odd {
			r.skip(1)
			chroma = 3
		}
	} else {
		c.FullRange = r.flag()
		if odd {
			chroma = chromaOf(false, r.flag(), r.flag())
			r.skip(1)
		}
	}
	if r.over {
		return
	}
	p.DepthLuma, p.Chroma = depth, chroma
	if space != 0 || c.FullRange {
		p.Color = &c
	}
}

// spacesVP9 are the code points of color_space (VP9 §7.2.2, table).
var spacesVP9 = [8]Color{
	{2, 2, 2, false}, {5, 6, 5, false}, {1, 1, 1, false}, {6, 6, 6, false},
	{7, 7, 7, false}, {9, 14, 9, false}, {2, 2, 2, false}, {1, 13, 0, false},
}

// vp9Levels are picture sizes and sample rates of the levels, times 10 (VP9
// levels: Max Luma Picture Size, Max Luma Sample Rate).
var vp9Levels = []struct {
	level      byte
	size, rate float64
}{
	{10, 36864, 829440}, {11, 73728, 2764800}, {20, 122880, 4608000}, {21, 245760, 9216000},
	{30, 552960, 20736000}, {31, 983040, 36864000}, {40, 2228224, 83558400}, {41, 2228224, 160432128},
	{50, 8912896, 311951360}, {51, 8912896, 588251136}, {52, 8912896, 1176502272},
	{60, 35651584, 1176502272}, {61, 35651584, 2353004544},
}

// VP9Level is the lowest level, times 10, that holds pictures of this size at this
// rate; a rate of 0 counts as 30 pictures per second.
func VP9Level(width, height int, rate float64) byte {
	if rate <= 0 {
		rate = 30
	}
	size := float64(width) * float64(height)
	for _, l := range vp9Levels {
		if size <= l.size && size*rate <= l.rate {
			return l.level
		}
	}
	return 62
}
