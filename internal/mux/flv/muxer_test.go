package flv

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// Parameter sets of small pictures, as x264 and x265 write them.
var (
	testSPS = []byte{0x67, 0x42, 0xC0, 0x0C, 0xDA, 0x05, 0x07, 0xE8, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0C, 0x83, 0xC5, 0x0A, 0xA8}
	testPPS = []byte{0x68, 0xCE, 0x0F, 0xC8}

	h264Track = hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: testSPS, PPS: testPPS}
	aacTrack  = hooks.Track{
		Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, AudioConfig: []byte{0x11, 0x90},
	}
)

func TestTracks(t *testing.T) {
	vp9 := hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Width: 16, Height: 16}
	for _, c := range []struct {
		name   string
		tracks []hooks.Track
		says   string
	}{
		{"none", nil, "no tracks"},
		{"two videos", []hooks.Track{h264Track, aacTrack, vp9}, "track 2 (vp9) left out"},
		{"two audios", []hooks.Track{aacTrack, aacTrack}, "track 1 (aac) left out"},
		{"vp8", []hooks.Track{{Codec: hooks.VP8, ClockRate: 90000}}, "track 0 (vp8): codec"},
		{"unknown", []hooks.Track{{Codec: "unsupported:x", ClockRate: 1}}, "codec"},
		{"clock", []hooks.Track{{Codec: hooks.AC3}}, "clock rate"},
		{"h264", []hooks.Track{{Codec: hooks.H264, ClockRate: 90000}}, "SPS or PPS is missing"},
		{"h265", []hooks.Track{{Codec: hooks.H265, ClockRate: 90000}}, "VPS, SPS or PPS is missing"},
		{"av1", []hooks.Track{{Codec: hooks.AV1, ClockRate: 90000}}, "sequence header is missing"},
		{"aac", []hooks.Track{{Codec: hooks.AAC, ClockRate: 48000}}, "AudioSpecificConfig is missing"},
		{"mp3", []hooks.Track{{Codec: hooks.MP3, ClockRate: 90000}}, "sample rate"},
		{"opus", []hooks.Track{{Codec: hooks.Opus, ClockRate: 48000, Channels: 9}}, "channels is 9"},
		{"layer 2", []hooks.Track{{Codec: hooks.MP3, ClockRate: 90000, SampleRate: 48000, Channels: 2, Layer: 2}}, "layer 2"},
	} {
		_, err := Format.New(c.tracks)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// what cannot be read costs metadata, not media
	for _, x := range []hooks.Track{
		{Codec: hooks.H264, ClockRate: 90000, SPS: testSPS[:5], PPS: testPPS},
		{Codec: hooks.VP9, ClockRate: 90000},
	} {
		if _, err := Format.New([]hooks.Track{x}); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []hooks.Codec{hooks.VP8, hooks.LPCM, hooks.G711, "unsupported:x"} {
		if Format.Accepts(c) {
			t.Errorf("accepts %s", c)
		}
	}
	for c := range layouts {
		if !Format.Accepts(c) {
			t.Errorf("does not accept %s", c)
		}
	}
}

func TestRefusedSamples(t *testing.T) {
	for _, c := range []struct {
		name string
		s    mux.Sample
		err  error
	}{
		{"track", mux.Sample{Track: 2, Payload: [][]byte{{1}}}, errTrack},
		{"empty", mux.Sample{Payload: [][]byte{{}}}, errEmpty},
		{"parameter sets only", mux.Sample{Payload: [][]byte{{9, 0xF0}, testSPS, testPPS}}, errEmpty},
		{"large", mux.Sample{Payload: [][]byte{make([]byte, 1<<24)}}, errLarge},
		{"late", mux.Sample{DTS: 25 * 86400 * 90000, PTS: 25 * 86400 * 90000, Payload: [][]byte{{1}}}, errRange},
		{"composition", mux.Sample{DTS: 1, PTS: 3 * 3600 * 90000, Payload: [][]byte{{1}}}, errRange},
		{"absurd", mux.Sample{DTS: math.MaxInt64, PTS: math.MinInt64, Payload: [][]byte{{1}}}, errRange},
	} {
		for _, flushed := range []bool{false, true} {
			m, err := Format.New([]hooks.Track{h264Track, aacTrack})
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Write(&mux.Sample{Payload: [][]byte{{0x65, 1}}, Sync: true}); err != nil {
				t.Fatal(err)
			}
			if flushed {
				m.Flush()
			}
			if err := m.Write(&c.s); !errors.Is(err, c.err) {
				t.Errorf("%s: %v", c.name, err)
			}
			if err := m.Write(&mux.Sample{Payload: [][]byte{{0x41, 1}}}); err != nil {
				t.Errorf("after %s: %v", c.name, err)
			}
			var f file
			f.add(t, m.Flush())
		}
	}
}

// New parameter sets are not dropped; those of the track are.
func TestInBandParameters(t *testing.T) {
	m, err := Format.New([]hooks.Track{h264Track})
	if err != nil {
		t.Fatal(err)
	}
	other := append(bytes.Clone(testPPS), 0x80)
	if err := m.Write(&mux.Sample{Sync: true, Payload: [][]byte{{9, 0x10}, testSPS, testPPS, other, {0x65, 1}}}); err != nil {
		t.Fatal(err)
	}
	b := slices.Concat(m.Flush().Body...)
	want := append(append([]byte{0, 0, 0, 5}, other...), 0, 0, 0, 2, 0x65, 1)
	if got := b[len(b)-4-len(want) : len(b)-4]; !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}

func TestLargePartsAreReferenced(t *testing.T) {
	m, err := Format.New([]hooks.Track{h264Track})
	if err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte{0x65}, refSize)
	small := bytes.Repeat([]byte{0x65}, refSize-1)
	if err := m.Write(&mux.Sample{Sync: true, Payload: [][]byte{small, large, small}}); err != nil {
		t.Fatal(err)
	}
	b := m.Flush()
	if len(b.Body) != 3 || &b.Body[1][0] != &large[0] || len(b.Body[1]) != refSize {
		t.Errorf("%d pieces", len(b.Body))
	}
	if n := m.Buffered(); n != 0 {
		t.Errorf("%d bytes buffered after Flush", n)
	}
	if b := m.Flush(); b.Size != 0 || len(b.Body) != 0 || b.Record != nil {
		t.Error("second Flush returned something")
	}
}

