//go:build unix

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
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

// crossesMount tells whether two names lie on different file systems.
func crossesMount(err error) bool { return errors.Is(err, syscall.EXDEV) }

// hopeless names the remedy of an error that no retry heals; "" if it may heal: a
// disk that fails now and then, a share that hangs.
func (s *Store) hopeless(err error) string {
	switch {
	case errors.Is(err, syscall.EFBIG):
		return "the file system of " + s.dir + " takes no file of this size: shorten interval, or use another file system"
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.EILSEQ):
		return "the file system of " + s.dir + " refuses this name: correct the path of the template, or use another file system"
	case errors.Is(err, syscall.ELOOP), strings.Contains(err.Error(), "path escapes from parent"):
		return "a symbolic link leads out of " + s.dir + ": mount the other disk there instead (mount --bind)"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENOTEMPTY):
		return "a folder and a file have the same name in " + s.dir + ": move one of them away"
	case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EXDEV):
		return "the file system of " + s.dir + " can't do this: use another one"
	}
	return ""
}

// names is how many names a file has.
func names(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // differs by system
	}
	return 1
}

func freeBytes(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // differ by system
}
