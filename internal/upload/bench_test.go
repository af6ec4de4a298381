package upload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/local"
)

const (
	mib    = 1 << 20
	minute = time.Minute
)

// plainFormat is a file whose head tells the sizes of its records.
type plainFormat struct{}

func (plainFormat) Accepts(hooks.Codec) bool                             { return true }
func (plainFormat) Fits(*hooks.Track) error                              { return nil }
func (plainFormat) New([]hooks.Track) (mux.Muxer, error)                 { panic("not used") }
func (plainFormat) Inspect([]hooks.Track, mux.Records) (mux.Info, error) { return mux.Info{}, nil }
func (plainFormat) Resume([]hooks.Track, mux.Records) (mux.Muxer, error) { panic("not used") }

func (plainFormat) Head(_ []hooks.Track, records mux.Records, body, room int64) (mux.Head, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HEAD %d", body)
	for r, err := range records {
		if err != nil {
			return mux.Head{}, err
		}
		fmt.Fprintf(&b, " %s", r)
	}
	b.WriteByte('\n')
	for int64(b.Len()) < room {
		b.WriteByte('.')
	}
	return mux.Head{Front: b.Bytes()}, nil
}

// told records what the Mover reported.
type told struct {
	mu        sync.Mutex
	stored    map[int64]int
	notStored map[int64]string
}

func (e *told) Stored(_ *state.Tx, _ *state.RecordingRow, f *state.FileRow) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stored[f.ID]++
	return nil
}

func (e *told) NotStored(_ *state.Tx, _ *state.RecordingRow, f *state.FileRow, why string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notStored[f.ID] = why
	return nil
}

func (e *told) counts() (stored, notStored int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.stored), len(e.notStored)
}

// bench is a Mover between a spool and a COS server (and a local store).
type bench struct {
	t      testing.TB
	db     *state.DB
	path   string
	dir    *spool.Dir
	server *cosserver.Server
	target *Target
	local  *Target
	events *told
	m      *Mover
	halt   func()
	ids    int64

	options Options // more of them, for the next run
}

type benchOptions struct {
	partSize, spoolMax int64
	concurrency        int
	server             cosserver.Options
}

func newBench(t testing.TB, o benchOptions) *bench {
	t.Helper()
	b := &bench{t: t, path: t.TempDir(), events: &told{stored: map[int64]int{}, notStored: map[int64]string{}}}
	var err error
	b.db, err = state.Open(filepath.Join(b.path, "state.db"))
	must(t, err)
	t.Cleanup(func() { b.db.Close() })
	b.dir, err = spool.Open(filepath.Join(b.path, "spool"), o.spoolMax, 0, func(err error) { t.Error(err) })
	must(t, err)
	t.Cleanup(func() { b.dir.Close() })
	b.server, err = cosserver.New(o.server)
	must(t, err)
	must(t, b.server.Start(""))
	t.Cleanup(func() { b.server.Close() })
	if o.concurrency == 0 {
		o.concurrency = 4
	}
	c := config.Store{Name: "cos", Type: "cos", Bucket: cosserver.DefaultBucket, Region: cosserver.DefaultRegion,
		Endpoint: b.server.URL(), SecretID: cosserver.DefaultSecretID, SecretKey: cosserver.DefaultSecretKey,
		StorageClass: "STANDARD", PartSize: max(o.partSize, mib), Concurrency: o.concurrency}
	remote, err := cos.New(c, cos.Options{Stall: 3 * time.Second})
	must(t, err)
	b.target = &Target{Config: c, Dir: b.dir, Remote: remote}
	b.openLocal()
	b.run()
	t.Cleanup(func() { b.halt() })
	return b
}

func (b *bench) openLocal() {
	c := config.Store{Name: "local", Type: "local", Dir: filepath.Join(b.path, "recordings")}
	l, err := local.New(c, 0)
	must(b.t, err)
	d, err := spool.Open(l.GrowDir(), 0, 0, nil)
	must(b.t, err)
	b.t.Cleanup(func() { d.Close(); l.Close() })
	b.local = &Target{Config: c, Dir: d, Local: l}
}

