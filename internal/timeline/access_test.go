package timeline

import (
	"bytes"
	"testing"

	"github.com/live-recording/liverecord/hooks"
)

// Parameters that mean the same let one file go on; anything else ends it.
func TestSame(t *testing.T) {
	aac := func(config ...byte) hooks.Track {
		return hooks.Track{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, AudioConfig: config}
	}
	h264 := hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: []byte{0x67, 1}, PPS: []byte{0x68, 1}}
	otherPPS := h264
	otherPPS.PPS = []byte{0x68, 2}
	cases := []struct {
		name string
		a, b hooks.Track
		want bool
	}{
		{"identical", h264, h264, true},
		{"other PPS", h264, otherPPS, false},
		{"AAC from ADTS and from RTMP with SBR signalled behind", aac(0x11, 0x90), aac(0x11, 0x90, 0x56, 0xe5, 0x00), true},
		{"other number of channels", aac(0x11, 0x90), aac(0x11, 0x88), false},
		{"960 samples a frame", aac(0x11, 0x90), aac(0x11, 0x94), false},
		{"broken configuration", aac(0x11, 0x90), aac(), false},
		{"other codec", aac(0x11, 0x90), hooks.Track{Codec: hooks.Opus, ClockRate: 48000}, false},
		{"other clock", h264, hooks.Track{Codec: hooks.H264, ClockRate: 1000, SPS: h264.SPS, PPS: h264.PPS}, false},
		{"µ-law and A-law", hooks.Track{Codec: hooks.G711, ClockRate: 8000, SampleRate: 8000, Channels: 1},
			hooks.Track{Codec: hooks.G711, ClockRate: 8000, SampleRate: 8000, Channels: 1, MuLaw: true}, false},
	}
	for _, c := range cases {
		if got := Same(&c.a, &c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := Same(&c.b, &c.a); got != c.want {
			t.Errorf("%s, the other way round: %v", c.name, got)
		}
	}
}

// An SPS that cannot be parsed does not replace one that can, and is taken
// where there is none: a format may do without.
func TestUnreadableSPS(t *testing.T) {
	good := []byte{0x67, 0x64, 0x00, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3d, 0x08}
	bad := []byte{0x67, 0x42, 0xc0, 0x1e, 0, 0, 0, 0, 0, 0}
	pps := []byte{0x68, 0xee, 0x3c, 0x80}
	for _, c := range []struct{ have, comes, want []byte }{
		{good, bad, good}, {bad, good, good}, {nil, bad, bad}, {nil, good, good},
	} {
		tr := &hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: c.have, PPS: pps}
		if got := learn(tr, [][]byte{c.comes, pps, {0x65}}); !bytes.Equal(got.SPS, c.want) {
			t.Errorf("%x, then %x: %x", c.have, c.comes, got.SPS)
		}
	}
}

func FuzzAccess(f *testing.F) {
	f.Add("h264", []byte{0x67, 0x42}, []byte{0x06, 0x06, 0xff, 0xff, 0x01})
	f.Add("vp9", []byte{0x82, 0x49, 0x83, 0x42}, []byte{})
	f.Add("h264", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("h265", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("av1", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("vp9", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("vp8", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("aac", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("mp3", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("opus", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("ac3", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("lpcm", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Add("g711", []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []byte{1})
	f.Fuzz(func(t *testing.T, codec string, a, b []byte) {
		tr := &hooks.Track{Codec: hooks.Codec(codec), ClockRate: 90000, SPS: a, AudioConfig: b}
		AccessOf(tr.Codec, [][]byte{a, b})
		next := learn(tr, [][]byte{a, b})
		depthOf(next)
		Known(next)
		frameDur(next, a)
	})
}
