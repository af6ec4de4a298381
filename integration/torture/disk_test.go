package torture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/state"
)

// needRoot skips what only root can set up.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// mountTmpfs mounts an empty file system of that size.
func mountTmpfs(t *testing.T, dir, size string) {
	t.Helper()
	needRoot(t)
	run(t, "mkdir", "-p", dir)
	run(t, "mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
}

// mountExt4 mounts an ext4 in a file below a folder.
func mountExt4(t *testing.T, dir, size, below string) {
	t.Helper()
	needRoot(t)
	image := filepath.Join(below, "disk.img")
	run(t, "mkdir", "-p", dir)
	run(t, "truncate", "-s", size, image)
	run(t, "mkfs.ext4", "-q", "-O", "^has_journal", image) // with one, an error makes the kernel mount it read-only
	run(t, "mount", "-o", "loop", image, dir)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
}

// freeze stops a file system for a time: whoever writes or syncs hangs, as with
// a disk that does not answer.
func freeze(t *testing.T, dir string, d time.Duration) {
	t.Helper()
	run(t, "fsfreeze", "-f", dir)
	thaw := func() { _ = exec.Command("fsfreeze", "-u", dir).Run() }
	t.Cleanup(thaw)
	time.Sleep(d)
	thaw()
}

const diskRules = `templates: {a: {mp4: {interval: 10s}}, b: {flv: {store: local, interval: 10s}}}
rules: [{app: live, template: a}, {app: other, template: b}]
`

// ends stops the publishers, waits for the drain and reads the state.
func ends(t *testing.T, s *lab.Server, pubs ...*publisher) *book {
	t.Helper()
	for _, p := range pubs {
		p.stop()
	}
	waitSettled(t, s, 60*time.Second)
	s.Stop(t)
	return openBook(t, s)
}

// marksOf reads the pictures of a stream's stored files, which must be whole.
func (b *book) marksOf(t *testing.T, path string, place func(*state.FileRow) string) (found []mark) {
	t.Helper()
	for _, f := range b.files {
		if b.recordings[f.Recording].Path != path {
			continue
		}
		if f.State != state.FileStored {
			t.Errorf("%s is %s: %s", f.Object, f.State, f.Error)
			continue
		}
		silent(t, place(f))
		found = append(found, marks(t, place(f))...)
	}
	return found
}

// gaps checks that marks ascend, and counts the holes and what fell into them.
func gaps(t *testing.T, found []mark, published int) (holes, missing int) {
	t.Helper()
	next := 0
	for _, m := range found {
		if m.picture < next {
			t.Errorf("picture %d is stored twice or out of order", m.picture)
		}
		if m.picture > next {
			holes++
			missing += m.picture - next
		}
		next = m.picture + 1
	}
	return holes, missing + published - next
}

// The disk of the recordings fills up: files so far are whole, viewers notice
// nothing, log and event say it, and recording resumes when there is room.
func TestDiskFull(t *testing.T) {
	scenario(t)
	needRoot(t)
	dir := t.TempDir()
	disk := filepath.Join(dir, "data")
	mountTmpfs(t, disk, "36m")
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 14<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	r := receive(t, random(5), 0)
	s := lab.Start(t, lab.Options{Dir: dir, Release: *server, Recording: diskRules +
		fmt.Sprintf("callbacks: [{url: %q, key: secret, events: [file, status, abnormal]}]\n", r.url)})
	p := publish(t, s, "live/a", 24<<10)
	s.WaitLog(t, "[recorder] recording ", "path=live/a")
	v := watch(t, s, "live/a")
	line := s.WaitLog(t, "recording failed", "path=live/a", "disk is nearly full")
	time.Sleep(4 * time.Second)
	full := len(s.Files(t))
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	mark := s.Mark()
	resumed := time.Now()
	s.WaitLogAfter(t, mark, "recording resumed", "path=live/a")
	took := time.Since(resumed)
	time.Sleep(3 * time.Second)
	r.waitAbnormal(t, "nearly full")
	p.stop()
	v.check(t, p)
	b := ends(t, s, p)
	found := b.marksOf(t, "live/a", func(f *state.FileRow) string { return s.Path(f.Object) })
	holes, missing := gaps(t, found, len(p.sessions[0].sent))
	if holes != 1 {
		t.Errorf("%d holes in the recording", holes)
	}
	t.Logf("the log: %s", line.Text)
	t.Logf("%d files were stored while the disk was full; recording again %.1f s after there was room; %d pictures stored, %d missing in one hole",
		full, took.Seconds(), len(found), missing)
}

// A disk hangs for 20 s (12 s in a short run): viewers get every picture, a stream on another disk is
// stored meanwhile, and nothing is missing afterwards.
func TestStalledDisk(t *testing.T) {
	scenario(t)
	for _, all := range []bool{false, true} {
		name := "of one store"
		if all {
			name = "of everything"
		}
		t.Run(name, func(t *testing.T) {
			scenario(t)
			stall(t, all)
		})
	}
}

func stall(t *testing.T, all bool) {
	needRoot(t)
	dir := t.TempDir()
	disk, store := filepath.Join(dir, "disk"), "disk/recordings"
	if all {
		disk, store = filepath.Join(dir, "data"), "data/stalled"
	}
	mountExt4(t, disk, "256M", t.TempDir())
	s := lab.Start(t, lab.Options{Dir: dir, Release: *server, Recording: "defaultStore: slow\n" + diskRules,
		Stores: fmt.Sprintf("  slow: {type: local, dir: %s}\n", store)})
	a, b := publish(t, s, "live/a", 20<<10), publish(t, s, "other/b", 2<<10)
	s.WaitLog(t, "[recorder] recording ", "path=live/a")
	s.WaitLog(t, "[recorder] recording ", "path=other/b")
	v, w := watch(t, s, "live/a"), watch(t, s, "other/b")
	time.Sleep(5 * time.Second)
	before := len(s.Files(t))
	freeze(t, disk, pick(12*time.Second, 20*time.Second))
	meanwhile := len(s.Files(t)) - before
	time.Sleep(5 * time.Second)
	for _, p := range []*publisher{a, b} {
		p.stop()
	}
	v.check(t, a)
	w.check(t, b)
	bk := ends(t, s, a, b)
	for _, p := range []*publisher{a, b} {
		found := bk.marksOf(t, p.path, func(f *state.FileRow) string {
			if f.Store == "slow" {
				return filepath.Join(dir, store, f.Object)
			}
			return s.Path(f.Object)
		})
		holes, missing := gaps(t, found, len(p.sessions[0].sent))
		if missing > 0 {
			t.Errorf("%s: %d pictures are missing in %d holes", p.path, missing, holes)
		}
		t.Logf("%s: %d pictures stored, %d missing", p.path, len(found), missing)
	}
	if !all && meanwhile == 0 {
		t.Errorf("nothing of the other stream was stored while the disk hung")
	}
	t.Logf("%d files of the other store were stored while the disk hung", meanwhile)
}

// A disk refuses to write (I/O errors), and is well again later: viewers get every
// picture, the stream on another disk is not touched, log and event say which
// stream is not recorded, and it is again by itself. The file that was open then
// may be lost, which is told.
func TestDiskErrors(t *testing.T) {
	scenario(t)
	dir := t.TempDir()
	disk, below := filepath.Join(dir, "disk"), t.TempDir()
	mountTmpfs(t, below, "14m") // of 256 MB that the disk says to have: behind them there is nothing
	mountExt4(t, disk, "256M", below)
	r := receive(t, random(8), 0)
	s := lab.Start(t, lab.Options{Dir: dir, Release: *server, Recording: "defaultStore: sick\n" + diskRules +
		fmt.Sprintf("callbacks: [{url: %q, key: secret, events: [file, status, abnormal]}]\n", r.url),
		Stores: "  sick: {type: local, dir: disk/recordings}\n"})
	a, b := publish(t, s, "live/a", 24<<10), publish(t, s, "other/b", 2<<10)
	s.WaitLog(t, "[recorder] recording ", "path=live/a")
	s.WaitLog(t, "[recorder] recording ", "path=other/b")
	v, w := watch(t, s, "live/a"), watch(t, s, "other/b")
	line := s.WaitLog(t, "recording failed", "path=live/a", "sync:")
	time.Sleep(pick(4*time.Second, 20*time.Second))
	before, well := s.Mark(), time.Now()
	run(t, "mount", "-o", "remount,size=300m", below)
	s.WaitLogAfter(t, before, "recording resumed", "path=live/a")
	took := time.Since(well)
	time.Sleep(5 * time.Second)
	r.waitAbnormal(t, "sync:")
	a.stop()
	b.stop()
	v.check(t, a)
	w.check(t, b)
	bk := ends(t, s, a, b)
	lost := 0
	bk.files = slices.DeleteFunc(bk.files, func(f *state.FileRow) bool {
		if f.State != state.FileLost {
			return false
		}
		lost++
		s.WaitLog(t, "ERR", "lost", f.Object)
		return true
	})
	if lost > 2 { // one that was open, and one that had just ended
		t.Errorf("%d files were lost", lost)
	}
	stored := func(p *publisher) []mark {
		return bk.marksOf(t, p.path, func(f *state.FileRow) string {
			if f.Store == "sick" {
				return filepath.Join(disk, "recordings", f.Object)
			}
			return s.Path(f.Object)
		})
	}
	if _, missing := gaps(t, stored(b), len(b.sessions[0].sent)); missing > 0 {
		t.Errorf("%d pictures of the other stream are missing", missing)
	}
	dropCaches(t) // what is only in memory does not count
	found := stored(a)
	holes, missing := gaps(t, found, len(a.sessions[0].sent))
	t.Logf("the log: %s", line.Text)
	t.Logf("recording again %.1f s after the disk was well; %d pictures stored, %d missing in %d holes; %d files lost",
		took.Seconds(), len(found), missing, holes, lost)
}

// dropCaches makes the kernel read files from their disks.
func dropCaches(t *testing.T) {
	t.Helper()
	run(t, "sync")
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		t.Fatal(err)
	}
}

