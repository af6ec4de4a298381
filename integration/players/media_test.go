package players

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// rate is the number of pictures per second of all sources.
const rate = 25

// clip is a source whose pictures carry their numbers: 16 bars, black or white,
// the first 14 are the number's bits, the others stand for the picture's sanity.
type clip struct {
	first   int // number of the first picture
	seconds int
	size    string // 0 = 320x180
	bframes int
	audio   string // arguments of the encoder; "" = AAC
}

const opus = "-c:a libopus -b:a 64k"

// make codes the source, once per machine.
func (c clip) make(t *testing.T) string {
	t.Helper()
	if c.size == "" {
		c.size = "320x180"
	}
	if c.audio == "" {
		c.audio = "-c:a aac -b:a 64k -ar 44100"
	}
	bars := fmt.Sprintf("color=c=black:s=16x9:r=%d:d=%d,format=gray,"+
		"geq=lum='if(eq(X,15)+lt(X,14)*mod(floor((N+%d)/pow(2,X)),2),235,16)',scale=%s:flags=neighbor,format=yuv420p",
		rate, c.seconds, c.first, c.size)
	args := []string{
		"-f", "lavfi", "-i", bars, "-f", "lavfi", "-t", fmt.Sprint(c.seconds), "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-sc_threshold", "0", "-g", fmt.Sprint(rate),
		"-bf", fmt.Sprint(c.bframes), "-b:v", "400k", "-ac", "2",
	}
	args = append(args, strings.Fields(c.audio)...)
	sum := sha256.Sum256([]byte(strings.Join(args, "\x00")))
	dir := filepath.Join(lab.Root(t), "build", "media")
	file := filepath.Join(dir, hex.EncodeToString(sum[:8])+".mp4")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	partial, err := os.MkdirTemp(dir, "clip-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(partial)
	lab.FFmpeg(t, append(args, filepath.Join(partial, "clip.mp4"))...)
	if err := os.Rename(filepath.Join(partial, "clip.mp4"), file); err != nil {
		t.Fatal(err)
	}
	return file
}
