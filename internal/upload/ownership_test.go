package upload

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// The journal is gone, and something lies under the key: it is not ours, so the
// file is lost, and `keep` does not delete what we never wrote.
func TestForeignObjectIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.halt()
	g := b.fileIn(b.local, "mine.mp4")
	g.row.Detail.Keep = 1
	g.grow(1000).end()
	must(t, b.local.Dir.Remove(g.row.Spool))
	b.foreign(b.local, "mine.mp4")
	b.run()
	b.untilState(g, state.FileLost)
	if got := b.content(b.local, "mine.mp4"); got != "not ours" {
		t.Errorf("the foreign file is %q", got)
	}
}

// The journal is there, body and object were deleted or replaced by somebody.
func TestBodyIsGone(t *testing.T) {
	t.Parallel()
	for _, foreign := range []bool{false, true} {
		b := newBench(t, benchOptions{})
		b.halt()
		g := b.fileIn(b.local, "mine.mp4").grow(1000).end()
		must(t, os.Remove(b.local.Dir.BodyPath(g.row.Spool)))
		if foreign {
			b.foreign(b.local, "mine.mp4")
		}
		b.run()
		b.untilState(g, state.FileLost)
		if got := b.content(b.local, "mine.mp4"); foreign && got != "not ours" {
			t.Errorf("the foreign file is %q", got)
		}
	}
}

// `keep` deletes what we stored, and nothing that came in its place.
func TestKeepDeletesOnlyOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	var files []*grower
	for i := range 3 {
		g := b.fileIn(b.local, fmt.Sprintf("kept%d.mp4", i))
		g.row.Detail.Keep = int64(time.Hour)
		files = append(files, g.grow(500_000).end())
	}
	list := b.playlist(b.local, "list")
	list.row.Detail.Keep = int64(time.Hour)
	b.untilState(list.piece(b.local, 0).grow(1000).end(), state.FileStored)
	files = append(files, list.endList())
	b.untilStored(files...)
	dir := b.local.Local.Dir()
	must(t, os.WriteFile(filepath.Join(dir, "kept1.mp4"), []byte("shorter"), 0o600))
	edited := []byte(b.content(b.local, "kept2.mp4"))
	edited[10] ^= 1
	must(t, os.WriteFile(filepath.Join(dir, "kept2.mp4"), edited, 0o600))
	must(t, b.db.UpdateNow(t.Context(), func(tx *state.Tx) error {
		_, err := tx.Exec(`UPDATE files SET expires=1 WHERE expires>0`)
		return err
	}))
	b.m.Wake()
	for _, g := range files {
		b.untilState(g, state.FileExpired)
	}
	for key, there := range map[string]bool{"kept0.mp4": false, "kept1.mp4": true, "kept2.mp4": true,
		"list.m3u8": false, "list_eof.m3u8": false, "list": false} {
		if _, err := os.Lstat(filepath.Join(dir, key)); (err == nil) != there {
			t.Errorf("%s: there %v, expected %v", key, err == nil, there)
		}
	}
}
