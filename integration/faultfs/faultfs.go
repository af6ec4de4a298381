package faultfs

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// T is what the package needs of a *testing.T.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
	Cleanup(f func())
}

// Optional is the environment variable that allows tests to be skipped on
// machines that can't serve file systems.
const Optional = "LIVERECORD_NO_FAULT_DISKS"

// Missing names what the machine lacks to serve a file system; nil if nothing.
func Missing() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("root (mounting needs it)"))
	}
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		errs = append(errs, fmt.Errorf("/dev/fuse (%w)", err))
	} else {
		f.Close()
	}
	return errors.Join(errs...)
}

// Need fails the test with what is missing. With the environment variable
// Optional it skips instead: whoever sets it knows that nothing is shown there.
func Need(t T, missing error) {
	t.Helper()
	if missing == nil {
		return
	}
	if os.Getenv(Optional) != "" {
		t.Skipf("this machine lacks: %v (%s is set)", missing, Optional)
	}
	t.Fatalf("this machine lacks: %v; set %s=1 to leave these tests out", missing, Optional)
}

// FS is a mounted file system. Safe for concurrent use.
type FS struct {
	dir, backing string
	server       *fuse.Server

	mu     sync.Mutex
	faults []*Fault
	trace  map[Call]int
	kind   func(path string) string
	closed bool
}

// New mounts backing at dir (made if it does not exist) until the test ends.
func New(t T, dir, backing string) *FS {
	t.Helper()
	Need(t, Missing())
	f, err := Mount(dir, backing)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Fatalf("%v", err)
		}
	})
	return f
}

// Mount mounts backing at dir. Both are made if they do not exist. The caller
// closes it.
func Mount(dir, backing string) (*FS, error) {
	for _, d := range []string{dir, backing} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, err
		}
	}
	root, err := fs.NewLoopbackRoot(backing)
	if err != nil {
		return nil, err
	}
	f := &FS{dir: dir, backing: backing, trace: map[Call]int{}, kind: filepath.Ext}
	o := &fs.Options{MountOptions: fuse.MountOptions{
		DirectMountStrict: true, DisableXAttrs: true, FsName: "faultfs", Name: "faultfs", MaxWrite: 1 << 20,
		Logger: log.New(io.Discard, "", 0), // it complains of answers that nobody waits for

	}}
	f.server, err = fs.Mount(dir, &node{LoopbackNode: root.(*fs.LoopbackNode), fs: f}, o)
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", dir, err)
	}
	return f, nil
}

// Dir is where the file system is mounted.
func (f *FS) Dir() string { return f.dir }

// Backing is the folder behind it, where nothing fails.
func (f *FS) Backing() string { return f.backing }

// Close unmounts, also while operations hang or files are open. Processes that
// still use the file system get ENOTCONN.
func (f *FS) Close() error {
	f.mu.Lock()
	closed := f.closed
	f.closed = true
	f.mu.Unlock()
	if closed {
		return nil
	}
	f.Clear()
	if err := Detach(f.dir); err != nil {
		return err
	}
	f.server.Wait()
	return nil
}

// Detach aborts the FUSE connection behind a mount point and detaches it.
func Detach(dir string) error {
	err := unix.Unmount(dir, unix.MNT_FORCE) // aborts the connection; busy is no matter
	if err == nil {
		return nil
	}
	if err = unix.Unmount(dir, unix.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}
