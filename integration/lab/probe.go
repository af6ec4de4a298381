package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Frame is a decoded picture or a packet of sound: a hash, and when it is shown.
type Frame struct {
	Hash string
	Time float64 // seconds
}

// run runs a program and returns what it printed, and its messages.
func run(t T, name string, args ...string) (out []byte, messages string) {
	t.Helper()
	needFFmpeg(t)
	var o, e bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%.3000s", name, strings.Join(args, " "), err, e.String())
	}
	return o.Bytes(), e.String()
}

// Reading is what independent readers find in a file.
type Reading struct {
	Info     Info
	Pictures []Frame // decoded, in the order of their times
	Sound    []Frame // packets of the first audio track, as coded
	Messages string  // of ffprobe and of ffmpeg, which decoded everything
}

// readings keeps what was read: tests ask for the same file several times, and
// programs cost more than the files that they read here.
var readings sync.Map // file, size and time → *Reading

// Read reads a whole file with ffprobe and ffmpeg.
func Read(t T, file string) *Reading {
	t.Helper()
	st, err := os.Stat(file)
	if err != nil {
		t.Fatalf("%v", err)
	}
	key := fmt.Sprint(file, st.Size(), st.ModTime())
	if r, ok := readings.Load(key); ok {
		return r.(*Reading)
	}
	r := &Reading{}
	r.Info, r.Messages = probe(t, file)
	dir := t.TempDir()
	pictures, sound := filepath.Join(dir, "pictures"), filepath.Join(dir, "sound")
	args := []string{"-nostdin", "-v", "error", "-copyts", "-i", file}
	if r.Info.Has("video") {
		args = append(args, "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-pix_fmt", "yuv420p",
			"-f", "framehash", "-hash", "md5", pictures)
	}
	if r.Info.Has("audio") {
		args = append(args, "-map", "0:a:0", "-c", "copy")
		if slices.Contains(r.Info.Codecs(), "aac") { // the same whether its container wants ADTS headers or not
			args = append(args, "-bsf:a", "aac_adtstoasc")
		}
		args = append(args, "-f", "framehash", "-hash", "md5", sound)
	}
	args = append(args, "-map", "0")
	if r.Info.Has("video") { // else ffmpeg counts in guessed frame durations, and complains when cameras do not
		args = append(args, "-fps_mode", "passthrough", "-enc_time_base:v", "1:90000")
	}
	_, messages := run(t, "ffmpeg", append(args, "-f", "null", "-")...)
	if !r.Info.Has("video") && strings.HasSuffix(file, ".m3u8") {
		// ffmpeg 5.1 reads the first two packets of a playlist of sound with the
		// same time, and complains to itself when it copies them.
		messages = monotonic.ReplaceAllString(messages, "")
	}
	r.Messages += messages
	r.Pictures, r.Sound = readFrames(t, pictures), readFrames(t, sound)
	readings.Store(key, r)
	return r
}

var monotonic = regexp.MustCompile(`(?m)^.*non monotonically increasing dts to muxer in stream 0: \d+ >= \d+\n\z`)

func readFrames(t T, file string) []Frame {
	t.Helper()
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	return parseFrames(t, text)
}

// Silent checks that ffprobe and a full decoding by ffmpeg have nothing to say.
func Silent(t T, file string) {
	t.Helper()
	if m := Read(t, file).Messages; m != "" {
		t.Errorf("ffprobe and ffmpeg on %s:\n%.3000s", file, m)
	}
}

// Pictures returns a hash per decoded picture, in the order of their times.
func Pictures(t T, file string) []Frame {
	t.Helper()
	return Read(t, file).Pictures
}

// Sound returns a hash per packet of the first audio track, as coded.
func Sound(t T, file string) []Frame {
	t.Helper()
	return Read(t, file).Sound
}

func parseFrames(t T, out []byte) []Frame {
	t.Helper()
	var frames []Frame
	num, den := 0.0, 1.0
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		l := lines.Text()
		if tb, ok := strings.CutPrefix(l, "#tb 0: "); ok {
			if _, err := fmt.Sscanf(tb, "%f/%f", &num, &den); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
		}
		if strings.HasPrefix(l, "#") {
			continue
		}
		fields := strings.Split(l, ",")
		if len(fields) < 6 {
			t.Fatalf("framehash: %q", l)
		}
		pts, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if err != nil {
			t.Fatalf("framehash: %q", l)
		}
		frames = append(frames, Frame{strings.TrimSpace(fields[5]), float64(pts) * num / den})
	}
	return frames
}

// Packets sums up all packets of a file: a hash per stream of its data.
func Packets(t T, file string) string {
	t.Helper()
	out, messages := run(t, "ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-")
	return string(out) + messages
}

// Info is what ffprobe says of a file.
type Info struct {
	Streams []struct {
		CodecType string `json:"codec_type"`
		CodecName string `json:"codec_name"`
		Width     int    `json:"width"`
		Height    int    `json:"height"`
	} `json:"streams"`
	Format struct {
		Name     string `json:"format_name"`
		Duration string `json:"duration"`
	} `json:"format"`
}

// Has tells whether there is a stream of that type.
func (i Info) Has(codecType string) bool {
	for _, s := range i.Streams {
		if s.CodecType == codecType {
			return true
		}
	}
	return false
}

// Codecs are the names of the codecs, in the order of the streams.
func (i Info) Codecs() (names []string) {
	for _, s := range i.Streams {
		names = append(names, s.CodecName)
	}
	return names
}

// Seconds is the duration.
func (i Info) Seconds() float64 {
	f, _ := strconv.ParseFloat(i.Format.Duration, 64)
	return f
}

// Probe asks ffprobe.
func Probe(t T, file string) Info {
	t.Helper()
	i, _ := probe(t, file)
	return i
}

func probe(t T, file string) (i Info, messages string) {
	t.Helper()
	out, messages := run(t, "ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", file)
	if err := json.Unmarshal(out, &i); err != nil {
		t.Fatalf("ffprobe %s: %v", file, err)
	}
	return i, messages
}
