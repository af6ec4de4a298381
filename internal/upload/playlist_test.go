package upload

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// The job of the last piece may come to the growing playlist only when another
// job has finished it: the finished content must stay.
func TestLatePieceLeavesTheFinishedList(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	ctx := context.Background()
	list := state.FileRow{ID: 1, Recording: 9, Format: "hls", Store: "local", Object: "k_eof.m3u8", State: state.FileStored,
		Started: time.Now(), Detail: state.FileDetail{Live: true, Target: 3, Container: string(hls.TS)}}
	piece := state.FileRow{ID: 2, Recording: 9, Parent: 1, Format: state.FormatTS, Store: "local", Object: "k/000000.ts",
		State: state.FileStored, Started: time.Now(), Duration: 2 * time.Second}
	must(t, b.db.UpdateNow(ctx, func(tx *state.Tx) error {
		r := &state.RecordingRow{ID: 9, State: state.Finalizing, Plan: []byte("{}")}
		if err := tx.InsertRecording(r); err != nil {
			return err
		}
		if err := tx.InsertFile(&list); err != nil {
			return err
		}
		return tx.InsertFile(&piece)
	}))
	want := []byte("#EXTM3U\n#EXT-X-ENDLIST\n")
	_, err := b.local.Local.Put(ctx, store.Object{Key: "k.m3u8"}, bytes.NewReader(want), int64(len(want)))
	must(t, err)

	must(t, b.m.list(ctx, b.local, list.ID))
	f, err := os.Open(filepath.Join(b.path, "recordings", "k.m3u8"))
	must(t, err)
	defer f.Close()
	got, err := io.ReadAll(f)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("the finished playlist was overwritten:\n%s", got)
	}
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if len(b.m.lists) != 0 {
		t.Errorf("%d playlists are remembered", len(b.m.lists))
	}
}
