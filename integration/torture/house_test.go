package torture

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/plugin"
)

// house is the recorder in this process, without a media server.
type house struct {
	t     *testing.T
	dir   string
	cos   *cosserver.Server
	store string // more keys of the store cos

	endpoint string // of the bucket
	spool    string // keys of the spool
	rest     string // the other keys of recording.yml
	p        *plugin.Plugin

	mu  sync.Mutex
	log []string
}

// newHouse prepares a recorder with a COS bucket; open starts it.
func newHouse(t *testing.T, o cosserver.Options, rest string) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), cos: lab.StartCOS(t, o), rest: rest,
		store: "secretKey: " + cosserver.DefaultSecretKey, spool: "minFree: 1MB"}
	h.endpoint = h.cos.URL()
	return h
}

// write writes recording.yml; a running recorder takes it over within a second.
func (h *house) write() {
	h.t.Helper()
	text := fmt.Sprintf(`# %s
state: %s/state.db
spool: {dir: %s/spool, %s}
api: {address: ""}
defaultStore: cos
stores:
  local: {type: local, dir: %s/recordings}
  cos: {type: cos, bucket: %s, region: %s, secretID: %s, partSize: 1MB, endpoint: %q, %s}
%s`, time.Now().Format(time.RFC3339Nano), h.dir, h.dir, h.spool, h.dir, cosserver.DefaultBucket, cosserver.DefaultRegion,
		cosserver.DefaultSecretID, h.endpoint, h.store, h.rest)
	tmp := h.file("recording.yml.new")
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(tmp, h.file("recording.yml")); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) file(name string) string { return filepath.Join(h.dir, name) }

func (h *house) open() {
	h.t.Helper()
	h.write()
	p, err := plugin.Start(plugin.Options{ConfigFile: h.file("recording.yml"), Version: "torture", Logf: h.logf})
	if err != nil {
		h.t.Fatal(err)
	}
	h.p = p
	// Start waits for the disk of the state for some seconds only; then it goes on without.
	for end := time.Now().Add(time.Minute); len(h.lines("live recording is on")) == 0 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	if len(h.lines("live recording is on")) == 0 {
		h.t.Fatalf("the recorder did not start:\n%s", strings.Join(h.lines(""), "\n"))
	}
	h.t.Cleanup(h.close)
}

func (h *house) close() {
	if h.p != nil {
		h.p.Close()
		h.p = nil
	}
	if h.t.Failed() {
		lines := h.lines("")
		h.t.Logf("the last lines of the log:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

func (h *house) logf(level slog.Level, line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, fmt.Sprintf("%s %s %s", time.Now().Format("05.000"), level, line))
}

// lines returns the lines of the log that contain all parts.
func (h *house) lines(parts ...string) (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
next:
	for _, l := range h.log {
		for _, p := range parts {
			if !strings.Contains(l, p) {
				continue next
			}
		}
		out = append(out, l)
	}
	return out
}

// files returns the rows of all files; pieces are not among them.
func (h *house) files() []*state.FileRow {
	h.t.Helper()
	db, err := state.OpenReadOnly(h.file("state.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	rows, err := state.Files(h.t.Context(), db.Reader(), "WHERE parent=0 ORDER BY started, id")
	if err != nil {
		h.t.Fatal(err)
	}
	return rows
}

// count returns how many files are in a state.
func (h *house) count(s state.FileState) (n int) {
	h.t.Helper()
	for _, f := range h.files() {
		if f.State == s {
			n++
		}
	}
	return n
}

// until waits for something to become true.
func until(t *testing.T, what string, patience time.Duration, ok func() bool) bool {
	t.Helper()
	const busy = 3 // a machine that does other work, with the race detector on
	for deadline := time.Now().Add(busy * patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited %s in vain for %s", patience, what)
			return false
		}
	}
	return true
}

// untilStored waits until n files are stored and none is under way.
func (h *house) untilStored(n int, patience time.Duration) {
	h.t.Helper()
	until(h.t, fmt.Sprintf("%d files stored", n), patience, func() bool {
		time.Sleep(100 * time.Millisecond)
		return h.count(state.FileStored) == n && len(h.files()) == n
	})
}

// untilStoredOf waits until n files are stored; others may be under way.
func (h *house) untilStoredOf(n int, patience time.Duration) {
	h.t.Helper()
	until(h.t, fmt.Sprintf("%d files stored", n), patience, func() bool { return h.count(state.FileStored) >= n })
}

// feed is a publication through the hooks, with marked pictures.
type feed struct {
	*feedtest.Stream
	session int
	fat     int
	next    int
	played  time.Duration
}

// loop is what the hooks are fed with: as cheap to decode as can be.
var loop = feedtest.Spec{Video: "testsrc2=s=160x90:r=25", Audio: true, Length: 9600 * time.Millisecond,
	Coder: []string{"-g", "24", "-keyint_min", "24", "-sc_threshold", "0", "-bf", "2", "-b:v", "60k"}}

func (h *house) feed(path string, session, fat int) *feed {
	h.t.Helper()
	return &feed{Stream: feedtest.Online(h.p.Handler(), path, feedtest.Make(h.t, loop)), session: session, fat: fat}
}

// play goes on with the publication, speed times as fast as real time.
func (f *feed) play(d time.Duration, speed float64) {
	begun, from, to := time.Now(), f.played, f.played+d
	f.played = to
	media := f.Media
	zero := media.Decode(&media.Units[0])
	for n := int(from / media.Length); time.Duration(n)*media.Length < to; n++ {
		for _, u := range media.Round(n) {
			at := media.Decode(&u) - zero
			if at < from || at >= to {
				continue
			}
			time.Sleep(time.Until(begun.Add(time.Duration(float64(at-from) / speed))))
			f.write(u.Unit)
		}
	}
}

func (f *feed) write(u hooks.Unit) {
	if f.Media.Tracks[u.Track].Codec.IsVideo() {
		u.Payload = marked(u.Payload, mark{f.session, f.next}, f.fat)
		f.next++
	}
	u.NTP = time.Now()
	f.Write(u)
}

// checkPictures compares what was stored of one publication with what was fed.
func checkPictures(t *testing.T, what string, f *feed, places ...string) (stored int) {
	t.Helper()
	var found []mark
	for _, p := range places {
		found = append(found, marks(t, p)...)
	}
	for i, m := range found {
		if m.session != f.session || m.picture != i {
			t.Errorf("%s: picture %d is %v", what, i, m)
			return 0
		}
	}
	if len(found) != f.next {
		t.Errorf("%s: %d pictures stored of %d", what, len(found), f.next)
	}
	return len(found)
}

// place is where ffmpeg finds a stored file.
func (h *house) place(f *state.FileRow) string {
	if f.Store == "cos" {
		return h.cos.URL() + "/" + f.Object
	}
	return h.file("recordings/" + f.Object)
}
