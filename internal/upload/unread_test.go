package upload

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store/local"
)

// A file was put into place, the power failed, and a byte of it rotted before its row
// was written: the object is not changed, and counts as stored.
func TestObjectInPlaceIsNotRepaired(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.halt()
	g := b.fileIn(b.local, "mine.mp4").grow(3 * mib).end()
	_, err := b.local.Local.Finish(context.Background(), local.Finish{Name: growName(&g.row), Key: g.row.Object, Room: 65536, Body: g.row.Size,
		Head: func(room int64) ([]byte, []byte, error) {
			h, err := plainFormat{}.Head(nil, b.local.Dir.Records(g.row.Spool), g.row.Size, room)
			return h.Front, h.Back, err
		}})
	must(t, err)
	object := filepath.Join(b.local.Local.Dir(), "mine.mp4")
	before, err := os.ReadFile(object)
	must(t, err)
	before[len(before)/2] ^= 1
	must(t, os.WriteFile(object, before, 0o600))
	b.local.Dir, err = spool.Open(b.local.Local.GrowDir(), 0, 0, nil) // a start: nothing was read yet
	must(t, err)
	t.Cleanup(func() { b.local.Dir.Close() })
	b.run()
	b.untilStored(g)
	after, err := os.ReadFile(object)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the object was changed")
	}
	if f := g.now(); f.Object != "mine.mp4" {
		t.Errorf("it is stored as %s", f.Object)
	}
}

// The state can't be written when a file is given up: the path of what was set aside
// is in its row all the same.
func TestLostRowNamesThePath(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.halt()
	g := b.file("bad.mp4").grow(1000).end()
	must(t, os.WriteFile(filepath.Join(b.dir.Path(), g.row.Spool+".idx"), bytes.Repeat([]byte{0xa5}, 500), 0o600))
	exec := func(sql string) {
		must(t, b.db.UpdateNow(context.Background(), func(tx *state.Tx) error { _, err := tx.Exec(sql); return err }))
	}
	exec(`CREATE TRIGGER full BEFORE UPDATE ON files BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	b.run()
	aside := filepath.Join(b.dir.Path(), g.row.Spool+".body.bad")
	b.until("it is set aside", minute, func() bool { _, err := os.Stat(aside); return err == nil })
	exec(`DROP TRIGGER full`)
	b.untilState(g, state.FileLost)
	if f := g.now(); !strings.Contains(f.Error, aside) {
		t.Errorf("the row says %q", f.Error)
	}
}

// A file that the disk can't read is tried for a while, then given up.
func TestUnreadablePatience(t *testing.T) {
	m := New(Options{})
	f := &state.FileRow{ID: 1}
	eio := &os.PathError{Op: "read", Path: "x", Err: syscall.EIO}
	for range 2 * unreadTimes {
		if err := m.readable(f, eio); strings.Contains(err.Error(), "understood") {
			t.Fatal("given up at once")
		}
	}
	m.patience = -time.Second
	if err := m.readable(f, nil); err != nil {
		t.Fatal(err)
	}
	for n := range unreadTimes {
		err := m.readable(f, eio)
		if bad := strings.Contains(err.Error(), "understood"); bad != (n == unreadTimes-1) {
			t.Errorf("attempt %d: %v", n+1, err)
		}
	}
}
