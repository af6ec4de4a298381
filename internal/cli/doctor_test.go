package cli

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/lockfile"
	"github.com/live-recording/liverecord/internal/state"
)

// doctor shows whose a folder is that our server can't use, and a state that was
// broken and set aside.
func TestDoctorLocksAndBrokenState(t *testing.T) {
	d := newDesk(t, small)
	for _, dir := range []string{"data/spool", "data/recordings/.liverecord"} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := lockfile.Acquire(dir+"/server.lock", "mediamtx, pid 7")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Release()
	}
	d.write("data/state.db.broken-20261126T101755Z", "garbage")
	status, out, errs := d.run("doctor")
	if n := strings.Count(out, "is in use by mediamtx, pid 7"); status != bad || n == 0 || !strings.Contains(out, "state.db.broken-20261126T101755Z was broken") {
		t.Errorf("status %d, %d folders in use:\n%s%s", status, n, out, errs)
	}
	ours, err := state.AcquireLock("data/state.db", "mediamtx, pid 7")
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Release()
	if _, out, _ = d.run("doctor"); strings.Contains(out, "which works with another state") {
		t.Errorf("our own server is taken for another:\n%s", out)
	}
}

// doctor names what was lost, with the reason, and what a repair left out.
func TestDoctorTellsLosses(t *testing.T) {
	d := newDesk(t, small)
	db, err := state.Open("data/state.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	row := func(id int64, object string, s state.FileState, at time.Time) *state.FileRow {
		return &state.FileRow{ID: id, Recording: 1, Format: "mp4", Store: "local", Object: object, State: s, Started: at}
	}
	gone := row(1, "gone.mp4", state.FileLost, noon.Add(-time.Hour))
	gone.Error = "its bytes are nowhere"
	old := row(2, "old.mp4", state.FileLost, noon.Add(-30*24*time.Hour))
	old.Error = "long ago"
	part := row(3, "part.mp4", state.FileStored, noon.Add(-time.Hour))
	part.Detail.Damaged, part.Detail.Cut = 2048, 7
	err = db.UpdateNow(t.Context(), func(tx *state.Tx) error {
		err := tx.InsertRecording(&state.RecordingRow{ID: 1, State: state.Done, Plan: []byte("{}")})
		for _, f := range []*state.FileRow{gone, old, part, row(4, "whole.mp4", state.FileStored, noon)} {
			err = errors.Join(err, tx.InsertFile(f))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	status, out, errs := d.run("doctor")
	if status != bad || strings.Contains(out, "whole.mp4") {
		t.Errorf("status %d", status)
	}
	for mark, text := range map[string]string{"BAD": "gone.mp4 of store local: its bytes are nowhere", "ok": "old.mp4 of store local: long ago"} {
		if !slices.ContainsFunc(strings.Split(out, "\n"), func(l string) bool { return strings.HasPrefix(l, mark+" ") && strings.Contains(l, text) }) {
			t.Errorf("%s %q is missing:\n%s%s", mark, text, out, errs)
		}
	}
	if !strings.Contains(out, "part.mp4 of store local") || !strings.Contains(out, "damaged within, 7 B torn off") {
		t.Errorf("nothing of part.mp4:\n%s", out)
	}
}
