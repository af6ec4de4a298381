//go:build !unix

package local

import (
	"errors"
	"io/fs"
	"math"
	"syscall"
)

// errFull is a disk with less than minFree left; here nobody knows.
var errFull = errors.New("less than minFree is left")

func isFull(err error) bool            { return errors.Is(err, errFull) }
func isReadOnly(error) bool            { return false }
func isTooLong(err error) bool         { return errors.Is(err, syscall.ENAMETOOLONG) }
func isNotDir(err error) bool          { return errors.Is(err, syscall.ENOTDIR) }
func noLinks(error) bool               { return false }
func crossesMount(error) bool          { return false }
func (s *Store) hopeless(error) string { return "" }
func names(fs.FileInfo) uint64         { return 1 }
func freeBytes(string) (int64, error)  { return math.MaxInt64, nil }