// HE-AAC: the configuration passes as it is, and the rate is what is heard.
func TestHEAAC(t *testing.T) {
	asc := []byte{0x2B, 0x11, 0x88, 0x00} // SBR, core 24 kHz, 48 kHz, stereo
	silent := []byte{0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80}
	tracks := []hooks.Track{{Codec: hooks.AAC, ClockRate: 48000, AudioConfig: asc}}
	m, err := Format.New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{tracks: tracks}
	f.write(t, m, []mux.Sample{{Dur: 2048, Sync: true, Payload: [][]byte{silent}}}, 0, 1)
	_, tags := mustReadFLV(t, f.finish(t, 1, 0))
	meta := readMeta(t, tags[0])
	if !bytes.Equal(tags[1].data, append([]byte{0xAF, 0}, asc...)) || !bytes.Equal(tags[2].data, append([]byte{0xAF, 1}, silent...)) {
		t.Errorf("% x, % x", tags[1].data, tags[2].data)
	}
	if meta.number("audiosamplerate") != 48000 || meta.get("stereo") != true || meta.number("duration") != 0.043 {
		t.Errorf("%v", meta)
	}
	p := ffprobe(t, save(t, slices.Concat(f.finish(t, 1, 0))))
	if len(p.Streams) != 1 || p.Streams[0].Codec != "aac" || p.Streams[0].Sampling != "48000" {
		t.Errorf("ffprobe: %+v", p.Streams)
	}
}

