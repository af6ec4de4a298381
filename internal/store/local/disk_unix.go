//go:build unix

package local

import (
	"errors"
	"fmt"
	"syscall"
)

// errFull is a disk with less than minFree left.
var errFull = fmt.Errorf("less than minFree is left: %w", syscall.ENOSPC)

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
func isTooLong(err error) bool  { return errors.Is(err, syscall.ENAMETOOLONG) }
func isNotDir(err error) bool   { return errors.Is(err, syscall.ENOTDIR) }

// noLinks tells whether a file system has no hard links.
func noLinks(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EOPNOTSUPP) ||
		errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EMLINK)
}

func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // differ by system
}
