package takeover

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
)

// object is one that a publication of a fixture must yield.
type object struct{ stream, ext, store string }

var objects = []object{
	{"finish", ".mp4", "cos"}, {"finish", ".flv", "local"}, {"finish", "_eof.m3u8", "cos"}, {"finish", ".aac", "local"},
	{"ended", ".mp4", "cos"}, {"ended", ".flv", "local"}, {"ended", "_eof.m3u8", "cos"}, {"ended", ".aac", "local"},
	{"other", ".mp4", "local"}, {"other", ".flv", "cos"}, {"other", "_eof.m3u8", "local"},
	{"wait", ".mp4", "cos"}, {"wait", ".flv", "local"}, {"wait", "_eof.m3u8", "cos"}, {"wait", ".aac", "local"},
}

// A data folder that commit 95dbd97 wrote, and left when it was killed, is taken
// over: what was recorded is stored whole, an open splice window still resumes,
// and every event arrives.
func TestTakeover95dbd97(t *testing.T) {
	dir := unpack(t, filepath.Join("testdata", "95dbd97.tar.gz"))
	src := filepath.Join(dir, "source.mp4")
	r := receive(t)
	s, c := start(t, dir)
	s.Publish(t, src, s.RTMP("live/wait"), "-t", "4").Wait(t)
	lab.Eventually(t, "each format of the publication to be resumed and paused again", func() bool {
		return r.count("wait", "resumed") == 4 && r.count("wait", "paused") == 8
	})
	s.SetRecording(t, strings.Replace(recording, "stream: wait, template: wait", "stream: wait, template: nothing", 1))
	s.WaitLog(t, "the configuration was reloaded")
	s.Publish(t, src, s.RTMP("live/wait"), "-t", "4").Wait(t) // another template ends the chain
	for stream, want := range map[string]int{"finish": 4, "ended": 4, "other": 3, "wait": 4} {
		lab.Eventually(t, fmt.Sprintf("%d file events of %s", want, stream), func() bool { return r.count(stream, "file") >= want })
		if n := r.count(stream, "file"); n != want {
			t.Errorf("%s: %d file events, want %d", stream, n, want)
		}
	}
	if n := len(c.OpenUploads()); n > 0 {
		t.Errorf("%d uploads are still open", n)
	}
	if len(r.refused()) > 0 {
		t.Errorf("events that can't be read: %v", r.refused())
	}
	checkMedia(t, s, c, src)
}

func checkMedia(t *testing.T, s *lab.Server, c *cosserver.Server, src string) {
	t.Helper()
	stores := map[string]string{"cos": download(t, c), "local": s.Recordings()}
	pictures, sound := lab.Pictures(t, src), lab.Sound(t, src)
	for _, o := range objects {
		found, err := filepath.Glob(filepath.Join(stores[o.store], "origin/default/live", o.stream, "*", "*"+o.ext))
		if err != nil || len(found) != 1 {
			t.Errorf("%s%s: %d objects in %s, want 1 (%v)", o.stream, o.ext, len(found), o.store, err)
			continue
		}
		lab.Silent(t, found[0])
		runs, least := 1, 120 // the fixture's publications were killed after ten seconds, "ended" after six
		if o.stream == "wait" {
			runs, least = 2, 220
		}
		if o.ext != ".aac" {
			checkRuns(t, o.stream+o.ext+", pictures", pictures, lab.Pictures(t, found[0]), runs, least)
		}
		checkRuns(t, o.stream+o.ext+", sound", sound, lab.Sound(t, found[0]), runs, least)
	}
}

// checkRuns checks that frames are so many runs of the source, each from its
// first second on and without a gap.
func checkRuns(t *testing.T, what string, source, got []lab.Frame, runs, least int) {
	t.Helper()
	place := map[string]int{}
	for i, f := range source {
		if _, twice := place[f.Hash]; !twice { // some pictures of this size are equal
			place[f.Hash] = i
		}
	}
	found, last := 0, -1
	for i, f := range got {
		at, ok := place[f.Hash]
		switch {
		case i > 0 && last+1 < len(source) && source[last+1].Hash == f.Hash:
			at = last + 1
		case !ok:
			t.Errorf("%s: frame %d of %d is none of the source's", what, i, len(got))
			return
		case at < 45:
			found++
		default:
			t.Errorf("%s: frame %d of %d is number %d of the source, after number %d", what, i, len(got), at, last)
			return
		}
		last = at
	}
	if found != runs || len(got) < least {
		t.Errorf("%s: %d frames in %d runs, want at least %d in %d", what, len(got), found, least, runs)
	}
}

// download copies all objects into a folder, each under its key.
func download(t *testing.T, c *cosserver.Server) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for key := range c.Objects() {
		path := filepath.Join(dir, filepath.FromSlash(key))
		r, ok := c.Open(key)
		if !ok {
			t.Fatalf("no object %q", key)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