func TestMP3Flags(t *testing.T) {
	for _, c := range []struct {
		rate, channels int
		want           byte
	}{
		{44100, 2, 0x2F}, {48000, 1, 0x2E}, {32000, 2, 0x2B}, {22050, 1, 0x2A}, {11025, 2, 0x27}, {8000, 1, 0xE2},
	} {
		got, err := mp3Flags(&hooks.Track{SampleRate: c.rate, Channels: c.channels})
		if err != nil || got != c.want {
			t.Errorf("%d Hz, %d channels: %#x, want %#x", c.rate, c.channels, got, c.want)
		}
	}
}

func TestJournalErrors(t *testing.T) {
	tracks := []hooks.Track{h264Track}
	broken := errors.New("broken")
	for name, rec := range map[string]mux.Records{
		"error":   func(yield func([]byte, error) bool) { yield(nil, broken) },
		"garbage": journal([][]byte{{7, 7, 7}}),
		"track":   journal([][]byte{{1, 0x16, 6, 0}}),
	} {
		if _, err := Format.Resume(tracks, rec); err == nil {
			t.Errorf("%s: Resume", name)
		}
		if _, err := Format.Head(tracks, rec, 0, 0); err == nil {
			t.Errorf("%s: Head", name)
		}
		if _, err := Format.Inspect(tracks, rec); err == nil {
			t.Errorf("%s: Inspect", name)
		}
	}
}

func FuzzAMF(f *testing.F) {
	f.Add("duration", 1.5, true, uint8(3), "pad")
	f.Add("", math.Inf(-1), false, uint8(0), strings.Repeat("x", 70000))
	f.Fuzz(func(t *testing.T, name string, n float64, b bool, count uint8, s string) {
		if name == "" || len(name) > math.MaxUint16 {
			name = "x" // an empty name ends the list
		}
		numbers := slices.Repeat([]float64{n}, int(count))
		v := ecma{
			{name, n}, {"b", b}, {"s", s}, {"z", zeros(count)},
			{"o", object{{"numbers", numbers}, {name, s}}},
		}
		got, rest, err := readAMF(appendAMF(nil, v))
		if err != nil || len(rest) > 0 {
			t.Fatalf("%v, %d bytes left", err, len(rest))
		}
		cut := s[:min(len(s), math.MaxUint16)]
		want := pairs{
			{name, n}, {"b", b}, {"s", cut}, {"z", anys(0, int(count))},
			{"o", pairs{{"numbers", anys(n, int(count))}, {name, cut}}},
		}
		if !math.IsNaN(n) && !reflect.DeepEqual(got, any(want)) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func anys(n float64, count int) []any {
	list := make([]any, count)
	for i := range list {
		list[i] = n
	}
	return list
}

// Parameters come from strangers.
func FuzzParameters(f *testing.F) {
	f.Add(testSPS, testPPS, 2)
	f.Add([]byte{0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C}, []byte{0x44, 1, 0xC0}, 7)
	f.Fuzz(func(t *testing.T, a, b []byte, n int) {
		for c := range layouts {
			tracks := []hooks.Track{{
				Codec: c, ClockRate: 90000, VPS: b, SPS: a, PPS: b, SequenceHeader: a, AudioConfig: a,
				Profile: n, Width: n, Height: n, SampleRate: n, Channels: n,
			}}
			m, err := Format.New(tracks)
			if err != nil {
				continue
			}
			var x file
			if m.Write(&mux.Sample{Sync: true, PTS: int64(n), Payload: [][]byte{a, b, {1}}}) == nil {
				x.add(t, m.Flush())
			}
			head, err := Format.Head(tracks, journal(x.records), int64(len(x.body)), 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := readFLV(slices.Concat(head.Front, x.body, head.Back)); err != nil {
				t.Errorf("%s: %v", c, err)
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{400, 20000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m, err := Format.New([]hooks.Track{h264Track, aacTrack})
			if err != nil {
				b.Fatal(err)
			}
			nalu := bytes.Repeat([]byte{0x41}, size)
			s := mux.Sample{Payload: [][]byte{{9, 0xF0}, nalu}}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := range b.N {
				s.DTS = int64(i) * 9
				s.PTS = s.DTS
				if err := m.Write(&s); err != nil {
					b.Fatal(err)
				}
				if m.Buffered() > 256<<10 {
					m.Flush()
				}
			}
		})
	}
}