// The spool reaches its limit because the store is away, then drains: recording
// pauses, says so, and resumes by itself.
func TestSpoolFull(t *testing.T) {
	scenario(t)
	r := receive(t, random(6), 0)
	h := newHouse(t, cosserver.Options{PublicRead: true}, "templates: {a: {mp4: {interval: 10s}}}\nrules: [{template: a}]\n"+
		fmt.Sprintf("callbacks: [{url: %q, key: secret, events: [file, status, abnormal]}]\n", r.url))
	h.spool = "minFree: 1MB, maxSize: 16MB"
	h.open()
	h.cos.SetOutage(true)
	f := h.feed("live/a", 0, 24<<10)
	for len(h.lines("recording failed", "spool is full")) == 0 && f.played < 2*time.Minute {
		f.play(time.Second, 4)
	}
	said := h.lines("recording failed", "spool is full")
	if len(said) != 1 {
		t.Fatalf("the log says %d times that the spool is full", len(said))
	}
	f.play(8*time.Second, 4)
	h.cos.SetOutage(false)
	mended := time.Now()
	for len(h.lines("recording resumed")) == 0 && time.Since(mended) < 30*time.Second {
		f.play(time.Second, 1)
	}
	took := time.Since(mended)
	f.play(4*time.Second, 4)
	f.Offline("")
	until(t, "all files to be stored", 60*time.Second, func() bool {
		time.Sleep(100 * time.Millisecond)
		return h.count(state.FileStored) == len(h.files())
	})
	var found []mark
	for _, x := range h.files() {
		silent(t, h.place(x))
		found = append(found, marks(t, h.place(x))...)
	}
	holes, missing := gaps(t, found, f.next)
	if holes != 1 || took > 30*time.Second {
		t.Errorf("%d holes, recording again after %s", holes, took)
	}
	r.waitAbnormal(t, "spool is full")
	t.Logf("the log: %s", said[0])
	t.Logf("recording again %.1f s after the store was back; %d files, %d pictures stored, %d missing in one hole", took.Seconds(), len(h.files()), len(found), missing)
}

