package recorder

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/adts"
	"github.com/live-recording/liverecord/internal/mux/flv"
	"github.com/live-recording/liverecord/internal/mux/mp4"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// journal is an Events that writes down what it is given, as "event" lines.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
	return nil
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n") + "\n"
}

func (j *journal) Started(_ *state.Tx, _ *state.RecordingRow, f config.FormatName) error {
	return j.add("started %s", f)
}
func (j *journal) StartFailed(_ *state.Tx, _ *state.RecordingRow, f config.FormatName, why string) error {
	return j.add("start failed %s", f)
}
func (j *journal) Failed(_ *state.Tx, _ *state.RecordingRow, f config.FormatName, why string) error {
	return j.add("failed %s", f)
}
func (j *journal) Paused(_ *state.Tx, _ *state.RecordingRow, f []config.FormatName) error {
	return j.add("paused %v", f)
}
func (j *journal) Resumed(_ *state.Tx, _ *state.RecordingRow, f []config.FormatName) error {
	return j.add("resumed %v", f)
}
func (j *journal) Ended(_ *state.Tx, _ *state.RecordingRow, f []config.FormatName) error {
	return j.add("ended %v", f)
}
func (j *journal) NotStored(_ *state.Tx, _ *state.RecordingRow, f *state.FileRow, why string) error {
	return j.add("not stored %s", f.Format)
}
func (j *journal) Abnormal(_ *state.RecordingRow, a Abnormality) { _ = j.add("abnormal %d", a.Kind) }

// bench is a Recorder with a real state and a real spool.
type bench struct {
	*journal
	t      *testing.T
	r      *Recorder
	o      Options
	db     *state.DB
	dirs   map[string]*spool.Dir
	folder string
	places map[string]bool // the stores that can be used
	c      *config.Config
}

func newBench(t *testing.T, c *config.Config) *bench {
	b := &bench{t: t, folder: t.TempDir(), places: map[string]bool{"a": true, "b": true}, c: c}
	b.open()
	t.Cleanup(b.close)
	return b
}

// open starts the recorder, and recovers what an earlier one left.
func (b *bench) open() {
	var err error
	b.journal, b.dirs = &journal{}, map[string]*spool.Dir{}
	if b.db, err = state.Open(filepath.Join(b.folder, "state.db")); err != nil {
		b.t.Fatal(err)
	}
	for _, store := range []string{"a", "b"} {
		if b.dirs[store], err = spool.Open(filepath.Join(b.folder, store), 0, 0, nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.o = Options{DB: b.db, Log: slog.New(slog.DiscardHandler), Events: b.journal,
		Formats: map[config.FormatName]mux.Format{config.MP4: mp4.Format, config.FLV: flv.Format, config.AAC: adts.Format},
		Place: func(store string) (Place, error) {
			if !b.places[store] {
				return Place{}, fmt.Errorf("store %s is away", store)
			}
			return Place{Dir: b.dirs[store]}, nil
		},
		Stores: func() []string { return []string{"a", "b"} },
		Wake:   func() {}, Grew: func(int64, string, int64) {}}
	b.r = New(b.o)
	b.set(b.c)
}

func (b *bench) set(c *config.Config) {
	table, _ := plan.Compile(c, plan.Dynamic{})
	b.r.SetPlan(&Current{Config: c, Table: table})
}

func (b *bench) close() {
	if b.r == nil {
		return
	}
	b.r.Close(time.Minute)
	b.db.Close()
	for _, d := range b.dirs {
		_ = d.Close()
	}
	b.r = nil
}

func (b *bench) recover() {
	b.t.Helper()
	if err := b.r.Recover(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

func rules(splice time.Duration, formats ...config.FormatName) *config.Config {
	t := config.Template{Name: "t"}
	for _, f := range formats {
		t.Formats = append(t.Formats, config.Format{Name: f, Splice: splice, Segment: 2 * time.Second, Container: "ts"})
	}
	return &config.Config{DefaultDomain: "default", DefaultApp: "live", DefaultStore: "a", Templates: []config.Template{t, {Name: "nothing"}}, Rules: []config.Rule{{Template: "t"}, {Stream: "private", Template: "nothing"}}}
}

// media is a second of made-up pictures; no decoder will see them.
var media = func() *feedtest.Media {
	m := &feedtest.Media{Length: time.Second, Tracks: []hooks.Track{{Codec: hooks.H264, ClockRate: 90000, PPS: []byte{0x68, 0xce, 0x3c, 0x80},
		SPS: []byte{0x67, 0x42, 0xC0, 0x0C, 0xDA, 0x05, 0x07, 0xE8, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0C, 0x83, 0xC5, 0x0A, 0xA8}}}}
	for i := range int64(25) {
		kind := byte(0x41)
		if i == 0 {
			kind = 0x65
		}
		m.Units = append(m.Units, feedtest.Unit{DTS: i * 3600, Unit: hooks.Unit{PTS: i * 3600, Payload: [][]byte{append([]byte{kind}, make([]byte, 200)...)}}})
	}
	return m
}()

func (b *bench) online(path string) *feedtest.Stream { return feedtest.Online(b.r, path, media) }

// until waits for something that other goroutines do.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s: not in 30 s\n%s%+v", what, b.text(), b.recordings())
		}
	}
}

func (b *bench) recordings() []*state.RecordingRow {
	rows, err := state.Recordings(context.Background(), b.db.Reader(), "ORDER BY id")
	if err != nil {
		b.t.Fatal(err)
	}
	return rows
}

func (b *bench) files(states ...state.FileState) []*state.FileRow {
	rows, err := state.Files(context.Background(), b.db.Reader(), "ORDER BY id")
	if err != nil {
		b.t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(f *state.FileRow) bool { return len(states) > 0 && !slices.Contains(states, f.State) })
}

// waitState waits until the newest recording is in a state.
func (b *bench) waitState(s state.RecordingState) *state.RecordingRow {
	b.t.Helper()
	var row *state.RecordingRow
	b.until("the recording is "+string(s), func() bool {
		rows := b.recordings()
		if len(rows) == 0 {
			return false
		}
		row = rows[len(rows)-1]
		return row.State == s
	})
	return row
}

// waitJoined waits until the first recording waits after so many returns.
func (b *bench) waitJoined(n int) *state.RecordingRow {
	b.t.Helper()
	b.until("it waits again", func() bool {
		r := b.recordings()
		return len(r) > 0 && r[0].Joins == n && r[0].State == state.Interrupted
	})
	return b.recordings()[0]
}

// dies leaves everything as a process does that is killed: rows and files stay open.
// The folder is copied while the recorder runs, and opened again from the copy.
func (b *bench) dies() {
	b.t.Helper()
	b.until("samples are in the spool", func() bool {
		for _, f := range b.files(state.FileOpen) {
			if f.Spool == "" {
				continue
			}
			if x, ok := b.dirs[f.Store].Live(f.Spool); !ok || x.Size() == 0 {
				return false
			}
		}
		return len(b.files(state.FileOpen)) > 0
	})
	next := b.t.TempDir()
	for _, store := range []string{"a", "b"} {
		if err := os.CopyFS(filepath.Join(next, store), os.DirFS(filepath.Join(b.folder, store))); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, ext := range []string{"", "-wal"} {
		if data, err := os.ReadFile(filepath.Join(b.folder, "state.db"+ext)); err == nil {
			if err := os.WriteFile(filepath.Join(next, "state.db"+ext), data, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.close()
	b.folder = next
	b.open()
}
