package hls

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// Variant is what a multivariant playlist says of the one media playlist that it
// names (RFC 8216 §4.3.4.2). It can be kept: it holds no media.
type Variant struct {
	// Codecs are the codecs parameters of all tracks (RFC 6381), without repetition.
	Codecs []string `json:"codecs,omitempty"`
	// Width and Height are the size on the screen, 0 if unknown or without video.
	Width  int `json:"width,omitempty"`
	Height int `json:"height,omitempty"`
	// FrameRate is pictures per second, 0 if unknown.
	FrameRate float64 `json:"frameRate,omitempty"`
}

// VariantOf describes tracks. Facts, one per track, may be nil; they make the frame
// rate and the level of VP9 exact.
func VariantOf(tracks []hooks.Track, facts []codec.Facts) Variant {
	var v Variant
	for i := range tracks {
		t := &tracks[i]
		f := &codec.Facts{}
		if i < len(facts) {
			f = &facts[i]
		}
		v.add(codec.String(t, f))
		if !t.Codec.IsVideo() || v.Width > 0 {
			continue
		}
		p := codec.PictureOf(t, f.Frame)
		v.Width, v.Height = p.Width, p.Height
		if p.SarW > 0 && p.SarH > 0 {
			v.Width = p.Width * p.SarW / p.SarH
		}
		if v.FrameRate = f.Rate(t); v.FrameRate == 0 {
			v.FrameRate = p.Rate
		}
	}
	return v
}

func (v *Variant) add(name string) {
	for _, have := range v.Codecs {
		if have == name {
			return
		}
	}
	if name != "" {
		v.Codecs = append(v.Codecs, name)
	}
}

// Join is the variant of a playlist whose parameters changed: all codecs, the largest
// picture, the highest rate.
func (v Variant) Join(o Variant) Variant {
	for _, name := range o.Codecs {
		v.add(name)
	}
	if o.Width*o.Height > v.Width*v.Height {
		v.Width, v.Height = o.Width, o.Height
	}
	v.FrameRate = max(v.FrameRate, o.FrameRate)
	return v
}

// Rates measures the bit rates of a media playlist from its pieces.
type Rates struct {
	Peak  int64 // bits per second of the largest piece, or of a short one and its neighbours
	bytes int64
	time  time.Duration

	window      int64         // bytes of the pieces at the end
	windowTime  time.Duration // their length
	windowSizes []sized
	target      time.Duration
}

type sized struct {
	bytes int64
	time  time.Duration
}

// NewRates measures for a target duration in seconds.
func NewRates(target int) *Rates {
	return &Rates{target: time.Duration(max(target, 1)) * time.Second}
}

// Add takes the next piece. The peak is that of any run of pieces between half and
// one and a half times the target duration (RFC 8216 §4.3.4.2).
func (r *Rates) Add(bytes int64, d time.Duration) {
	if d <= 0 || bytes < 0 {
		return
	}
	r.bytes += bytes
	r.time += d
	r.windowSizes = append(r.windowSizes, sized{bytes, d})
	r.window += bytes
	r.windowTime += d
	for len(r.windowSizes) > 1 && r.windowTime > r.target*3/2 {
		r.window -= r.windowSizes[0].bytes
		r.windowTime -= r.windowSizes[0].time
		r.windowSizes = r.windowSizes[1:]
	}
	// every run that ends here
	size, length := r.window, r.windowTime
	for _, x := range r.windowSizes {
		if length >= r.target/2 {
			r.Peak = max(r.Peak, perSecond(size, length))
		}
		size, length = size-x.bytes, length-x.time
	}
}

// Bandwidth is the peak bit rate; of a playlist shorter than half a target duration,
// its average.
func (r *Rates) Bandwidth() int64 { return max(r.Peak, r.Average()) }

// Average is the mean bit rate over all pieces.
func (r *Rates) Average() int64 { return perSecond(r.bytes, r.time) }

func perSecond(bytes int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(math.Ceil(float64(bytes) * 8 / d.Seconds()))
}

// MasterKey is the object key of the multivariant playlist of KEY.m3u8.
func MasterKey(key string) string { return key + "_master.m3u8" }

// RenderMaster renders a multivariant playlist that names one media playlist, whose
// uri is relative to it. independent repeats what the media playlist claims.
func RenderMaster(uri string, v Variant, r *Rates, c Container, independent bool) []byte {
	var b strings.Builder
	version := 3
	if c == FMP4 {
		version = 7
	}
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:" + strconv.Itoa(version) + "\n")
	if independent {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	b.WriteString("#EXT-X-STREAM-INF:BANDWIDTH=" + strconv.FormatInt(max(r.Bandwidth(), 1), 10))
	b.WriteString(",AVERAGE-BANDWIDTH=" + strconv.FormatInt(max(r.Average(), 1), 10))
	if len(v.Codecs) > 0 {
		b.WriteString(`,CODECS="` + strings.Join(v.Codecs, ",") + `"`)
	}
	if v.Width > 0 && v.Height > 0 {
		b.WriteString(",RESOLUTION=" + strconv.Itoa(v.Width) + "x" + strconv.Itoa(v.Height))
	}
	if v.FrameRate > 0 {
		b.WriteString(",FRAME-RATE=" + strconv.FormatFloat(v.FrameRate, 'f', 3, 64))
	}
	b.WriteString("\n" + uri + "\n")
	return []byte(b.String())
}
