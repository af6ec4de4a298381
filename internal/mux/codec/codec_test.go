package codec

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/live-recording/liverecord/hooks"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Parameter sets of H.265: of x265, of x265 with a long-term reference picture in the
// SPS, and with a level for the lower of two sub-layers.
var (
	vpsLTR      = unhex("40010c01ffff0408000003009fa800000300003cba0240")
	spsLTR      = unhex("4201010408000003009fa800000300003ca00a080c1f3e5ba4a4c3402f016808000003000800000300c840")
	ppsLTR      = unhex("4401c0718312")
	vpsSub      = unhex("40010c01ffff01600000030090000003000003003cba0240")
	spsSub      = unhex("42010301600000030090000003000003003c40003ca00a080c1f3e53a4a4c2f0168080000003008000000c84")
	ppsSub      = unhex("4401c073c189")
	spsBaseline = unhex("6742c028d900780227e584000003000400000300f03c60c920")
	ppsBaseline = unhex("68cb83cb20")
)

func TestH265(t *testing.T) {
	for _, c := range []struct {
		name string
		sps  []byte
		want H265SPS
	}{
		{"long-term references", spsLTR, H265SPS{Picture: Picture{Width: 320, Height: 180, SarW: 1, SarH: 1, Rate: 25}, SubLayers: 1, Nested: true}},
		{"levels of sub-layers", spsSub, H265SPS{Picture: Picture{Width: 320, Height: 180, SarW: 1, SarH: 1, Rate: 25}, SubLayers: 2, Nested: true}},
	} {
		s, err := H265(c.sps)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if s.Width != c.want.Width || s.Height != c.want.Height || s.Rate != c.want.Rate || s.SubLayers != c.want.SubLayers ||
			s.Nested != c.want.Nested || s.SarW != c.want.SarW || s.Chroma != 1 || s.DepthLuma != 8 || s.Level != 60 || s.Reorder != 0 {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	// each prefix keeps what can be read of it
	for n := range len(spsLTR) {
		s, err := H265(spsLTR[:n])
		if (err == nil) != (len(Unescape(spsLTR[:n])) >= 15) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if s.Width != 0 && s.Width != 320 || s.Width == 320 && s.Height != 180 && s.Height != 192 { // without its cropping
			t.Errorf("%d bytes: %dx%d", n, s.Width, s.Height)
		}
	}
}

func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name  string
		track hooks.Track
		make  func(*hooks.Track) ([]byte, error)
		want  string // beginning
	}{
		{"hvcC", hooks.Track{Codec: hooks.H265, VPS: vpsLTR, SPS: spsLTR, PPS: ppsLTR},
			func(t *hooks.Track) ([]byte, error) { return HVCC(t, true) },
			"01" + "04" + "08000000" + "9fa800000000" + "3c" + "f000" + "fc" + "fd" + "f8" + "f8" + "0000" + "0f" + "03" + "a00001"},
		{"hvcC of two layers, in-band sets", hooks.Track{Codec: hooks.H265, VPS: vpsSub, SPS: spsSub, PPS: ppsSub},
			func(t *hooks.Track) ([]byte, error) { return HVCC(t, false) },
			"01" + "01" + "60000000" + "900000000000" + "3c" + "f000" + "fc" + "fd" + "f8" + "f8" + "0000" + "17" + "03" + "200001"},
		{"avcC of Baseline", hooks.Track{Codec: hooks.H264, SPS: spsBaseline, PPS: ppsBaseline}, AVCC,
			"0142c028ffe1" + "0019" + hex.EncodeToString(spsBaseline) + "01" + "0005" + "68cb83cb20"},
		{"avcC of a High profile that cannot be read", hooks.Track{Codec: hooks.H264, SPS: unhex("6764001f"), PPS: ppsBaseline}, AVCC,
			"0164001fffe1" + "0004" + "6764001f" + "01" + "0005" + "68cb83cb20" + "fdf8f800"},
	} {
		b, err := c.make(&c.track)
		if err != nil || !bytes.HasPrefix(b, unhex(c.want)) {
			t.Errorf("%s: %v\n% x, want\n% x", c.name, err, b, unhex(c.want))
		}
	}
}

// pce is a program config element of two front and two back channels (CPE, CPE) and
// the comment "hi", as bits behind each other.
func writePCE(w *writer) {
	w.u(0, 4)
	w.u(1, 2) // LC
	w.u(3, 4) // 48 kHz
	w.u(1, 4) // front
	w.u(0, 4)
	w.u(1, 4) // back
	w.u(0, 2+3+4)
	w.u(0, 3)
	w.u(0b1_0000, 5) // a CPE, tag 0
	w.u(0b1_0001, 5) // a CPE, tag 1
	w.align()
	w.u(2, 8)
	w.u('h'<<8|'i', 16)
}

