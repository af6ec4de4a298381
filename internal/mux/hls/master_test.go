package hls

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

func TestMaster(t *testing.T) {
	tracks := []hooks.Track{
		{Codec: hooks.VP9, ClockRate: 90000, Width: 1280, Height: 720},
		{Codec: hooks.AAC, ClockRate: 48000, AudioConfig: []byte{0x11, 0x90}},
		{Codec: hooks.AAC, ClockRate: 48000, AudioConfig: []byte{0x11, 0x90}},
	}
	v := VariantOf(tracks, []codec.Facts{{Ticks: 90000, Samples: 25, Bytes: 1}})
	r := NewRates(6)
	for _, n := range []int64{3_000_000, 4_500_000, 3_000_000} {
		r.Add(n, 6*time.Second)
	}
	r.Add(1000, 100*time.Millisecond)
	want := `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=6000000,AVERAGE-BANDWIDTH=4641326,CODECS="vp09.00.31.08,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=25.000
a.m3u8
`
	if got := string(RenderMaster("a.m3u8", v, r, FMP4, true)); got != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

// A short piece full of bits is no peak by itself, but with its neighbour.
func TestRates(t *testing.T) {
	r := NewRates(10)
	r.Add(1_000_000, 10*time.Second)
	r.Add(1_000_000, time.Second)
	if got := r.Bandwidth(); got != perSecond(2_000_000, 11*time.Second) {
		t.Errorf("bandwidth %d", got)
	}
	if got := NewRates(10); got.Bandwidth() != 0 || got.Average() != 0 {
		t.Error("nothing has a rate")
	}
	short := NewRates(10)
	short.Add(1000, time.Second)
	if short.Bandwidth() != 8000 {
		t.Errorf("short: %d", short.Bandwidth())
	}
}

func TestVariantJoin(t *testing.T) {
	a := Variant{Codecs: []string{"avc1.42C028"}, Width: 640, Height: 360, FrameRate: 25}
	b := Variant{Codecs: []string{"avc1.64001F", "mp4a.40.2"}, Width: 1280, Height: 720, FrameRate: 24}
	got := a.Join(b)
	if len(got.Codecs) != 3 || got.Width != 1280 || got.FrameRate != 25 {
		t.Errorf("%+v", got)
	}
}
