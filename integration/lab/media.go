package lab

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Kind is a kind of source: codecs, length and container.
type Kind struct {
	Video   string // arguments of the video encoder; "" = no video
	Audio   string // arguments of the audio encoder; "" = no audio
	Seconds int    // 0 = 6
	Size    string // of the picture; "" = 320x180
	Rate    int    // pictures per second; 0 = 25
	Ext     string // container that publishers read; "" = mp4
}

const (
	x264    = "-c:v libx264 -preset ultrafast -threads 1 -pix_fmt yuv420p -sc_threshold 0 -g 25 -b:v 300k"
	x264b   = "-c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p -sc_threshold 0 -g 25 -bf 3 -b_strategy 0 -x264-params b-pyramid=normal:ref=4 -b:v 300k"
	x265    = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -g 25 -x265-params log-level=none:pools=1:frame-threads=1:bframes=2:keyint=25:scenecut=0 -tag:v hvc1"
	aacArgs = "-c:a aac -b:a 64k -ar 44100 -ac 2"
)

// The usual sources. Pictures and sound never repeat, so that a frame's hash
// tells its place.
var (
	H264AAC   = Kind{Video: x264, Audio: aacArgs}
	BFrames   = Kind{Video: x264b, Audio: aacArgs}
	VideoOnly = Kind{Video: x264}
	AACOnly   = Kind{Audio: aacArgs}
	H264MP3   = Kind{Video: x264, Audio: "-c:a libmp3lame -b:a 64k -ar 44100 -ac 2"}
	MP3Only   = Kind{Audio: "-c:a libmp3lame -b:a 64k -ar 44100 -ac 2"}
	H264Opus  = Kind{Video: x264, Audio: "-c:a libopus -b:a 64k -ar 48000 -ac 2"}
	OpusOnly  = Kind{Audio: "-c:a libopus -b:a 64k -ar 48000 -ac 2"}
	H265AAC   = Kind{Video: x265, Audio: aacArgs}
	// Light costs little to publish fifty times.
	Light = Kind{Video: "-c:v libx264 -preset ultrafast -threads 1 -pix_fmt yuv420p -g 10 -sc_threshold 0 -b:v 60k",
		Audio: "-c:a aac -b:a 32k -ar 22050 -ac 1", Size: "160x90", Rate: 10}
)

// Long returns the kind with another length.
func (k Kind) Long(seconds int) Kind {
	k.Seconds = seconds
	return k
}

var making once

var ffmpegVersion = sync.OnceValue(func() string {
	out, _ := exec.Command("ffmpeg", "-version").Output()
	first, _, _ := strings.Cut(string(out), "\n")
	return first
})

// Make codes a source, once per machine: it lies below build/media, under a name
// made of all that it depends on.
func (k Kind) Make(t T) string {
	t.Helper()
	args := k.args()
	sum := sha256.Sum256([]byte(ffmpegVersion() + strings.Join(args, "\x00")))
	dir := filepath.Join(Root(t), "build", "media")
	file := filepath.Join(dir, hex.EncodeToString(sum[:8])+k.ext())
	defer making.lock(file)()
	if _, err := os.Stat(file); err == nil {
		return file
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("%v", err)
	}
	partial := fmt.Sprintf("%s.%d%s", file, os.Getpid(), k.ext())
	FFmpeg(t, append(args, partial)...)
	if err := os.Rename(partial, file); err != nil {
		t.Fatalf("%v", err)
	}
	return file
}

func (k Kind) ext() string {
	if k.Ext == "" {
		return ".mp4"
	}
	return "." + k.Ext
}

func (k Kind) args() []string {
	seconds, size, rate := k.Seconds, k.Size, k.Rate
	if seconds == 0 {
		seconds = 6
	}
	if size == "" {
		size = "320x180"
	}
	if rate == 0 {
		rate = 25
	}
	var in, out []string
	if k.Video != "" {
		in = append(in, "-f", "lavfi", "-t", fmt.Sprint(seconds), "-i", fmt.Sprintf("testsrc2=size=%s:rate=%d", size, rate))
		out = append(out, strings.Fields(k.Video)...)
	}
	if k.Audio != "" {
		in = append(in, "-f", "lavfi", "-t", fmt.Sprint(seconds), "-i", "anoisesrc=seed=7:amplitude=0.3:sample_rate=48000")
		out = append(out, strings.Fields(k.Audio)...)
	}
	return append(append(in, out...), "-fflags", "+bitexact", "-flags", "+bitexact")
}

// FFmpeg runs ffmpeg to its end; what it prints at level fatal fails the test.
func FFmpeg(t T, args ...string) {
	t.Helper()
	needFFmpeg(t)
	args = append([]string{"-nostdin", "-v", "fatal", "-y"}, args...)
	var messages bytes.Buffer
	cmd := exec.Command("ffmpeg", args...)
	cmd.Stderr = &messages
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, messages.String())
	}
}

func needFFmpeg(t T) {
	t.Helper()
	for _, p := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%s is missing: apt-get install ffmpeg, or make deps", p)
		}
	}
}

// Classic tells whether FLV holds the codecs as it did before Enhanced RTMP.
func (k Kind) Classic() bool {
	return !strings.Contains(k.Video, "libx265") && !strings.Contains(k.Audio, "libopus")
}