// A program config element is carried whole from configuration to frame and back,
// whose alignments differ.
func TestPCE(t *testing.T) {
	w := &writer{}
	w.u(2, 5)
	w.u(3, 4)
	w.u(0, 4)
	w.u(0, 3)
	writePCE(w)
	asc := w.b
	c, err := ParseAAC(asc)
	if err != nil || !c.HasPCE() || c.Channels != 4 || c.Config != 0 || c.Rate != 48000 {
		t.Fatalf("%+v, %v", c, err)
	}
	element := c.AppendPCE(nil)
	w = &writer{}
	w.u(elementPCE, 3)
	writePCE(w)
	if !bytes.Equal(element, w.b) {
		t.Errorf("element % x, want % x", element, w.b)
	}
	bare, err := ParseAAC(asc[:2])
	if err != nil || bare.HasPCE() {
		t.Fatalf("%+v, %v", bare, err)
	}
	bare.Learn(append(element, 0x21, 0x10))
	if got := bare.Complete(asc[:2]); !bytes.Equal(got, asc) {
		t.Errorf("completed % x, want % x", got, asc)
	}
	if got := c.Complete(asc); !bytes.Equal(got, asc) {
		t.Errorf("a whole one became % x", got)
	}
}

func TestStrings(t *testing.T) {
	av1 := []byte{8, 0, 0, 0, 66, 167, 191, 228, 96, 13, 0, 64}
	for _, c := range []struct {
		track hooks.Track
		want  string
	}{
		{hooks.Track{Codec: hooks.H264, SPS: spsBaseline}, "avc1.42C028"},
		{hooks.Track{Codec: hooks.H265, SPS: spsSub}, "hvc1.1.6.L60.90"},
		{hooks.Track{Codec: hooks.H265, SPS: spsLTR}, "hvc1.4.10.L60.9F.A8"},
		{hooks.Track{Codec: hooks.AV1, SequenceHeader: av1}, "av01.0.08M.08"},
		{hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Width: 1280, Height: 720}, "vp09.00.31.08"},
		{hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Width: 1280, Height: 720, Profile: 2}, "vp09.02.31.10"},
		{hooks.Track{Codec: hooks.AAC, AudioConfig: []byte{0x12, 0x10}}, "mp4a.40.2"},
		{hooks.Track{Codec: hooks.AAC, AudioConfig: []byte{0x2B, 0x11, 0x88, 0x00}}, "mp4a.40.5"},
		{hooks.Track{Codec: hooks.AAC, AudioConfig: []byte{0xEB, 0x8A, 0x08, 0x00}}, "mp4a.40.29"},
		{hooks.Track{Codec: hooks.MP3}, "mp4a.40.34"},
		{hooks.Track{Codec: hooks.Opus}, "Opus"},
		{hooks.Track{Codec: hooks.AC3}, "ac-3"},
		{hooks.Track{Codec: hooks.LPCM}, ""},
	} {
		if got := String(&c.track, &Facts{}); got != c.want {
			t.Errorf("%s: %q, want %q", c.track.Codec, got, c.want)
		}
	}
}

func TestRecovery(t *testing.T) {
	sei := func(head string, code uint32, bits int) []byte {
		w := &writer{}
		w.u(code, bits)
		w.u(0x8, 4)
		w.u(1, 1)
		return append(unhex(head), append(w.b, 0x80)...)
	}
	for _, c := range []struct {
		codec hooks.Codec
		nal   []byte
		n     int
		ok    bool
	}{
		{hooks.H264, sei("060601", 0b00100, 5), 3, true},
		{hooks.H264, sei("060601", 1, 1), 0, true},
		{hooks.H264, sei("060501", 1, 1), 0, false},
		{hooks.H264, append(unhex("060502aabb"), sei("0601", 0b00100, 5)...), 3, true},
		{hooks.H265, sei("4e010601", 0b00100, 5), 2, true},  // se: code 3
		{hooks.H265, sei("4e010601", 0b00111, 5), 0, true},  // se: -3
		{hooks.H265, sei("50010601", 0b00100, 5), 0, false}, // a suffix SEI
	} {
		n, ok := Recovery(c.codec, [][]byte{c.nal})
		if ok != c.ok || n != c.n {
			t.Errorf("%s % x: %d, %v, want %d, %v", c.codec, c.nal, n, ok, c.n, c.ok)
		}
	}
}

func TestOpusChannels(t *testing.T) {
	mono := hooks.Track{Codec: hooks.Opus, Channels: 1}
	if n := OpusChannels(&mono, &Facts{Frame: []byte{0xFC}}); n != 2 {
		t.Errorf("a stereo frame makes %d channels", n)
	}
	if n := OpusChannels(&mono, &Facts{Frame: []byte{0xF8}}); n != 1 {
		t.Errorf("a mono frame makes %d channels", n)
	}
}

