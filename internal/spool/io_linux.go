package spool

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const maxIovecs = 1024 // IOV_MAX

// writeAll writes the slices one after the other at off, with few calls and
// without copying them together.
func writeAll(f *os.File, bufs [][]byte, off int64) error {
	var rest [maxIovecs][]byte
	for len(bufs) > 0 {
		n := copy(rest[:], bufs)
		bufs = bufs[n:]
		if err := writeSome(f, rest[:n], &off); err != nil {
			return err
		}
	}
	return nil
}

func writeSome(f *os.File, v [][]byte, off *int64) error {
	for len(v) > 0 {
		n, err := unix.Pwritev(int(f.Fd()), v, *off)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return &os.PathError{Op: "write", Path: f.Name(), Err: err}
		}
		*off += int64(n)
		v = skip(v, n)
		if n == 0 && len(v) > 0 {
			return io.ErrShortWrite
		}
	}
	return nil
}

// skip drops n written bytes, and empty slices, from the front.
func skip(v [][]byte, n int) [][]byte {
	for len(v) > 0 && n >= len(v[0]) {
		n -= len(v[0])
		v = v[1:]
	}
	if n > 0 {
		v[0] = v[0][n:]
	}
	return v
}

// withFD runs do on the descriptor of a file, which can't be closed (and its
// number given to another file) meanwhile. os.ErrClosed if it was.
func withFD(f *os.File, do func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if c.Control(func(fd uintptr) { err = do(int(fd)) }) != nil {
		return os.ErrClosed
	}
	return err
}

func dataSync(f *os.File) error { return withFD(f, unix.Fdatasync) }

// punch gives a range back to the disk; the file keeps its size.
func punch(f *os.File, off, n int64) error {
	if n <= 0 {
		return nil
	}
	err := withFD(f, func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	})
	if err != nil {
		return &os.PathError{Op: "punch hole", Path: f.Name(), Err: err}
	}
	return nil
}

// freeBytes is the space that an unprivileged process may still use.
func freeBytes(f *os.File) (int64, error) {
	var s unix.Statfs_t
	if err := withFD(f, func(fd int) error { return unix.Fstatfs(fd, &s) }); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: f.Name(), Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // 32 bits on arm
}

func syncFS(f *os.File) error { return unix.Syncfs(int(f.Fd())) }

// allocated is the space that a file occupies.
func allocated(s os.FileInfo) int64 {
	if st, ok := s.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return s.Size()
}
