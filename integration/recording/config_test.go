package recording

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// record check names every mistake with its line and a remedy, at once.
func TestRecordCheck(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "recording.yml")
	text := `defaultDomain: default
timezome: UTC
stores:
  local: {type: local, dir: data/recordings}
templates:
  a:
    mp4: {interval: 30}
    aac:
rules:
  - {template: b}
  - {domain: *.example.com, template: a}
`
	// YAML itself stops at the alias; the others are found in the file without it.
	check := func(text string, lines ...int) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(lab.Binary(t, "mediamtx"), "record", "check", file).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("record check: %v\n%s", err, out)
		}
		for _, n := range lines {
			if !strings.Contains(string(out), fmt.Sprintf("%s:%d:", file, n)) {
				t.Errorf("line %d is not named in:\n%s", n, out)
			}
		}
		t.Logf("record check says:\n%s", out)
	}
	check(text, 2, 7, 8, 10, 11)
	out, err := exec.Command(lab.Binary(t, "mediamtx"), "record", "check", filepath.Join(lab.Root(t), "config", "recording.yml")).CombinedOutput()
	if err != nil {
		t.Errorf("the shipped file: %v\n%s", err, out)
	}
}

// Without liveRecord the server is MediaMTX: nothing of ours runs.
func TestOff(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Off: true})
	s.Publish(t, lab.H264AAC.Long(2).Make(t), s.RTMP("off/a")).Wait(t)
	s.WaitLog(t, "closed: EOF")
	s.Stop(t)
	if lines := s.Log("liveRecord"); len(lines) > 0 {
		t.Errorf("the log speaks of the recorder: %q", lines)
	}
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "mediamtx.yml" {
		t.Errorf("the server made files: %v", entries)
	}
}

// An error in recording.yml changes nothing and stops nothing; when it is
// mended, the file counts within a second.
func TestReload(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: lab.RecordAll})
	src := lab.H264AAC.Make(t)
	running := s.Publish(t, src, s.RTMP("reload/running"))
	s.WaitLog(t, "[recorder] recording ", "path=reload/running")

	mark := s.Mark()
	s.SetRecording(t, "templates: {all: {mp4: {}}}\nrules: [{template: none}]\n")
	s.WaitLogAfter(t, mark, "[recorder]", "recording.yml", "rules")
	m := lab.Samples(t, lab.Light.Long(2).Make(t))
	if err := playRTSP(s, m, "", "reload/broken"); err != nil {
		t.Fatal(err)
	}
	s.WaitStream(t, "reload/broken", ".mp4", 1)

	s.SetRecording(t, "templates: {all: {aac: {}}}\nrules: [{template: all}]\n")
	time.Sleep(time.Second) // the promise
	if err := playRTSP(s, m, "", "reload/mended"); err != nil {
		t.Fatal(err)
	}
	s.WaitStream(t, "reload/mended", ".aac", 1)
	s.WaitStream(t, "reload/mended", ".mp4", 0)

	running.Wait(t)
	file := s.WaitStream(t, "reload/running", ".mp4", 1)[0]
	lab.Silent(t, file)
	lab.SameMedia(t, src, lab.Whole, file)
}

// A server that starts with errors in recording.yml runs, and records when they
// are mended, also what is already being published.
func TestStartWithErrors(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: "templates: {all: {mp4: {}}}\nrules: [{template: none}]\n"})
	push := s.Publish(t, lab.H264AAC.Make(t), s.RTMP("errors/a"))
	s.WaitLog(t, "is publishing to path 'errors/a'")
	s.SetRecording(t, lab.RecordAll)
	s.WaitLog(t, "[recorder] recording ", "path=errors/a")
	push.Wait(t)
	lab.Silent(t, s.WaitStream(t, "errors/a", ".mp4", 1)[0])
}

// A rule edit counts for a push that starts one second later, each time, while
// other streams run undisturbed.
func TestRuleEdits(t *testing.T) {
	t.Parallel()
	edits, streams := 12, 20
	if os.Getenv("LIVERECORD_LONG") != "" {
		edits = 50
	}
	if testing.Short() {
		edits = 3
	}
	s := lab.Start(t, lab.Options{Recording: lab.RecordAll})
	m := lab.Samples(t, lab.Light.Long(2*edits+4).Make(t))
	done := make(chan error, streams)
	for i := range streams {
		c := s.DialRTSP(t, m, "", fmt.Sprintf("steady/%d", i))
		go func() {
			err := c.Play(m.Samples, 1)
			c.Close()
			done <- err
		}()
	}
	short := &lab.Media{Tracks: m.Tracks, Samples: m.Samples[:12]}
	for i := range edits {
		ext := []string{"mp4", "flv", "aac"}[i%3]
		s.SetRecording(t, fmt.Sprintf("templates: {all: {mp4: {}}, now: {%s: {}}}\nrules: [{template: all}, {app: edit, template: now}]\n", ext))
		time.Sleep(time.Second) // the promise
		path := fmt.Sprintf("edit/%d", i)
		if err := playRTSP(s, short, "", path); err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"mp4", "flv", "aac"} {
			want := 0
			if other == ext {
				want = 1
			}
			s.WaitStream(t, path, "."+other, want)
		}
	}
	for range streams {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var want string
	for i := range streams {
		got := lab.Packets(t, s.WaitStream(t, fmt.Sprintf("steady/%d", i), ".mp4", 1)[0])
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("stream %d differs from the first:\n%s\n%s", i, got, want)
		}
	}
}
