package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/state"
)

// image starts another plugin on a copy of what this one has on the disk, as a
// start after a kill finds it. This one is left as it is.
func (b *bench) image(text string) *bench {
	b.t.Helper()
	c := b.copied()
	c.write(text)
	c.open()
	return c
}

// copied has a copy of what this one has on the disk, and is not started.
func (b *bench) copied() *bench {
	b.t.Helper()
	c := &bench{t: b.t, dir: b.t.TempDir(), cos: b.cos}
	c.config = c.dir + "/recording.yml"
	b.until("nothing changes before and while it is copied", time.Minute, func() bool {
		must(b.t, os.RemoveAll(c.dir+"/copy"))
		before := b.listing()
		time.Sleep(700 * time.Millisecond) // a request to the store may be under way
		err := os.CopyFS(c.dir+"/copy", os.DirFS(b.dir))
		return err == nil && before == b.listing()
	})
	entries, err := os.ReadDir(c.dir + "/copy")
	must(b.t, err)
	for _, e := range entries {
		must(b.t, os.Rename(c.dir+"/copy/"+e.Name(), c.dir+"/"+e.Name()))
	}
	b.t.Cleanup(c.close)
	return c
}

// listing tells all files of the folder, their sizes and when they changed.
func (b *bench) listing() string {
	var out strings.Builder
	_ = filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			fmt.Fprintln(&out, err)
			return nil
		}
		if i, err := d.Info(); err == nil && !d.IsDir() {
			fmt.Fprintln(&out, path, i.Size(), i.ModTime().UnixNano())
		}
		return nil
	})
	return out.String()
}

// A store is missing in the configuration at the start after a kill, and back at
// the next one: what was recorded for it is stored then.
func TestStoreIsMissingForAWhile(t *testing.T) {
	t.Parallel()
	rules := "templates: {t: {mp4: {store: cos, splice: 10m}}}\nrules: [{template: t}]\n"
	b := start(t, rules)
	m := heavy(t)
	s := b.online("live/x", m)
	s.Rounds(0, 1)
	time.Sleep(1500 * time.Millisecond)
	c := b.copied()
	c.write("templates: {t: {}}\nrules: [{template: t}]\n")
	text, err := os.ReadFile(c.config)
	must(t, err)
	var without []string
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "  cos:") {
			without = append(without, line)
		}
	}
	must(t, os.WriteFile(c.config, []byte(strings.Join(without, "\n")), 0o600))
	c.open()
	c.until("the recording has ended", 5*time.Second, func() bool { return c.recordings()[0].State == state.Finalizing })
	c.close()
	c.write(rules)
	c.open()
	f := c.stored(1)[0]
	decodes(t, c.fetch(f))
	if v, _, _ := count(t, c.fetch(f)); v < m.Count(0)-20 {
		t.Errorf("%d pictures of %d", v, m.Count(0))
	}
	c.until("the recording is done", 5*time.Second, func() bool { return c.recordings()[0].State == state.Done })
	b.discard(s)
}

// A kill while parts travel: the file is stored once and holds all that was sent
// a second before; with a splice window the publisher goes on in it.
func TestKillWhileRecording(t *testing.T) {
	t.Parallel()
	for _, splice := range []string{"0s", "10m"} {
		for _, store := range []string{"local", "cos"} {
			t.Run(store+" "+splice, func(t *testing.T) {
				t.Parallel()
				text := "defaultStore: " + store + "\ntemplates: {t: {mp4: {splice: " + splice + "}, hls: {segment: 2s, splice: " + splice + "}}}\nrules: [{template: t}]\n"
				b := start(t, text)
				m := heavy(t)
				s := b.online("live/x", m)
				s.Rounds(0, 1)
				time.Sleep(1500 * time.Millisecond) // all is in the spool, some parts are in the store
				c := b.image(text)
				pictures := m.Count(0)
				if splice != "0s" {
					again := c.online("live/x", m)
					again.Rounds(0, 1)
					again.Offline("")
					pictures *= 2
					c.until("it waits", 5*time.Second, func() bool { return c.recordings()[0].State == state.Interrupted })
					c.p.house.recorder.Stop(c.recordings()[0].ID, "test")
				}
				for _, f := range c.stored(2) {
					file := c.fetchWithPieces(f)
					decodes(t, file)
					// What the reorder depth and the interleaving hold back was only in memory.
					if v, _, _ := count(t, file); v > pictures || v < pictures-20 {
						t.Errorf("%s: %d pictures of %d", f.Format, v, pictures)
					}
				}
				if n := len(c.recordings()); n != 1 {
					t.Errorf("%d recordings", n)
				}
				for _, u := range b.cos.OpenUploads() {
					t.Errorf("open upload of %s", u.Key)
				}
				c.complaints("torn", "recovered")
				b.discard(s)
			})
		}
	}
}

// discard lets a plugin that was "killed" end without touching the stores.
func (b *bench) discard(s *feedtest.Stream) {
	s.Detach()
	b.cos.SetOutage(true)
	b.close()
}