// run starts a Mover, as a start of the server does.
func (b *bench) run() {
	b.m = New(Options{History: b.options.History, DB: b.db, Log: slog.New(slog.DiscardHandler), Events: b.events,
		Formats: map[string]mux.Format{"mp4": plainFormat{}, state.FormatTS: plainFormat{}},
		Target: func(name string) (*Target, error) {
			switch name {
			case "cos":
				return b.target, nil
			case "local":
				return b.local, nil
			}
			return nil, fmt.Errorf("no store %q", name)
		}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.m.Run(ctx, func() time.Duration { return 2 * time.Second }) }()
	b.halt = sync.OnceFunc(func() { cancel(); <-done })
}

// grower is a file that a test records.
type grower struct {
	b       *bench
	row     state.FileRow
	sp      *spool.File
	body    []byte
	records []string
	rnd     *rand.ChaCha8
}

// playlist is an open playlist.
func (b *bench) playlist(target *Target, key string) *grower {
	b.t.Helper()
	b.ids++
	g := &grower{b: b}
	g.row = state.FileRow{ID: b.ids, Recording: 1000 + b.ids, Format: "hls", Store: target.Config.Name, Object: key + "_eof.m3u8",
		State: state.FileOpen, Started: time.Now(), Detail: state.FileDetail{Live: true, Target: 3, Container: "ts"}}
	must(b.t, b.db.UpdateNow(context.Background(), func(tx *state.Tx) error {
		r := &state.RecordingRow{ID: g.row.Recording, State: state.Finalizing, Plan: []byte("{}")}
		if err := tx.InsertRecording(r); err != nil {
			return err
		}
		return tx.InsertFile(&g.row)
	}))
	return g
}

// piece adds a piece to a playlist as the recorder does: below the key that the
// playlist has now.
func (g *grower) piece(target *Target, seq int) *grower {
	g.b.t.Helper()
	key := keyOf(g.now().Object)
	p := g.b.fileIn(target, fmt.Sprintf("%s/%06d.ts", key, seq))
	p.row.Parent, p.row.Seq, p.row.Format, p.row.Recording, p.row.Duration = g.row.ID, seq, state.FormatTS, g.row.Recording, 2*time.Second
	must(g.b.t, g.b.db.UpdateNow(context.Background(), func(tx *state.Tx) error {
		_, err := tx.Exec(`UPDATE files SET parent=?, seq=?, format=?, recording=? WHERE id=?`, g.row.ID, seq, state.FormatTS, g.row.Recording, p.row.ID)
		return err
	}))
	return p
}

// endList is what the recorder does at the end of a playlist.
func (g *grower) endList() *grower {
	g.b.t.Helper()
	g.row.State, g.row.Ended = state.FileEnded, time.Now()
	must(g.b.t, g.b.db.UpdateNow(context.Background(), func(tx *state.Tx) error { return tx.UpdateFile(&g.row) }))
	g.b.m.Wake()
	return g
}

func (b *bench) file(object string) *grower { return b.fileIn(b.target, object) }

func (b *bench) fileIn(target *Target, object string) *grower {
	b.t.Helper()
	b.ids++
	id := b.ids
	g := &grower{b: b, rnd: rand.NewChaCha8([32]byte{byte(id), byte(id >> 8)})}
	g.row = state.FileRow{ID: id, Recording: 1000 + id, Format: "mp4", Store: target.Config.Name, Object: object, State: state.FileOpen,
		Spool: fmt.Sprintf("grow-%d-mp4", id), Started: time.Now()}
	must(b.t, b.db.UpdateNow(context.Background(), func(tx *state.Tx) error {
		r := &state.RecordingRow{ID: 1000 + id, State: state.Finalizing, Plan: []byte("{}")}
		if err := tx.InsertRecording(r); err != nil {
			return err
		}
		return tx.InsertFile(&g.row)
	}))
	var err error
	room := int64(0)
	if target.Local != nil {
		room = 65536
	}
	g.sp, err = target.Dir.Create(g.row.Spool, spool.Header{Recording: 1000 + id, File: id, Format: "mp4", Store: target.Config.Name,
		Object: object, Room: room})
	must(b.t, err)
	return g
}

// append makes the file n bytes longer.
func (g *grower) append(n int) error {
	data := make([]byte, n)
	_, _ = g.rnd.Read(data)
	rec := fmt.Sprint(n)
	if err := g.sp.Append(mux.Batch{Body: [][]byte{data}, Size: int64(n), Record: []byte(rec)}); err != nil {
		return err
	}
	g.body, g.records = append(g.body, data...), append(g.records, rec)
	g.b.m.Grew(g.row.ID, g.row.Store, int64(len(g.body)))
	return nil
}

func (g *grower) grow(n int) *grower {
	g.b.t.Helper()
	for n > 0 {
		k := min(n, 200_000)
		must(g.b.t, g.append(k))
		n -= k
	}
	return g
}

// end is what the recorder does at the end of a file.
func (g *grower) end() *grower {
	g.b.t.Helper()
	must(g.b.t, g.sp.Close())
	g.row.State, g.row.Ended, g.row.Size = state.FileEnded, time.Now(), int64(len(g.body))
	must(g.b.t, g.b.db.UpdateNow(context.Background(), func(tx *state.Tx) error { return tx.UpdateFile(&g.row) }))
	g.b.m.Wake()
	return g
}

func (g *grower) whole() []byte {
	h, _ := plainFormat{}.Head(nil, func(yield func([]byte, error) bool) {
		for _, r := range g.records {
			if !yield([]byte(r), nil) {
				return
			}
		}
	}, int64(len(g.body)), 0)
	return append(h.Front, g.body...)
}

func (g *grower) now() *state.FileRow {
	g.b.t.Helper()
	f, err := state.FileByID(context.Background(), g.b.db.Reader(), g.row.ID)
	must(g.b.t, err)
	return f
}

// until waits for something to become true.
func (b *bench) until(what string, within time.Duration, ok func() bool) {
	b.t.Helper()
	const busy = 4 // a machine that does other work, with the race detector on
	for end := time.Now().Add(busy * within); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not within %v: %s", within, what)
		}
	}
}

