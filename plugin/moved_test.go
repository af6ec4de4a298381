package plugin

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/state"
)

// Folders are edited while the server is off and files are on their way in them:
// those are stored all the same, and the new folders count from the next start on.
func TestFoldersOfStoresChange(t *testing.T) {
	t.Parallel()
	const rules = "templates: {t: {mp4: {splice: 10m}, flv: {store: cos}}}\nrules: [{template: t}]\n"
	b := start(t, rules)
	b.cos.Inject(cosserver.Fault{Kind: cosserver.Internal})
	m := small(t)
	s := b.online("live/x", m)
	s.Rounds(0, 1)
	s.Offline("")
	b.until("it waits", 5*time.Second, func() bool { r := b.recordings(); return len(r) == 1 && r[0].State == state.Interrupted })
	b.close()

	b.write(rules)
	text, err := os.ReadFile(b.config)
	must(t, err)
	moved := strings.NewReplacer("/recordings}", "/elsewhere}", "/spool,", "/spool2,").Replace(string(text))
	must(t, os.WriteFile(b.config, []byte(moved), 0o600))
	b.cos.ClearFaults()
	b.open()
	again := b.online("live/x", m)
	again.Rounds(0, 1)
	again.Offline("")
	b.until("it waits again", 5*time.Second, func() bool { return b.recordings()[0].Joins == 1 && b.recordings()[0].State == state.Interrupted })
	b.p.house.recorder.Stop(b.recordings()[0].ID, "test")
	for _, f := range b.stored(3) { // FLV has no splice here: one for each publication
		file := b.fetch(f)
		decodes(t, file)
		want := m.Count(0)
		if f.Format == "mp4" {
			want *= 2
		}
		if v, _, _ := count(t, file); v != want {
			t.Errorf("%s: %d pictures of %d", f.Format, v, want)
		}
	}
	b.close()

	b.open() // nothing is on its way any more
	third := b.online("live/y", m)
	third.Rounds(0, 1)
	third.Offline("")
	b.until("it waits", 5*time.Second, func() bool { r := b.recordings(); return r[len(r)-1].State == state.Interrupted })
	b.p.house.recorder.Stop(b.recordings()[1].ID, "test")
	files := b.stored(5)
	for _, f := range files[3:] {
		if f.Format == "mp4" {
			if _, err := os.Stat(b.dir + "/elsewhere/" + f.Object); err != nil {
				t.Error(err)
			}
		}
	}
	b.complaints("storing failed", "uploading", "used until the next restart", "type and dir")
}
