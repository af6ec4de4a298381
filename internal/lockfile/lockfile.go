// Package lockfile makes a server the only one that works in a folder. The lock
// is an flock(2) on a file that names its holder; the kernel takes it back when
// the process ends, however that happens. The file itself stays: deleting it
// would let two servers lock two files of that name.
package lockfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// HeldError tells that another server (or this one, for another purpose) holds
// the lock.
type HeldError struct {
	Path   string // of the lock file
	Holder string // in its own words
}

func (e *HeldError) Error() string { return e.Path + " is held by " + e.Holder }

// ErrUnsupported tells that the file system has no locks, as some network file
// systems.
var ErrUnsupported = errors.New("the file system has no locks")

// Lock is a lock that is held.
type Lock struct{ f *os.File }

// Acquire locks path, which is made if need be, and writes holder into it. It
// does not wait: if somebody has the lock the error is a *HeldError. If the file
// system has no locks it is ErrUnsupported.
func Acquire(path, holder string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f, syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(holder+"\n"), 0)
	}
	if err != nil && !isFull(err) { // a full disk is no reason: the lock counts, not its text
		f.Close()
		return nil, err
	}
	return &Lock{f}, nil
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func lock(f *os.File, how int) error {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return &HeldError{Path: f.Name(), Holder: holder(f.Name())}
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("lock %s: %w (%w)", f.Name(), ErrUnsupported, err)
	}
	return fmt.Errorf("lock %s: %w", f.Name(), err)
}

func holder(path string) string {
	text, err := os.ReadFile(path)
	if who := strings.TrimSpace(string(text)); err == nil && who != "" {
		return who
	}
	return "a server that is starting"
}

// Release gives the lock back. A nil Lock is none.
func (l *Lock) Release() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}

// Holder tells who holds the lock, in its own words; empty if nobody does. It
// changes nothing.
func Holder(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close() // and with it the lock, if we got it
	var held *HeldError
	err = lock(f, syscall.LOCK_SH)
	switch {
	case errors.As(err, &held):
		return held.Holder, nil
	case errors.Is(err, ErrUnsupported):
		return "", nil
	}
	return "", err
}
