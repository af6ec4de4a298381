package flv

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

var classic = []struct {
	name string
	args []string
	// flvmeta takes 44.1 kHz stereo for the only AAC there is.
	warns string
}{
	{"baseline aac", []string{"-t", "6", "-c:v", "libx264", "-bf", "0", "-g", "50", "-ac", "2", "-c:a", "aac"}, ""},
	{"b-frames aac", []string{"-t", "6", "-c:v", "libx264", "-bf", "3", "-g", "40", "-ac", "2", "-c:a", "aac"}, ""},
	{"4:2:2 10 bit aac", []string{
		"-t", "4", "-c:v", "libx264", "-pix_fmt", "yuv422p10le", "-g", "40", "-ac", "2", "-c:a", "aac",
	}, ""},
	{"29.97 mp3", []string{
		"-t", "6", "-r", "30000/1001", "-c:v", "libx264", "-b:v", "3M", "-g", "30", "-ac", "2", "-c:a", "libmp3lame",
	}, ""},
	{"mono 48k aac", []string{
		"-t", "4", "-c:v", "libx264", "-g", "25", "-ac", "1", "-ar", "48000", "-c:a", "aac",
	}, "audiosamplerate should be 44100, got 48000|stereo should be true"},
	{"video only", []string{"-t", "4", "-map", "0:v", "-c:v", "libx264", "-g", "25"}, ""},
	{"audio only", []string{"-t", "4", "-map", "1:a", "-ac", "2", "-c:a", "aac"}, "header signals the file does not contain video|unable to determine video resolution"},
	{"mp3 only", []string{"-t", "4", "-map", "1:a", "-ac", "2", "-c:a", "libmp3lame"}, "header signals the file does not contain video|unable to determine video resolution"},
	{"single picture", []string{"-map", "0:v", "-frames:v", "1", "-c:v", "libx264"}, "keyframe|framerate|canSeekToEnd|datarate"},
}

func TestClassic(t *testing.T) {
	for _, c := range classic {
		t.Run(c.name, func(t *testing.T) {
			src := makeSource(t, c.args...)
			f := record(t, src, 23)
			data := f.finish(t, len(f.records), 0)
			out := save(t, data)
			run(t, "ffmpeg", "-v", "error", "-i", out, "-f", "null", "-")
			p := ffprobe(t, out)
			comparePackets(t, src, p)
			compareDecoded(t, src.path, out)
			compareMeta(t, src, data, p)
			seekEverywhere(t, src, f, data)
			flvmeta(t, out, c.warns)
		})
	}
}

// millis is an independent computation of a tag's time.
func millis(src *source, track int, ticks int64) int64 {
	at := func(track int, ticks int64) *big.Rat {
		return big.NewRat(ticks*1000, int64(src.tracks[track].ClockRate))
	}
	zero := at(src.samples[0].Track, src.samples[0].DTS)
	for _, s := range src.samples {
		if x := at(s.Track, s.DTS); x.Cmp(zero) < 0 {
			zero = x
		}
	}
	d := new(big.Rat).Sub(at(track, ticks), zero)
	d.Add(d, big.NewRat(1, 2))
	q := new(big.Int)
	q.Div(d.Num(), d.Denom()) // Euclidean: rounds down
	return q.Int64()
}

// stored is a sample's payload as it stands in the file.
func stored(track *hooks.Track, s *mux.Sample) []byte {
	if track.Codec != hooks.H264 {
		return bytes.Join(s.Payload, nil)
	}
	var b []byte
	for _, n := range s.Payload {
		if typ := n[0] & 31; typ != 7 && typ != 8 && typ != 9 {
			b = binary.BigEndian.AppendUint32(b, uint32(len(n)))
			b = append(b, n...)
		}
	}
	return b
}

func comparePackets(t *testing.T, src *source, p probe) {
	t.Helper()
	if len(p.Packets) != len(src.samples) {
		t.Fatalf("%d packets, want %d", len(p.Packets), len(src.samples))
	}
	at := map[string]int{}
	for i := range src.samples {
		s := &src.samples[i]
		track := &src.tracks[s.Track]
		kind := "audio"
		if track.Codec.IsVideo() {
			kind = "video"
		}
		j := at[kind]
		for p.Packets[j].Type != kind {
			j++
		}
		at[kind] = j + 1
		pkt := p.Packets[j]
		sum := sha256.Sum256(stored(track, s))
		if pkt.Hash != "SHA256:"+hex.EncodeToString(sum[:]) {
			t.Fatalf("%s packet %d differs from the source", kind, j)
		}
		if dts, pts := millis(src, s.Track, s.DTS), millis(src, s.Track, s.PTS); pkt.DTS != dts || pkt.PTS != pts {
			t.Fatalf("%s packet %d: DTS %d PTS %d, want %d %d", kind, j, pkt.DTS, pkt.PTS, dts, pts)
		}
	}
}

