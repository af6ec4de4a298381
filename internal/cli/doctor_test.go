package cli

import (
	"os"
	"strings"
	"testing"

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
