package mp4

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// Every codec: what a foreign reader finds is what went in, bit by bit.
func TestCodecs(t *testing.T) {
	vp := func(c hooks.Codec, profile int) hooks.Track {
		return hooks.Track{Codec: c, ClockRate: 90000, Width: 320, Height: 180, Profile: profile}
	}
	for _, c := range []struct {
		name  string
		load  func(t *testing.T) *stream
		codec string
	}{
		{"h264 without b-frames", func(t *testing.T) *stream { return loadH264(t, 0) }, "h264,320,180"},
		{"h264 with b-frames", func(t *testing.T) *stream { return loadH264(t, 3) }, "h264,320,180"},
		{"h264 anamorphic interlaced", func(t *testing.T) *stream {
			f := source(t, "h264i.ts", videoArgs("libx264", "-vf", "setsar=4/3", "-flags", "+ildct+ilme")...)
			return load(t, f, "v:0", hooks.Track{Codec: hooks.H264, ClockRate: 90000}, 1)
		}, "h264,320,180"},
		{"h264 10 bit 4:2:2", func(t *testing.T) *stream {
			f := source(t, "h264-10.ts", videoArgs("libx264", "-pix_fmt", "yuv422p10le")...)
			return load(t, f, "v:0", hooks.Track{Codec: hooks.H264, ClockRate: 90000}, 1)
		}, "h264,320,180"},
		{"h265", func(t *testing.T) *stream {
			f := source(t, "h265.ts", videoArgs("libx265", "-x265-params", "log-level=error:keyint=25")...)
			return load(t, f, "v:0", hooks.Track{Codec: hooks.H265, ClockRate: 90000}, 1)
		}, "hevc,320,180"},
		{"av1", func(t *testing.T) *stream {
			f := source(t, "av1.webm", videoArgs("libsvtav1", "-preset", "12", "-g", "25")...)
			return load(t, f, "v:0", hooks.Track{Codec: hooks.AV1, ClockRate: 90000}, 90)
		}, "av1,320,180"},
		{"vp9", func(t *testing.T) *stream {
			f := source(t, "vp9.webm", videoArgs("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25")...)
			return load(t, f, "v:0", vp(hooks.VP9, 0), 90)
		}, "vp9,320,180"},
		{"vp9 10 bit", func(t *testing.T) *stream {
			f := source(t, "vp9-10.webm", videoArgs("libvpx-vp9", "-pix_fmt", "yuv420p10le", "-deadline", "realtime", "-cpu-used", "8")...)
			return load(t, f, "v:0", vp(hooks.VP9, 2), 90)
		}, "vp9,320,180"},
		{"vp8", func(t *testing.T) *stream {
			f := source(t, "vp8.webm", videoArgs("libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "25")...)
			return load(t, f, "v:0", vp(hooks.VP8, 0), 90)
		}, "vp8,320,180"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.load(t)
			tracks, samples := interleave(s)
			file := record(t, tracks, samples, 17).save(t, 0)
			decodes(t, file)
			if got := codecName(t, file, "v:0"); got != c.codec {
				t.Errorf("stream is %s, want %s", got, c.codec)
			}
			checkTimes(t, file, "v:0", samples, 0, minPTS(samples))
			if got, want := decoded(t, file, "v:0"), decoded(t, s.file, "v:0"); got != want {
				t.Errorf("decoded pictures differ:\n%s%s", got, want)
			}
		})
	}
}

func minPTS(samples []mux.Sample) int64 {
	first := samples[0].PTS
	for _, s := range samples {
		first = min(first, s.PTS)
	}
	return first
}

func TestAudioCodecs(t *testing.T) {
	for _, c := range []struct {
		name  string
		load  func(t *testing.T) *stream
		codec string
		bsf   []string
	}{
		{"aac", func(t *testing.T) *stream { return loadAAC(t) }, "aac,48000,2", []string{"-bsf:a", "aac_adtstoasc"}},
		{"mp3", func(t *testing.T) *stream {
			return load(t, source(t, "mp3.ts", audioArgs("libmp3lame")...), "a:0", sound(hooks.MP3, 90000), 1)
		}, "mp3,48000,2", nil},
		{"mp3 mpeg-2", func(t *testing.T) *stream {
			tr := sound(hooks.MP3, 90000)
			tr.SampleRate = 22050
			return load(t, source(t, "mp3-2.ts", audioArgs("libmp3lame", "-ar", "22050")...), "a:0", tr, 1)
		}, "mp3,22050,2", nil},
		{"ac3", func(t *testing.T) *stream {
			return load(t, source(t, "ac3.ts", audioArgs("ac3")...), "a:0", sound(hooks.AC3, 90000), 1)
		}, "ac3,48000,2", nil},
		{"ac3 5.1", func(t *testing.T) *stream {
			tr := sound(hooks.AC3, 90000)
			tr.Channels = 6
			return load(t, source(t, "ac3-6.ts", audioArgs("ac3", "-ac", "6")...), "a:0", tr, 1)
		}, "ac3,48000,6", nil},
		{"opus", func(t *testing.T) *stream {
			return load(t, source(t, "opus.ogg", audioArgs("libopus")...), "a:0", sound(hooks.Opus, 48000), 1)
		}, "opus,48000,2", nil},
		{"opus 5.1", func(t *testing.T) *stream {
			tr := sound(hooks.Opus, 48000)
			tr.Channels = 6
			return load(t, source(t, "opus6.ogg", audioArgs("libopus", "-ac", "6")...), "a:0", tr, 1)
		}, "opus,48000,6", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.load(t)
			tracks, samples := interleave(s)
			file := record(t, tracks, samples, 17).save(t, 0)
			decodes(t, file)
			if got := codecName(t, file, "a:0"); got != c.codec {
				t.Errorf("stream is %s, want %s", got, c.codec)
			}
			checkTimes(t, file, "a:0", samples, 0, samples[0].PTS)
			if got, want := copied(t, file, "a:0"), copied(t, s.file, "a:0", c.bsf...); got != want {
				t.Errorf("packets differ:\n%s%s", got, want)
			}
		})
	}
}

