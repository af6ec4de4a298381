//go:build torture

package torture

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/faultfs"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/state"
)

// The disk of one store hangs in one system call after the other, and publishers
// come and go on all paths meanwhile: a viewer of another path gets every picture,
// what goes to the other disk is stored whole, and the server ends in time while
// the disk still hangs.
func TestHungDisk(t *testing.T) {
	scenario(t)
	dir := t.TempDir()
	fs := faultfs.New(t, filepath.Join(dir, "disk"), filepath.Join(dir, "behind"))
	s := lab.Start(t, lab.Options{Dir: dir, Release: *server, API: true, Recording: "defaultStore: slow\n" + diskRules,
		Stores: "  slow: {type: local, dir: disk/recordings}\n"})
	b := publish(t, s, "other/b", 2<<10)
	s.WaitLog(t, "[recorder] recording ", "path=other/b")
	v := watch(t, s, "other/b")
	for i, op := range []faultfs.Op{faultfs.Statfs, faultfs.Open, faultfs.Create, faultfs.Write, faultfs.Fsync, faultfs.Rename,
		faultfs.Readdir, faultfs.Mkdir, faultfs.Any} {
		mark := s.Mark()
		a := publish(t, s, fmt.Sprintf("live/a%d", i), 2<<10)
		s.WaitLogAfter(t, mark, "[recorder] recording ", fmt.Sprintf("path=live/a%d", i))
		release := fs.Hang(op, "*")
		time.Sleep(time.Second)
		c := publish(t, s, fmt.Sprintf("live/c%d", i), 2<<10)
		s.WaitLogAfter(t, mark, fmt.Sprintf("live/c%d", i), "is publishing") // Online has returned
		a.stop()                                                             // and so does Offline
		c.stop()
		s.WaitLogAfter(t, mark, "destroyed")
		if op == faultfs.Any {
			break
		}
		release()
	}
	b.stop()
	v.check(t, b)
	s.WaitLog(t, "the recording has ended", "path=other/b")
	begun := time.Now()
	ended := make(chan struct{})
	go func() { defer close(ended); s.Stop(t) }()
	s.WaitLog(t, "recordings are left to the next start")
	t.Logf("said after %v", time.Since(begun).Round(time.Millisecond))
	fs.Clear() // threads in the call keep the process from dying
	<-ended
	s.Run(t)
	waitSettled(t, s, 60*time.Second)
	s.Stop(t)
	bk := openBook(t, s)
	found := bk.marksOf(t, "other/b", func(f *state.FileRow) string { return s.Path(f.Object) })
	if holes, missing := gaps(t, found, len(b.sessions[0].sent)); missing > 0 {
		t.Errorf("other/b: %d pictures are missing in %d holes", missing, holes)
	}
	for _, f := range bk.files {
		if f.State != state.FileStored {
			t.Errorf("%s is %s: %s", f.Object, f.State, f.Error)
		}
	}
}
