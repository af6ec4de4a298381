package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
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

// Silent checks that ffprobe and a full decoding by ffmpeg have nothing to say.
func Silent(t T, file string) {
	t.Helper()
	if _, msg := run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv", file); msg != "" {
		t.Errorf("ffprobe %s:\n%.3000s", file, msg)
	}
	if _, msg := run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-map", "0", "-f", "null", "-"); msg != "" {
		t.Errorf("ffmpeg %s:\n%.3000s", file, msg)
	}
}

// Pictures decodes the video and returns a hash per frame, in the order of
// their times.
func Pictures(t T, file string) []Frame {
	t.Helper()
	if !Probe(t, file).Has("video") {
		return nil
	}
	out, _ := run(t, "ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", file, "-map", "0:v:0", "-fps_mode", "passthrough",
		"-enc_time_base", "1:90000", "-pix_fmt", "yuv420p", "-f", "framehash", "-hash", "md5", "-")
	return parseFrames(t, out)
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

// Sound returns a hash per packet of the first audio track, as coded. AAC is
// the same whether its container wants ADTS headers or not.
func Sound(t T, file string) []Frame {
	t.Helper()
	info := Probe(t, file)
	if !info.Has("audio") {
		return nil
	}
	args := []string{"-nostdin", "-v", "error", "-copyts", "-i", file, "-map", "0:a:0", "-c", "copy"}
	if slices.Contains(info.Codecs(), "aac") {
		args = append(args, "-bsf:a", "aac_adtstoasc")
	}
	out, _ := run(t, "ffmpeg", append(args, "-f", "framehash", "-hash", "md5", "-")...)
	return parseFrames(t, out)
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
	out, _ := run(t, "ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", file)
	var i Info
	if err := json.Unmarshal(out, &i); err != nil {
		t.Fatalf("ffprobe %s: %v", file, err)
	}
	return i
}
