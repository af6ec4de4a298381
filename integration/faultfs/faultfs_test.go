package faultfs_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/live-recording/liverecord/integration/faultfs"
	"github.com/live-recording/liverecord/internal/state"
)

func mount(t *testing.T) *faultfs.FS {
	t.Helper()
	dir := t.TempDir()
	return faultfs.New(t, filepath.Join(dir, "mnt"), filepath.Join(dir, "backing"))
}

// operations does each operation once, on files of its own.
var operations = map[faultfs.Op]func(dir string) error{
	faultfs.Lookup:   func(dir string) error { _, err := os.Lstat(dir + "/x.body"); return err },
	faultfs.Getattr:  func(dir string) error { return onFile(dir, func(f *os.File) error { _, err := f.Stat(); return err }) },
	faultfs.Setattr:  func(dir string) error { return os.Chmod(dir+"/x.body", 0o640) },
	faultfs.Truncate: func(dir string) error { return os.Truncate(dir+"/x.body", 5000) },
	faultfs.Open:     func(dir string) error { return onFile(dir, func(*os.File) error { return nil }) },
	faultfs.Create:   func(dir string) error { return os.WriteFile(dir+"/new.body", nil, 0o600) },
	faultfs.Read: func(dir string) error {
		return onFile(dir, func(f *os.File) error { _, err := f.ReadAt(make([]byte, 10), 0); return err })
	},
	faultfs.Write: func(dir string) error {
		return onFile(dir, func(f *os.File) error { _, err := f.WriteAt([]byte("new"), 4); return err })
	},
	faultfs.Flush: func(dir string) error {
		f, err := os.Open(dir + "/x.body")
		if err != nil {
			return err
		}
		return f.Close()
	},
	faultfs.Fsync:    func(dir string) error { return onFile(dir, (*os.File).Sync) },
	faultfs.Fsyncdir: syncDir,
	faultfs.Fallocate: func(dir string) error {
		return onFile(dir, func(f *os.File) error { return unix.Fallocate(int(f.Fd()), 0, 0, 1<<16) })
	},
	faultfs.Punch: func(dir string) error {
		return onFile(dir, func(f *os.File) error {
			return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4096)
		})
	},
	faultfs.Rename:  func(dir string) error { return os.Rename(dir+"/x.body", dir+"/y.body") },
	faultfs.Unlink:  func(dir string) error { return os.Remove(dir + "/x.body") },
	faultfs.Link:    func(dir string) error { return os.Link(dir+"/x.body", dir+"/y.body") },
	faultfs.Mkdir:   func(dir string) error { return os.Mkdir(dir+"/d.body", 0o700) },
	faultfs.Rmdir:   func(dir string) error { return syscall.Rmdir(dir + "/sub.body") },
	faultfs.Opendir: func(dir string) error { _, err := os.ReadDir(dir + "/sub.body"); return err },
	faultfs.Readdir: func(dir string) error { _, err := os.ReadDir(dir + "/sub.body"); return err },
	faultfs.Statfs:  func(dir string) error { return unix.Statfs(dir+"/x.body", new(unix.Statfs_t)) },
	faultfs.Lseek: func(dir string) error {
		return onFile(dir, func(f *os.File) error { _, err := f.Seek(0, unix.SEEK_DATA); return err })
	},
}

func onFile(dir string, do func(f *os.File) error) error {
	f, err := os.OpenFile(dir+"/x.body", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f)
}

func syncDir(dir string) error {
	d, err := os.Open(dir + "/sub.body")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// prepare makes the files that the operations need.
func prepare(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir+"/sub.body", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/x.body", bytes.Repeat([]byte("media"), 4000), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Each operation passes, fails with each error where it is named and only
// there, and hangs until it is released.
func TestOperations(t *testing.T) {
	if len(operations) != len(faultfs.Ops()) {
		t.Errorf("%d operations are tried of %d", len(operations), len(faultfs.Ops()))
	}
	for _, op := range faultfs.Ops() {
		t.Run(string(op), func(t *testing.T) {
			f := mount(t)
			prepare(t, f.Backing())
			do := func() error { return operations[op](f.Dir()) }
			f.Fail(op, "*.idx", syscall.EIO)
			for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
				x := f.Fail(op, "*.body", errno).Times(1)
				if err := do(); !errors.Is(err, errno) {
					t.Errorf("%v, want %v", err, errno)
				}
				if x.Hits() != 1 {
					t.Errorf("%d hits", x.Hits())
				}
			}
			x := f.HangFault(op, "*.body")
			done := make(chan error, 1)
			go func() { done <- do() }()
			wait(t, func() bool { return x.Waiting() == 1 })
			select {
			case err := <-done:
				t.Fatalf("it did not hang: %v", err)
			default:
			}
			x.Remove()
			if err := <-done; err != nil {
				t.Errorf("after the release: %v", err)
			}
			if f.Trace()[faultfs.Call{Op: op, Kind: ".body"}] == 0 {
				t.Errorf("not traced: %v", f.Trace())
			}
		})
	}
}

func wait(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

func TestSkipAndTimes(t *testing.T) {
	f := mount(t)
	prepare(t, f.Backing())
	f.Fail(faultfs.Write, "*", syscall.ENOSPC).Skip(2).Times(1)
	var called atomic.Int32
	f.Call(faultfs.Write, "x.body", func() { called.Add(1) })
	var got []bool
	for range 4 {
		got = append(got, operations[faultfs.Write](f.Dir()) == nil)
	}
	if want := []bool{true, true, false, true}; !equal(got, want) || called.Load() != 1 {
		t.Errorf("%v, want %v; called %d times", got, want, called.Load())
	}
}

func equal(a, b []bool) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// A file system goes away although operations hang in it and files are open,
// also those of another process.
func TestCloseWhileItHangs(t *testing.T) {
	f := mount(t)
	prepare(t, f.Backing())
	x := f.HangFault(faultfs.Read, "*")
	cat := exec.Command("cat", filepath.Join(f.Dir(), "x.body"))
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(f.Dir() + "/sub.body")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	wait(t, func() bool { return x.Waiting() == 1 })
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	_ = cat.Wait()
	if _, err := os.Stat(f.Dir() + "/x.body"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still mounted: %v", err)
	}
}

// The state works on it: SQLite with its locks and its WAL.
func TestState(t *testing.T) {
	f := mount(t)
	for range 2 {
		db, err := state.Open(filepath.Join(f.Dir(), "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if f.Trace()[faultfs.Call{Op: faultfs.Fsync, Kind: ".db-wal"}]+f.Trace()[faultfs.Call{Op: faultfs.Fsync, Kind: ".db"}] == 0 {
		t.Errorf("no sync was seen: %v", f.Trace())
	}
}