func (b *bench) untilStored(files ...*grower) {
	b.t.Helper()
	b.until(fmt.Sprintf("%d files stored", len(files)), minute, func() bool {
		for _, g := range files {
			if g.now().State != state.FileStored {
				return false
			}
		}
		return true
	})
}

// check proves that the store has these files, whole, each one once, and nothing else.
func (b *bench) check(files ...*grower) {
	b.t.Helper()
	objects := b.server.Objects()
	for _, g := range files {
		f := g.now()
		if f.State != state.FileStored {
			b.t.Errorf("%s is %s: %s", f.Object, f.State, f.Error)
			continue
		}
		b.events.mu.Lock()
		n := b.events.stored[f.ID]
		b.events.mu.Unlock()
		if n != 1 {
			b.t.Errorf("%s: told %d times that it is stored", f.Object, n)
		}
		r, ok := b.server.Open(f.Object)
		if !ok {
			b.t.Errorf("%s is not in the store", f.Object)
			continue
		}
		got, err := io.ReadAll(r)
		must(b.t, err)
		r.Close()
		if sha256.Sum256(got) != sha256.Sum256(g.whole()) {
			b.t.Errorf("%s: %d bytes stored, not the %d that were recorded", f.Object, len(got), len(g.whole()))
		}
		delete(objects, f.Object)
	}
	for key := range objects {
		b.t.Errorf("the store has %s too", key)
	}
	for _, u := range b.server.OpenUploads() {
		b.t.Errorf("an upload was left open: %s", u.Key)
	}
	b.until("the spool is empty", 5*time.Second, func() bool { n, _ := b.dir.Names(); return len(n) == 0 })
	if used := b.dir.Used(); used != 0 {
		b.t.Errorf("the empty spool counts %d bytes", used)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var _ store.Remote = (*cos.Store)(nil)
