package adts

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// run starts a tool and returns its standard output; anything on its standard
// error fails the test.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install ffmpeg", name)
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.Bytes()
}

// source is an ADTS file that ffmpeg made, and its frames.
func source(t testing.TB, args ...string) (path string, asc []byte, frames [][]byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "src.aac")
	run(t, "ffmpeg", append(append([]string{
		"-v", "error", "-f", "lavfi", "-i",
		"sine=frequency=440:beep_factor=4:sample_rate=48000:duration=3",
	}, args...), path)...)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var pkts mpeg4audio.ADTSPackets
	if err := pkts.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	asc, err = mpeg4audio.Config{
		Type: pkts[0].Type, SampleRate: pkts[0].SampleRate, ChannelCount: pkts[0].ChannelCount,
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkts {
		frames = append(frames, p.AU)
	}
	return path, asc, frames
}

func track(asc []byte, rate int) []hooks.Track {
	return []hooks.Track{{Codec: hooks.AAC, ClockRate: rate, AudioConfig: asc}}
}

// file collects what a muxer returns.
type file struct {
	body    []byte
	records [][]byte
}

func (f *file) add(t testing.TB, b mux.Batch) {
	t.Helper()
	n := len(f.body)
	for _, p := range b.Body {
		f.body = append(f.body, p...)
	}
	if int64(len(f.body)-n) != b.Size {
		t.Fatalf("batch of %d bytes says %d", len(f.body)-n, b.Size)
	}
	if len(b.Record) > 0 {
		f.records = append(f.records, bytes.Clone(b.Record))
	}
}

