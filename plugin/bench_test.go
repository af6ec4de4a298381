package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/state"
)

// bench is a plugin on a temporary configuration, with a COS server.
type bench struct {
	t      testing.TB
	dir    string
	config string
	cos    *cosserver.Server
	p      *Plugin

	mu  sync.Mutex
	log []string
}

const stores = `
stores:
  local: {type: local, dir: %[1]s/recordings}
  cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, endpoint: "%[2]s", secretID: %[3]s, secretKey: %[4]s, partSize: 1MB}
state: %[1]s/state.db
spool: {dir: %[1]s/spool, minFree: 1MB}
api: {address: ""}
`

// start starts the plugin with what text adds to the configuration.
func start(t testing.TB, text string) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	var err error
	b.cos, err = cosserver.New(cosserver.Options{})
	must(t, err)
	must(t, b.cos.Start(""))
	t.Cleanup(func() { b.cos.Close() })
	b.config = filepath.Join(b.dir, "recording.yml")
	b.write(text)
	b.open()
	t.Cleanup(b.close)
	return b
}

func (b *bench) write(text string) {
	b.t.Helper()
	all := fmt.Sprintf(stores, b.dir, b.cos.URL(), cosserver.DefaultSecretID, cosserver.DefaultSecretKey) + text
	must(b.t, os.WriteFile(b.config, []byte(all), 0o600))
}

func (b *bench) open() {
	b.t.Helper()
	p, err := Start(Options{ConfigFile: b.config, Version: "test", Logf: b.logf})
	must(b.t, err)
	b.p = p
	if p.house == nil {
		b.t.Fatalf("the configuration has errors:\n%s", b.text())
	}
}

func (b *bench) close() {
	if b.p != nil {
		b.p.Close()
		b.p = nil
	}
}

func (b *bench) logf(level slog.Level, msg string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, level.String()+" "+msg)
}

func (b *bench) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.log, "\n")
}

// complaints fails the test if anything above info was logged that does not
// contain one of the given words.
func (b *bench) complaints(but ...string) {
	b.t.Helper()
	for _, line := range strings.Split(b.text(), "\n") {
		ok := strings.HasPrefix(line, "INFO") || strings.HasPrefix(line, "DEBUG") || line == ""
		for _, w := range but {
			ok = ok || strings.Contains(line, w)
		}
		if !ok {
			b.t.Error(line)
		}
	}
}

func (b *bench) online(path string, m *feedtest.Media, change ...func(*hooks.Publication)) *feedtest.Stream {
	return feedtest.Online(b.p.Handler(), path, m, change...)
}

// files returns the rows of files (not of pieces).
func (b *bench) files() []*state.FileRow {
	b.t.Helper()
	out, err := state.Files(context.Background(), b.p.house.db.Reader(), "WHERE parent=0 ORDER BY id")
	must(b.t, err)
	return out
}

func (b *bench) recordings() []*state.RecordingRow {
	b.t.Helper()
	out, err := state.Recordings(context.Background(), b.p.house.db.Reader(), "ORDER BY id")
	must(b.t, err)
	return out
}

// stored waits until n files are stored and nothing else is on the way.
func (b *bench) stored(n int) []*state.FileRow {
	b.t.Helper()
	var out []*state.FileRow
	b.until(fmt.Sprintf("%d files stored", n), time.Minute, func() bool {
		time.Sleep(time.Duration(n) * time.Millisecond / 2) // reading many rows again and again would slow them down
		out = b.files()
		done := 0
		for _, f := range out {
			if f.State == state.FileStored {
				done++
			}
		}
		return done == n && len(out) == n
	})
	return out
}

func (b *bench) until(what string, within time.Duration, ok func() bool) {
	b.t.Helper()
	const busy = 5 // a machine that does other work, with the race detector on
	for end := time.Now().Add(busy * within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			for _, f := range b.files() {
				b.t.Logf("%s %s %s %s", f.Format, f.State, f.Object, f.Error)
			}
			b.t.Fatalf("not within %v: %s\n%s", within, what, b.text())
		}
	}
}

// objects lists what is in a store, by key.
func (b *bench) objects(store string) (keys []string) {
	b.t.Helper()
	if store == "cos" {
		for k := range b.cos.Objects() {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		return keys
	}
	root := b.path("")
	must(b.t, filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if rel, _ := filepath.Rel(root, p); !d.IsDir() && !strings.HasPrefix(rel, ".") {
			keys = append(keys, filepath.ToSlash(rel))
		}
		return nil
	}))
	return keys
}

// path is where an object of the local store lies.
func (b *bench) path(key string) string { return filepath.Join(b.dir, "recordings", key) }

// fetch makes a stored file readable for ffprobe, and returns its path.
func (b *bench) fetch(f *state.FileRow) string {
	b.t.Helper()
	if f.Store == "local" {
		return b.path(f.Object)
	}
	r, ok := b.cos.Open(f.Object)
	if !ok {
		b.t.Fatalf("%s is not in the store", f.Object)
	}
	defer r.Close()
	out, err := os.Create(filepath.Join(b.t.TempDir(), "object"+filepath.Ext(f.Object)))
	must(b.t, err)
	_, err = io.Copy(out, r)
	must(b.t, err)
	must(b.t, out.Close())
	return out.Name()
}

// count is what ffprobe counts in a file: packets by type of stream.
func count(t testing.TB, file string) (video, audio int, seconds float64) {
	t.Helper()
	text := feedtest.Run(t, "ffprobe", "-count_packets", "-show_entries", "stream=codec_type,nb_read_packets:format=duration", "-of", "json", file)
	var x struct {
		Streams []struct {
			Type    string `json:"codec_type"`
			Packets string `json:"nb_read_packets"`
		}
		Format struct{ Duration string }
	}
	must(t, json.Unmarshal([]byte(text), &x))
	for _, s := range x.Streams {
		n, _ := strconv.Atoi(s.Packets)
		if s.Type == "video" {
			video += n
		} else {
			audio += n
		}
	}
	seconds, _ = strconv.ParseFloat(x.Format.Duration, 64)
	return video, audio, seconds
}

// decodes proves that a file decodes without a complaint.
func decodes(t testing.TB, file string) {
	t.Helper()
	feedtest.FFmpeg(t, "-nostdin", "-xerror", "-i", file, "-f", "null", "-")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
