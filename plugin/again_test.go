package plugin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/faultfs"
	"github.com/live-recording/liverecord/internal/state"
)

// killed records into both stores, and returns a copy of what a kill leaves, with its
// spool on a disk that a test can make fail. Nothing is started there.
func killed(t *testing.T) (c *bench, disk *faultfs.FS) {
	t.Helper()
	text := "defaultStore: cos\ntemplates: {t: {mp4: {}, aac: {}, hls: {segment: 2s}}}\nrules: [{template: t}]\n"
	b := start(t, text)
	s := b.online("live/x", small(t))
	s.Rounds(0, 2)
	time.Sleep(1500 * time.Millisecond) // all is in the spool
	c = b.copied()
	c.write(text)
	behind := filepath.Join(c.dir, "behind")
	must(t, os.Rename(filepath.Join(c.dir, "spool"), behind))
	disk = faultfs.New(t, filepath.Join(c.dir, "spool"), behind)
	t.Cleanup(c.close) // before the disk goes
	b.discard(s)
	c.cos.SetOutage(false)
	return c, disk
}

// The disk can't read, or not write, when the server starts, and can a little later:
// what was recorded is stored without a restart.
func TestUnreadableAtTheStartIsTakenUpLater(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		op      faultfs.Op
		pattern string
		errno   syscall.Errno
	}{
		{faultfs.Read, "*.idx", syscall.EIO},
		{faultfs.Open, "*.idx", syscall.EIO},
		{faultfs.Read, "*.body", syscall.EIO},
		{faultfs.Open, "*.body", syscall.EACCES},
	} {
		t.Run(string(fault.op)+" "+fault.pattern, func(t *testing.T) {
			t.Parallel()
			c, disk := killed(t)
			f := disk.Fail(fault.op, fault.pattern, fault.errno)
			c.open()
			c.until("it is retried", 10*time.Second, func() bool { return strings.Contains(c.text(), "can't be taken up now, will be retried") })
			f.Remove()
			for _, f := range c.stored(3) {
				decodes(t, c.fetchWithPieces(f))
			}
			c.until("the recording is done", 10*time.Second, func() bool { return c.recordings()[0].State == state.Done })
			if n := c.p.house.places.spool.AsideCount(); n != 0 {
				t.Errorf("%d files were set aside", n)
			}
		})
	}
}

// A file was set aside, and the power failed before its row said so: the next start
// says where it is.
func TestSetAsideBeforeItsRow(t *testing.T) {
	t.Parallel()
	c, _ := killed(t)
	names, err := filepath.Glob(filepath.Join(c.dir, "spool", "*-aac.body"))
	must(t, err)
	if len(names) != 1 {
		t.Fatal(names)
	}
	must(t, os.Rename(names[0], names[0]+".bad"))
	c.open()
	c.until("the file is lost", 10*time.Second, func() bool {
		files, err := state.Files(context.Background(), c.p.house.db.Reader(), "WHERE state='lost'")
		must(t, err)
		return len(files) == 1 && strings.Contains(files[0].Error, filepath.Base(names[0])+".bad")
	})
}

// A recording was about to end when the power failed, and of its files nothing is
// left: it is done, not waited for.
func TestFinalizingWithoutFilesIsDone(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{true, false} {
		c, _ := killed(t)
		must(t, os.RemoveAll(filepath.Join(c.dir, "behind")))
		must(t, os.Mkdir(filepath.Join(c.dir, "behind"), 0o700))
		db, err := state.Open(filepath.Join(c.dir, "state.db"))
		must(t, err)
		must(t, db.UpdateNow(context.Background(), func(tx *state.Tx) error {
			_, err := tx.Exec(`UPDATE recordings SET state='finalizing'`)
			if err == nil && !open {
				_, err = tx.Exec(`DELETE FROM files`)
			}
			return err
		}))
		must(t, db.Close())
		c.open()
		c.until("the recording is done", 10*time.Second, func() bool { return c.recordings()[0].State == state.Done })
	}
}
