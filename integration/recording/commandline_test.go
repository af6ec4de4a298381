package recording

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// mediamtx runs the server's command line in a folder.
func mediamtx(t *testing.T, dir string, args ...string) (output string, exit int) {
	t.Helper()
	cmd := exec.Command(lab.Binary(t, "mediamtx"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var e *exec.ExitError
	if err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// --upgrade would replace the server by one that records nothing.
func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	out, exit := mediamtx(t, t.TempDir(), "--upgrade")
	if exit != 1 || !strings.Contains(out, "--upgrade would replace it by the plain MediaMTX") {
		t.Errorf("exit %d:\n%s", exit, out)
	}
}

func TestHelpListsRecord(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--help", "-h"} {
		if out, exit := mediamtx(t, t.TempDir(), flag); exit != 0 || !strings.Contains(out, "record COMMAND") || !strings.Contains(out, "--validate-conf") {
			t.Errorf("exit %d:\n%s", exit, out)
		}
	}
}

// --validate-conf checks recording.yml, too, and names every mistake with its
// line.
func TestValidateConf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("off.yml", "logLevel: info\n")
	write("plain.yml", "nothing: 1\n")
	write("outside.yml", "liveRecord: ../recording.yml\n")
	write("on.yml", "liveRecord: recording.yml\nreadBufferCount: 512\n") // a deprecated key: warned of, not refused
	write("on2.yml", "liveRecord: bad.yml\n")
	write("none.yml", "liveRecord: missing.yml\n")
	write("recording.yml", "templates: {all: {mp4: {}}}\nrules: [{template: all}]\n")
	write("bad.yml", "templates:\n  all: {mp4: {intervall: 1m}}\nrules:\n  - {template: other}\n")
	for _, c := range []struct {
		file string
		exit int
		want []string
	}{
		{"off.yml", 0, []string{"configuration file is valid"}},
		{"on.yml", 0, []string{"configuration file is valid", "recording.yml: ok"}},
		{"plain.yml", 1, []string{"nothing"}},
		{"outside.yml", 1, []string{"liveRecord"}},
		{"none.yml", 1, []string{"missing.yml"}},
		{"on2.yml", 1, []string{"bad.yml:2:", "intervall", "bad.yml:4:", "other"}},
	} {
		for _, folder := range []string{dir, "/"} { // the file may be named from anywhere
			out, exit := mediamtx(t, folder, "--validate-conf", filepath.Join(dir, c.file))
			if exit != c.exit {
				t.Errorf("%s: exit %d, want %d:\n%s", c.file, exit, c.exit, out)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%s: lacks %q:\n%s", c.file, want, out)
				}
			}
		}
	}
}
