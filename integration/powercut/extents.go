package powercut

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fiemap and its extents are those of linux/fiemap.h.
type fiemap struct {
	start, length           uint64
	flags, mapped, count, _ uint32
	extents                 [64]fiemapExtent
}

type fiemapExtent struct {
	logical, physical, length uint64
	_                         [2]uint64
	flags                     uint32
	_                         [3]uint32
}

const (
	fsIocFiemap    = 0xc020660b // _IOWR('f', 11, struct fiemap)
	fiemapFlagSync = 1
)

// extents returns where on the disk bytes [off, off+n) of a file lie.
func extents(path string, off, n int64) (out []span, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := fiemap{start: uint64(off), length: uint64(n), flags: fiemapFlagSync, count: 64}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), fsIocFiemap, uintptr(unsafe.Pointer(&m))); errno != 0 {
		return nil, fmt.Errorf("fiemap %s: %w", path, errno)
	}
	for _, e := range m.extents[:m.mapped] {
		from, to := max(int64(e.logical), off), min(int64(e.logical+e.length), off+n)
		if shift := int64(e.physical) - int64(e.logical); from < to {
			out = append(out, span{from + shift, to + shift})
		}
	}
	return out, nil
}

// drop makes the kernel forget its copy of a file.
func drop(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