// blocks cuts raw audio into samples of 20 ms.
func blocks(raw []byte, tr hooks.Track) *stream {
	per := tr.SampleRate / 50
	n := per * tr.Channels * tr.BitDepth / 8
	s := &stream{track: tr}
	for at := 0; at < len(raw); at += n {
		b := raw[at:min(at+n, len(raw))]
		dts := int64(at / n * per)
		s.samples = append(s.samples, mux.Sample{PTS: dts, DTS: dts, Dur: int64(len(b) / (n / per)), Sync: true, Payload: [][]byte{b}})
	}
	return s
}

func TestPCM(t *testing.T) {
	for _, c := range []struct {
		name, format string
		track        hooks.Track
	}{
		{"16 bit", "s16be", hooks.Track{Codec: hooks.LPCM, ClockRate: 48000, SampleRate: 48000, Channels: 2, BitDepth: 16}},
		{"24 bit", "s24be", hooks.Track{Codec: hooks.LPCM, ClockRate: 48000, SampleRate: 48000, Channels: 2, BitDepth: 24}},
		{"8 bit", "s8", hooks.Track{Codec: hooks.LPCM, ClockRate: 48000, SampleRate: 48000, Channels: 2, BitDepth: 8}},
		{"a-law", "alaw", hooks.Track{Codec: hooks.G711, ClockRate: 48000, SampleRate: 48000, Channels: 2, BitDepth: 8}},
		{"u-law", "mulaw", hooks.Track{Codec: hooks.G711, ClockRate: 48000, SampleRate: 48000, Channels: 2, BitDepth: 8, MuLaw: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := source(t, "pcm."+c.format, "-f", "lavfi", "-i", testAudio, "-f", c.format)
			data, err := os.ReadFile(raw)
			if err != nil {
				t.Fatal(err)
			}
			want := tool(t, "ffmpeg", "-f", c.format, "-ar", "48000", "-ac", "2", "-i", raw, "-f", "s32be", "-")
			s := blocks(data, c.track)
			for _, gap := range []int64{0, 4800} {
				for i := len(s.samples) / 2; i < len(s.samples); i++ {
					s.samples[i].DTS += gap
					s.samples[i].PTS += gap
				}
				tracks, samples := interleave(s)
				r := record(t, tracks, samples, 17)
				file := r.save(t, 0)
				decodes(t, file)
				if got := tool(t, "ffmpeg", "-i", file, "-f", "s32be", "-"); !bytes.Equal(got, want) {
					t.Errorf("gap %d: decoded samples differ (%d, %d bytes)", gap, len(got), len(want))
				}
				stsz := find(t, r.head(t, 0).Front[:len(r.head(t, 0).Front)-mdatHeader], "moov/trak/mdia/minf/stbl/stsz")[0]
				if n := binary.BigEndian.Uint32(stsz[8:]); (gap == 0) != (int(n) == 3*48000) {
					t.Errorf("gap %d: %d samples in stsz", gap, n)
				}
				if gap != 0 {
					checkTimes(t, file, "a:0", samples, 0, 0)
				}
			}
		})
	}
}