func TestMeter(t *testing.T) {
	tr := hooks.Track{Codec: hooks.H264, ClockRate: 90000}
	var m, resumed Meter
	for i := range int64(60) {
		m.Add(&tr, 1000+i*3600, 0, 100)
		if i == 10 {
			if err := resumed.ReadState(m.AppendState(nil)); err != nil {
				t.Fatal(err)
			}
		} else if i > 10 {
			resumed.Add(&tr, 1000+i*3600, 0, 100)
		}
	}
	if m.Rate(&tr) != 25 || m.Bitrate(&tr) != 25*800 {
		t.Errorf("%v pictures, %v bits per second", m.Rate(&tr), m.Bitrate(&tr))
	}
	if resumed.Ticks != m.Ticks || resumed.Bytes != m.Bytes || resumed.Samples != m.Samples {
		t.Errorf("resumed: %+v, want %+v", resumed, m)
	}
}

func FuzzH264(f *testing.F) {
	f.Add(spsBaseline)
	f.Add(unhex("6764001facd9405005bb011000000300100000030320f1831960"))
	f.Fuzz(func(t *testing.T, nal []byte) {
		p, err := H264(nal)
		if err != nil {
			return
		}
		if p.Width <= 0 || p.Height <= 0 || p.Chroma > 3 || p.DepthLuma < 8 || p.DepthLuma > 14 || p.Reorder < -1 || p.Reorder > maxReorder {
			t.Errorf("%+v", p)
		}
	})
}

func FuzzH265(f *testing.F) {
	f.Add(spsLTR)
	f.Add(spsSub)
	f.Fuzz(func(t *testing.T, nal []byte) {
		s, err := H265(nal)
		if err != nil {
			return
		}
		if s.Width < 0 || s.Height < 0 || s.Chroma > 3 || s.DepthLuma < 8 || s.DepthLuma > 16 || s.Reorder < -1 ||
			s.Reorder > maxReorder || s.SubLayers < 1 || s.SubLayers > 8 || s.MinSpatialSegmentation > 0xFFF {
			t.Errorf("%+v", s)
		}
		tr := hooks.Track{Codec: hooks.H265, VPS: vpsLTR, SPS: nal, PPS: ppsLTR}
		if _, err := HVCC(&tr, true); err != nil && len(nal) <= maxSet {
			t.Error(err)
		}
		String(&tr, &Facts{})
	})
}

func FuzzAV1(f *testing.F) {
	f.Add([]byte{8, 0, 0, 0, 66, 167, 191, 228, 96, 13, 0, 64})
	f.Add([]byte{0x0A, 0x0B, 0, 0, 0, 66, 167, 191, 228, 96, 13, 0, 64})
	f.Fuzz(func(t *testing.T, obu []byte) {
		s, err := AV1(obu)
		if err == nil && (s.Width <= 0 || s.Height <= 0 || s.Chroma > 3 || s.ChromaPosition > 3) {
			t.Errorf("%+v", s)
		}
		tr := hooks.Track{Codec: hooks.AV1, SequenceHeader: obu}
		if _, e := AV1C(&tr); (e == nil) != (err == nil) {
			t.Error(e, err)
		}
		String(&tr, &Facts{})
	})
}

func FuzzAAC(f *testing.F) {
	f.Add([]byte{0x12, 0x10}, []byte{0x21})
	f.Add([]byte{0x2B, 0x11, 0x88, 0x00}, []byte{0xA0})
	f.Add([]byte{0x11, 0x80}, []byte{0xa0, 0x80, 0x80, 0x04, 0x00, 0x22, 0x10})
	f.Fuzz(func(t *testing.T, asc, frame []byte) {
		c, err := ParseAAC(asc)
		if err != nil {
			return
		}
		c.Learn(frame)
		whole := c.Complete(asc)
		again, err := ParseAAC(whole)
		if err != nil || again.Channels != c.Channels && c.HasPCE() && again.HasPCE() {
			t.Errorf("% x becomes % x: %v", asc, whole, err)
		}
		if element := c.AppendPCE(nil); element != nil {
			var d AAC
			d.Learn(element)
			if !d.HasPCE() || d.Channels != c.Channels {
				t.Errorf("% x is not read back", element)
			}
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0x0b, 0x77, 0, 0, 0x1e, 0x40, 0xe1, 0xdf, 0, 0})
	f.Add([]byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x77, 0xf0})
	f.Add(unhex("4e010601288000"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		for _, c := range []hooks.Codec{hooks.H264, hooks.H265, hooks.VP9, hooks.Opus, hooks.AC3} {
			tr := hooks.Track{Codec: c, ClockRate: 90000, Channels: 1}
			Telling(&tr, frame, true)
			if n, _ := Recovery(c, [][]byte{frame}); n < 0 || n > 1<<14 {
				t.Errorf("recovery after %d", n)
			}
		}
		x := Facts{Frame: frame}
		tr := hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Width: 64, Height: 64, Profile: 1}
		if len(VPCC(&tr, &x)) != 12 || len(DAC3(&tr, &x)) != 3 {
			t.Error("size of a record")
		}
		MPEGLayer(frame)
		var m Meter
		_ = m.ReadState(frame)
	})
}
