package torture

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/state"
)

// The server dies, and somebody deletes state.db: what is in the spool is stored.
func TestStateLost(t *testing.T) {
	scenario(t)
	c := lab.StartCOS(t, cosserver.Options{Dir: t.TempDir(), PublicRead: true})
	s := lab.Start(t, lab.Options{COS: c, Release: *server, Recording: `templates:
  remote: {mp4: {store: cos, splice: 30s}, hls: {store: cos, segment: 2s}}
  near: {flv: {store: local}, mp4: {store: local}, aac: {store: local}}
rules: [{stream: remote, template: remote}, {stream: near, template: near}]
`})
	a, b := publish(t, s, "live/remote", 40<<10), publish(t, s, "live/near", 0)
	s.WaitLog(t, "[recorder] recording ", "path=live/remote")
	s.WaitLog(t, "[recorder] recording ", "path=live/near")
	time.Sleep(7 * time.Second)
	killed := time.Now()
	s.Kill(t)
	open := len(c.OpenUploads())
	for _, p := range []*publisher{a, b} {
		p.stop()
	}
	db, err := filepath.Glob(filepath.Join(s.Dir, "data", "state.db*"))
	if err != nil || len(db) == 0 {
		t.Fatalf("no state.db: %v", err)
	}
	for _, name := range db {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	s.Run(t)
	waitSettled(t, s, 60*time.Second)
	s.Stop(t)
	bk := openBook(t, s)
	for _, p := range []*publisher{a, b} {
		for _, f := range bk.files {
			if bk.recordings[f.Recording].Path != p.path {
				continue
			}
			if f.State != state.FileStored {
				t.Errorf("%s is %s: %s", f.Object, f.State, f.Error)
				continue
			}
			place := s.Path(f.Object)
			if f.Store == "cos" {
				place = c.URL() + "/" + f.Object
			}
			silent(t, place)
			if f.Format == "aac" {
				continue
			}
			var y tally
			found := marks(t, place)
			if f.Format == "hls" { // the pieces that were stored before are in the bucket, but not in the new playlist
				t.Logf("%s hls: %d pictures in the playlist of what was left", p.path, len(found))
				continue
			}
			y.checkPictures(t, p.path+" "+f.Format, p.sessions, []time.Time{killed}, found)
			t.Logf("%s %s: %v", p.path, f.Format, y)
		}
	}
	formats := map[string]bool{}
	for _, f := range bk.files {
		formats[f.Store+" "+f.Format] = true
	}
	if len(formats) != 5 {
		t.Errorf("files of 5 formats are expected, not %v", formats)
	}
	if left, _ := filepath.Glob(filepath.Join(s.Dir, "data/spool/grow-*")); len(left) > 0 {
		t.Errorf("left in the spool: %s", strings.Join(left, " "))
	}
	// What was under way has parts that no state knows of any more. It may be the only
	// copy of something, so it is left to the bucket's lifecycle rule.
	if n := len(c.OpenUploads()); n > open {
		t.Errorf("%d open uploads are left, %d were open at the kill", n, open)
	}
	t.Logf("%d uploads were open at the kill; %d files stored from the spool without a state", open, len(bk.files))
}
