package splice

import (
	"crypto/md5"
	"encoding/hex"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// gstreamer plays a file or playlist to its end with GStreamer and compares what
// comes out with what ffmpeg decodes: each picture, and the length of the sound.
func gstreamer(t *testing.T, file string) {
	t.Helper()
	info := lab.Probe(t, file)
	raw, pcm, ok := launch(t, file, info, "video/x-raw,format=I420")
	if ok && info.Has("video") {
		samePictures(t, file, raw, info)
	}
	if ok && info.Has("audio") {
		sameLength(t, file, pcm)
	}
}

// gstreamerCount is the number of pictures that GStreamer shows, whatever their size.
func gstreamerCount(t *testing.T, file string) int {
	t.Helper()
	raw, _, ok := launch(t, file, lab.Probe(t, file), "video/x-raw,format=I420,width=64,height=36")
	if !ok {
		return 0
	}
	st, err := os.Stat(raw)
	if err != nil {
		t.Fatal(err)
	}
	return int(st.Size()) / (64 * 36 * 3 / 2)
}

// launch runs the pipeline and returns the files with pictures and sound.
func launch(t *testing.T, file string, info lab.Info, video string) (raw, pcm string, ok bool) {
	t.Helper()
	dir := t.TempDir()
	raw, pcm = filepath.Join(dir, "raw"), filepath.Join(dir, "pcm")
	args := []string{"uridecodebin", "uri=" + (&url.URL{Scheme: "file", Path: file}).String(), "name=d"}
	queue := []string{"d.", "!", "queue", "max-size-bytes=0", "max-size-time=0", "max-size-buffers=0", "!"}
	if info.Has("video") {
		args = append(append(args, queue...), "videoconvert", "!", "videoscale", "!", video, "!", "filesink", "location="+raw)
	}
	if info.Has("audio") {
		args = append(append(args, queue...), "audioconvert", "!", "audio/x-raw,format=S16LE,channels=2", "!", "filesink", "location="+pcm)
	}
	return raw, pcm, lab.GStreamer(t, args...)
}

func samePictures(t *testing.T, file, raw string, info lab.Info) {
	t.Helper()
	size := 0
	for _, s := range info.Streams {
		if s.CodecType == "video" {
			size = s.Width * s.Height * 3 / 2
		}
	}
	want := lab.Pictures(t, file)
	f, err := os.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, size)
	n := 0
	for ; ; n++ {
		if k, err := f.Read(buf); err != nil || k < size {
			break
		}
		sum := md5.Sum(buf)
		if n < len(want) && hex.EncodeToString(sum[:]) != want[n].Hash {
			t.Errorf("GStreamer shows another picture %d of %s than ffmpeg", n, filepath.Base(file))
			return
		}
	}
	t.Logf("GStreamer shows %d pictures of %s, as ffmpeg does", n, filepath.Base(file))
	if n != len(want) {
		t.Errorf("GStreamer shows %d pictures of %s, ffmpeg %d", n, filepath.Base(file), len(want))
	}
}

// sameLength checks that all sound was decoded; encoder delay is a frame or two
// at each join.
func sameLength(t *testing.T, file, pcm string) {
	t.Helper()
	st, err := os.Stat(pcm)
	if err != nil {
		t.Fatal(err)
	}
	const rate = 44100
	have := float64(st.Size()) / 4 / rate
	want := float64(len(lab.Sound(t, file))) * 1024 / rate
	t.Logf("GStreamer plays %.2f s of sound of %s, coded are %.2f s", have, filepath.Base(file), want)
	if math.Abs(have-want) > 0.02*want+0.1 {
		t.Errorf("GStreamer plays %.2f s of sound of %s, coded are %.2f s", have, filepath.Base(file), want)
	}
}