// The spool's folder turns read-only: the file that is open goes on, the next
// one can't begin; it does as soon as the folder is writable again.
func TestReadOnlySpool(t *testing.T) {
	scenario(t)
	needRoot(t)
	h := newHouse(t, cosserver.Options{PublicRead: true}, "templates: {a: {mp4: {interval: 10s}}}\nrules: [{template: a}]\n")
	h.open()
	writable := func(on bool) {
		run(t, "chattr", map[bool]string{true: "-i", false: "+i"}[on], h.file("spool"))
	}
	t.Cleanup(func() { writable(true) })
	f := h.feed("live/a", 0, 4<<10)
	f.play(5*time.Second, 4)
	writable(false)
	f.play(12*time.Second, 4) // past the cut
	said := h.lines("recording failed", "live/a")
	if len(said) != 1 {
		t.Errorf("the log says %d times that it can't go on", len(said))
	}
	writable(true)
	mended := time.Now()
	for len(h.lines("recording resumed")) == 0 && time.Since(mended) < 15*time.Second {
		f.play(time.Second, 1)
	}
	took := time.Since(mended)
	f.play(4*time.Second, 4)
	f.Offline("")
	h.untilStored(2, 30*time.Second)
	var found []mark
	for _, x := range h.files() {
		silent(t, h.place(x))
		found = append(found, marks(t, h.place(x))...)
	}
	holes, missing := gaps(t, found, f.next)
	if holes != 1 {
		t.Errorf("%d holes", holes)
	}
	t.Logf("the log: %s", strings.Join(said, "\n"))
	t.Logf("recording again %.1f s after the folder was writable; %d pictures stored, %d missing in one hole", took.Seconds(), len(found), missing)
}