// compareDecoded compares the decoded pictures and sound with the source's.
func compareDecoded(t *testing.T, src, out string) {
	t.Helper()
	hash := func(path string) string {
		return string(run(t, "ffmpeg", "-v", "error", "-ignore_editlist", "1", "-i", path, "-fps_mode", "passthrough",
			"-enc_time_base", "-1", "-f", "streamhash", "-"))
	}
	want := hash(src)
	got := string(run(t, "ffmpeg", "-v", "error", "-i", out, "-fps_mode", "passthrough",
		"-enc_time_base", "-1", "-f", "streamhash", "-"))
	if want != got {
		t.Errorf("decoded %s, want %s", got, want)
	}
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func compareMeta(t *testing.T, src *source, data []byte, p probe) {
	t.Helper()
	flags, tags := mustReadFLV(t, data)
	meta := readMeta(t, tags[0])
	check := func(name string, want, tolerance float64) {
		t.Helper()
		if got := meta.number(name); !near(got, want, tolerance) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	check("filesize", float64(len(data)), 0)
	check("lasttimestamp", float64(tags[len(tags)-1].ms)/1000, 0)
	end := int64(0)
	for i := range src.samples {
		s := &src.samples[i]
		end = max(end, millis(src, s.Track, s.PTS+s.Dur))
	}
	check("duration", float64(end)/1000, 0.0011)
	sizes := map[string]float64{}
	for _, pkt := range p.Packets {
		var n float64
		fmt.Sscan(pkt.Size, &n)
		sizes[pkt.Type] += n * 8 / 1024 / meta.number("duration")
	}
	for _, s := range p.Streams {
		if s.Type == "video" {
			compareVideoMeta(t, meta, s.Rate, s.Width, s.Height)
			check("videodatarate", sizes["video"], sizes["video"]*0.02+8)
			check("videocodecid", 7, 0)
			continue
		}
		var hz float64
		fmt.Sscan(s.Sampling, &hz)
		check("audiosamplerate", hz, 0)
		check("audiodatarate", sizes["audio"], sizes["audio"]*0.02+2)
		if meta.get("stereo") != (s.Channels == 2) {
			t.Errorf("stereo = %v", meta.get("stereo"))
		}
	}
	if v, a := meta.get("hasVideo"), meta.get("hasAudio"); v != (flags&1 != 0) || a != (flags&4 != 0) {
		t.Errorf("hasVideo %v, hasAudio %v, flags %x", v, a, flags)
	}
}

func compareVideoMeta(t *testing.T, meta pairs, rate string, width, height int) {
	t.Helper()
	if meta.number("width") != float64(width) || meta.number("height") != float64(height) {
		t.Errorf("size %v x %v", meta.number("width"), meta.number("height"))
	}
	var num, den float64
	fmt.Sscanf(rate, "%f/%f", &num, &den)
	if num > 0 && !near(meta.number("framerate"), num/den, 0.01) {
		t.Errorf("framerate %v, ffprobe %s", meta.number("framerate"), rate)
	}
}

// seekEverywhere plays from each place in the key-frame index.
func seekEverywhere(t *testing.T, src *source, f *file, data []byte) {
	t.Helper()
	_, tags := mustReadFLV(t, data)
	meta := readMeta(t, tags[0])
	frames, ok := meta.get("keyframes").(pairs)
	if !ok {
		if tags[1].kind == tagVideo {
			t.Error("no key frames listed")
		}
		return
	}
	at := map[int]readTag{}
	keys := 0
	for _, tag := range tags {
		at[tag.offset] = tag
	}
	for i := range src.samples {
		if s := &src.samples[i]; s.Sync && src.tracks[s.Track].Codec.IsVideo() {
			keys++
		}
	}
	times, positions := frames.numbers("times"), frames.numbers("filepositions")
	if len(times) != len(positions) || len(times) < keys {
		t.Errorf("%d times, %d positions for %d key frames", len(times), len(positions), keys)
	}
	starts := appendStarts(nil, mustStreams(t, src.tracks))
	for i, pos := range positions {
		tag, ok := at[int(pos)]
		if !ok || tag.kind != tagVideo || tag.data[0]>>4&7 != frameKey || float64(tag.ms)/1000 != times[i] {
			t.Errorf("entry %d: %v at %v is no key frame", i, times[i], pos)
			continue
		}
		if i == 0 || slices.ContainsFunc(mustStreams(t, src.tracks), func(s stream) bool { return s.fourCC != "" }) {
			continue // ffmpeg 5.1 reads no enhanced tags
		}
		cut := slices.Concat(data[:13], starts, data[int(pos):])
		run(t, "ffmpeg", "-v", "error", "-i", save(t, cut), "-frames:v", "30", "-f", "null", "-")
	}
}

func mustStreams(t testing.TB, tracks []hooks.Track) []stream {
	t.Helper()
	s, err := newStreams(tracks)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// flvmeta must find nothing but lines that hold one of warns (separated by |),
// and that the sequence header and the first picture are both in the index.
func flvmeta(t *testing.T, path, warns string) {
	t.Helper()
	warns += "|invalid keyframes arrays length"
	for line := range strings.Lines(string(run(t, "flvmeta", "--check", path))) {
		known := strings.Contains(line, "error(s)") || strings.TrimSpace(line) == ""
		for _, w := range strings.Split(warns, "|") {
			known = known || w != "" && strings.Contains(line, w)
		}
		if !known {
			t.Errorf("flvmeta: %s", strings.TrimSpace(line))
		}
	}
}
