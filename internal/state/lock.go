package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/live-recording/liverecord/internal/lockfile"
)

// Lock is the right to be the only server on a state.
type Lock = lockfile.Lock

// AcquireLock makes this process the only server that works on a state. The
// error names the holder. lockfile.ErrUnsupported: the file system has no locks.
func AcquireLock(statePath, holder string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(statePath), 0o700); err != nil {
		return nil, err
	}
	l, err := lockfile.Acquire(lockPath(statePath), holder)
	var held *lockfile.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("%s is in use by %s; stop that server: nothing is recorded until it has ended. "+
			"Two servers need a `state`, a `spool.dir` and local store folders of their own each: %w", statePath, held.Holder, err)
	}
	return l, err
}

func lockPath(statePath string) string { return statePath + ".lock" }

// LockHolder tells who holds the lock of AcquireLock, in its own words; empty if
// nobody does. It changes nothing.
func LockHolder(statePath string) (string, error) { return lockfile.Holder(lockPath(statePath)) }