func (f *file) journal() mux.Records {
	return func(yield func([]byte, error) bool) {
		for _, r := range f.records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func write(t testing.TB, f *file, m mux.Muxer, frames [][]byte, first, flushEvery int) {
	t.Helper()
	for i, au := range frames {
		n := int64(first + i)
		s := mux.Sample{DTS: n * 1024, PTS: n * 1024, Dur: 1024, Sync: true, Payload: [][]byte{au[:len(au)/2], au[len(au)/2:]}}
		if err := m.Write(&s); err != nil {
			t.Fatal(err)
		}
		if (first+i)%flushEvery == flushEvery-1 {
			f.add(t, m.Flush())
		}
	}
	f.add(t, m.Flush())
}

func TestEqualToFFmpeg(t *testing.T) {
	for name, args := range map[string][]string{
		"mono":   {"-ac", "1", "-ar", "44100", "-c:a", "aac"},
		"stereo": {"-ac", "2", "-c:a", "aac", "-b:a", "192k"},
		"5.1":    {"-ac", "6", "-c:a", "aac", "-b:a", "320k"},
		"7.1":    {"-ac", "8", "-c:a", "aac", "-b:a", "400k"},
		"8kHz":   {"-ac", "1", "-ar", "8000", "-c:a", "aac"},
	} {
		t.Run(name, func(t *testing.T) {
			src, asc, frames := source(t, args...)
			m, err := Format.New(track(asc, 48000))
			if err != nil {
				t.Fatal(err)
			}
			var f file
			write(t, &f, m, frames, 0, 7)
			out := filepath.Join(t.TempDir(), "out.aac")
			if err := os.WriteFile(out, f.body, 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "ffmpeg", "-v", "error", "-i", out, "-f", "null", "-")
			for _, mode := range [][]string{{"-c", "copy"}, nil} {
				hash := func(path string) string {
					args := append(append([]string{"-v", "error", "-i", path}, mode...), "-f", "framemd5", "-")
					return string(run(t, "ffmpeg", args...))
				}
				if mode == nil || sha256.Sum256(f.body) != sha256.Sum256(mustRead(t, src)) {
					if hash(src) != hash(out) {
						t.Errorf("frames differ from the source (%v)", mode)
					}
				}
			}
		})
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDurationAndResume(t *testing.T) {
	_, asc, frames := source(t, "-ac", "2", "-c:a", "aac")
	tracks := track(asc, 48000)
	var whole, parts file
	m, _ := Format.New(tracks)
	write(t, &whole, m, frames, 0, 10)

	m, _ = Format.New(tracks)
	write(t, &parts, m, frames[:60], 0, 10)
	m, err := Format.Resume(tracks, parts.journal())
	if err != nil {
		t.Fatal(err)
	}
	write(t, &parts, m, frames[60:], 60, 10)
	if !bytes.Equal(whole.body, parts.body) || !slices.EqualFunc(whole.records, parts.records, bytes.Equal) {
		t.Error("resumed file differs")
	}
	info, err := Format.Inspect(tracks, parts.journal())
	if err != nil {
		t.Fatal(err)
	}
	want := time.Duration(len(frames)) * 1024 * time.Second / 48000
	if info.Samples != int64(len(frames)) || (info.Duration-want).Abs() > time.Microsecond ||
		info.Ends[0] != int64(len(frames))*1024 {
		t.Errorf("info %+v, want %d samples, %v", info, len(frames), want)
	}
	out := filepath.Join(t.TempDir(), "out.aac")
	if err := os.WriteFile(out, parts.body, 0o600); err != nil {
		t.Fatal(err)
	}
	var probe struct {
		Streams []struct {
			NbRead string `json:"nb_read_packets"`
			Rate   string `json:"sample_rate"`
		}
	}
	js := run(t, "ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", out)
	if err := json.Unmarshal(js, &probe); err != nil {
		t.Fatal(err)
	}
	if probe.Streams[0].NbRead != strconv.Itoa(len(frames)) || probe.Streams[0].Rate != "48000" {
		t.Errorf("ffprobe: %+v", probe)
	}
	head, err := Format.Head(tracks, parts.journal(), int64(len(parts.body)), 4096)
	if err != nil || head.Front != nil || head.Back != nil {
		t.Errorf("head %v, %v", head, err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name   string
		asc    []byte
		header []byte // first four bytes of a frame; nil = error
	}{
		{"LC 44100 stereo", []byte{0x12, 0x10}, []byte{0xFF, 0xF1, 0x50, 0x80}},
		{"LC 48000 7.1", []byte{0x11, 0xB8}, []byte{0xFF, 0xF1, 0x4D, 0xC0}},
		{"Main 48000 mono", []byte{0x09, 0x88}, []byte{0xFF, 0xF1, 0x0C, 0x40}},
		// AOT 5, core 24000, stereo, after SBR 48000, core LC
		{"HE-AAC", []byte{0x2B, 0x11, 0x88, 0x00}, []byte{0xFF, 0xF1, 0x58, 0x80}},
		// AOT 29, core 22050, mono, after SBR 44100, core LC
		{"HE-AAC v2", []byte{0xEB, 0x8A, 0x08, 0x00}, []byte{0xFF, 0xF1, 0x5C, 0x40}},
		// LC 24000 stereo, backward-compatible SBR behind it
		{"HE-AAC, implicit", []byte{0x13, 0x10, 0x56, 0xE5, 0x98}, []byte{0xFF, 0xF1, 0x58, 0x80}},
		// LC, escape, 44100 Hz, stereo
		{"rate in Hz", []byte{0x17, 0x80, 0x56, 0x22, 0x10}, []byte{0xFF, 0xF1, 0x50, 0x80}},
		{"rate outside the table", []byte{0x17, 0x80, 0x4E, 0x20, 0x10}, nil},
		{"reserved rate", []byte{0x16, 0x90}, nil},
		{"PCE in the frames", []byte{0x12, 0x00, 0x00}, []byte{0xFF, 0xF1, 0x50, 0x00}},
		{"channels reserved", []byte{0x12, 0x40}, nil},
		{"960 samples", []byte{0x12, 0x14}, nil},
		{"ELD", []byte{0xF8, 0xE8, 0x50, 0x00}, nil},
		{"scalable", []byte{0x32, 0x10}, nil},
		{"null", []byte{0x02, 0x10}, nil},
		{"short", []byte{0x12}, nil},
		{"none", nil, nil},
	} {
		m, err := Format.New(track(c.asc, 44100))
		if (err == nil) != (c.header != nil) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err != nil {
			continue
		}
		if err := m.Write(&mux.Sample{Payload: [][]byte{{1, 2, 3}}}); err != nil {
			t.Fatal(err)
		}
		b := slices.Concat(m.Flush().Body...)
		if !bytes.Equal(b[:4], c.header) {
			t.Errorf("%s: header % x, want % x", c.name, b[:4], c.header)
		}
		var p mpeg4audio.ADTSPackets
		if err := p.Unmarshal(b); err == nil && !bytes.Equal(p[0].AU, []byte{1, 2, 3}) {
			t.Errorf("%s: frame % x", c.name, p[0].AU)
		}
	}
}

func TestTracks(t *testing.T) {
	aac := hooks.Track{Codec: hooks.AAC, ClockRate: 48000, AudioConfig: []byte{0x11, 0x90}}
	for name, tracks := range map[string][]hooks.Track{
		"none":     nil,
		"two":      {aac, aac},
		"opus":     {{Codec: hooks.Opus, ClockRate: 48000}},
		"no clock": {{Codec: hooks.AAC, AudioConfig: []byte{0x11, 0x90}}},
	} {
		if _, err := Format.New(tracks); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if !Format.Accepts(hooks.AAC) || Format.Accepts(hooks.MP3) {
		t.Error("Accepts")
	}
}

func TestFrameSizes(t *testing.T) {
	m, err := Format.New(track([]byte{0x11, 0x90}, 48000))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(&mux.Sample{Payload: [][]byte{{}}}); !errors.Is(err, errEmpty) {
		t.Errorf("empty: %v", err)
	}
	if err := m.Write(&mux.Sample{Payload: [][]byte{make([]byte, 8185)}}); err == nil {
		t.Error("8185 bytes taken")
	}
	if err := m.Write(&mux.Sample{Track: 1, Payload: [][]byte{{1}}}); !errors.Is(err, errTrack) {
		t.Errorf("track 1: %v", err)
	}
	if b := m.Flush(); b.Size != 0 || b.Record != nil {
		t.Errorf("refused samples left %d bytes", b.Size)
	}
	big := bytes.Repeat([]byte{7}, 8184)
	if err := m.Write(&mux.Sample{Payload: [][]byte{big}}); err != nil {
		t.Fatal(err)
	}
	if m.Buffered() != 8191 {
		t.Errorf("buffered %d", m.Buffered())
	}
	b := m.Flush()
	if len(b.Body) != 2 || &b.Body[1][0] != &big[0] {
		t.Error("large frame was copied")
	}
	h := slices.Concat(b.Body...)
	if n := int(h[3]&3)<<11 | int(h[4])<<3 | int(h[5])>>5; n != len(h) || !bytes.Equal(h[7:], big) {
		t.Errorf("large frame: length %d of %d", n, len(h))
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte{0x12, 0x10})
	f.Add([]byte{0x2B, 0x11, 0x88, 0x00})
	f.Add([]byte{0xEB, 0x8A, 0x08, 0x00})
	f.Fuzz(func(t *testing.T, asc []byte) {
		m, err := Format.New(track(asc, 48000))
		if err != nil {
			return
		}
		if err := m.Write(&mux.Sample{Payload: [][]byte{{1, 2, 3}}}); err != nil {
			t.Fatal(err)
		}
		b := slices.Concat(m.Flush().Body...)
		if n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5; n != len(b) || b[2]>>2&15 > 12 {
			t.Errorf("% x from % x", b, asc)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	m, err := Format.New(track([]byte{0x11, 0x90}, 48000))
	if err != nil {
		b.Fatal(err)
	}
	payload := [][]byte{make([]byte, 400)}
	s := mux.Sample{Dur: 1024, Sync: true, Payload: payload}
	b.SetBytes(int64(s.Size()))
	b.ReportAllocs()
	for i := range b.N {
		s.DTS = int64(i) * 1024 % math.MaxInt32
		if err := m.Write(&s); err != nil {
			b.Fatal(err)
		}
		if m.Buffered() > 256<<10 {
			m.Flush()
		}
	}
}
