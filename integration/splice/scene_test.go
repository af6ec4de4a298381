package splice

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// path is where all publishers push to; each test has a server of its own.
const path = "live/show"

// scene is a server, the endpoint that it tells its events, and one stream.
type scene struct {
	*lab.Server
	events *receiver
}

// everything records the four formats with a splice window.
func everything(window time.Duration) string {
	return fmt.Sprintf(`templates:
  all: {mp4: {splice: %[1]s}, flv: {splice: %[1]s}, hls: {segment: 2s, splice: %[1]s}, aac: {splice: %[1]s}}
rules: [{template: all}]
`, window)
}

// newScene starts a server with recording.yml; more of mediamtx.yml may follow.
func newScene(t *testing.T, recording string, config ...string) *scene {
	t.Helper()
	s := &scene{events: newReceiver(t)}
	s.Server = lab.Start(t, lab.Options{Release: *server, Recording: recording + s.events.config(), Config: strings.Join(config, "\n")})
	return s
}

// setRecording changes recording.yml and waits until it is in force.
func (s *scene) setRecording(t *testing.T, text string) {
	t.Helper()
	mark := s.Mark()
	s.SetRecording(t, text+s.events.config())
	s.WaitLogAfter(t, mark, "the configuration was reloaded")
}

// push begins to send src from a second on, by RTMP, RTSP or SRT, and waits
// until it is being recorded. args stand before the output.
func (s *scene) push(t *testing.T, to func(*lab.Server, string) string, src string, from int, args ...string) *lab.Push {
	t.Helper()
	mark := s.Mark()
	p := s.pushNow(t, to, src, from, args...)
	s.WaitLogAfter(t, mark, "is publishing to path '"+path+"'")
	return p
}

func (s *scene) pushNow(t *testing.T, to func(*lab.Server, string) string, src string, from int, args ...string) *lab.Push {
	t.Helper()
	all := append(sendArgs(src, from), args...)
	return lab.RunFFmpeg(t, append(append([]string{"-re"}, all...), output(to(s.Server, path))...)...)
}

// sendArgs are what ffmpeg reads and sends.
func sendArgs(src string, from int) []string {
	args := []string{"-i", src, "-map", "0", "-c", "copy"}
	if from > 0 {
		args = append([]string{"-ss", fmt.Sprint(from)}, args...)
	}
	return args
}

func output(address string) []string {
	scheme, _, _ := strings.Cut(address, ":")
	switch scheme {
	case "rtmp":
		return []string{"-f", "flv", "-flvflags", "no_duration_filesize", address}
	case "rtsp":
		return []string{"-f", "rtsp", "-rtsp_transport", "tcp", address}
	default:
		return []string{"-f", "mpegts", address}
	}
}

var (
	rtmp = (*lab.Server).RTMP
	rtsp = (*lab.Server).RTSP
	srt  = (*lab.Server).SRT
)

// ended waits until the only recording is over and all is stored.
func (s *scene) ended(t *testing.T) {
	t.Helper()
	s.WaitLog(t, "the recording has ended")
	lab.Eventually(t, "all files to be stored", func() bool {
		names, err := filepath.Glob(filepath.Join(s.Recordings(), ".liverecord", "grow-*"))
		return err == nil && len(names) == 0
	})
}

// files are the stored files with that ending.
func (s *scene) files(t *testing.T, ext string) (paths []string) {
	t.Helper()
	for _, f := range s.Files(t) {
		if strings.HasSuffix(f, ext) && !strings.HasPrefix(filepath.Base(f), "init") {
			paths = append(paths, s.Path(f))
		}
	}
	return paths
}

// one is the only file with that ending.
func (s *scene) one(t *testing.T, ext string) string {
	t.Helper()
	return s.some(t, ext, 1)[0]
}

// some are the files with that ending, of which there must be n, in the order of
// their beginning, all of one recording.
func (s *scene) some(t *testing.T, ext string, n int) []string {
	t.Helper()
	f := s.files(t, ext)
	if len(f) != n {
		t.Fatalf("%d files *%s, want %d:\n%s", len(f), ext, n, strings.Join(s.Files(t), "\n"))
	}
	for i := range f {
		if filepath.Dir(f[i]) != filepath.Dir(f[0]) {
			t.Errorf("%s is of another recording than %s", f[i], f[0])
		}
	}
	return f
}

// recordings counts the folders that are named after recordings.
func (s *scene) recordings(t *testing.T) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(s.Recordings(), "*", "*", "*", "*", strings.Repeat("[0-9]", 19)))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
