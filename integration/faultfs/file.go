package faultfs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// file is an open file.
type file struct {
	*fs.LoopbackFile
	n *node
}

// PassthroughFd implements fs.FilePassthroughFder: the kernel must not read and
// write without us.
func (h *file) PassthroughFd() (int, bool) { return 0, false }

// Read implements fs.FileReader.
func (h *file) Read(ctx context.Context, buf []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if errno := h.n.fs.before(Read, h.n.name()); errno != 0 {
		return nil, errno
	}
	return h.LoopbackFile.Read(ctx, buf, off)
}

// Write implements fs.FileWriter.
func (h *file) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := h.n.fs.before(Write, h.n.name()); errno != 0 {
		return 0, errno
	}
	return h.LoopbackFile.Write(ctx, data, off)
}

// Writev implements fs.FileWritever.
func (h *file) Writev(ctx context.Context, data [][]byte, off int64) (uint32, syscall.Errno) {
	if errno := h.n.fs.before(Write, h.n.name()); errno != 0 {
		return 0, errno
	}
	return h.LoopbackFile.Writev(ctx, data, off)
}

// Flush implements fs.FileFlusher.
func (h *file) Flush(ctx context.Context) syscall.Errno {
	if errno := h.n.fs.before(Flush, h.n.name()); errno != 0 {
		return errno
	}
	return h.LoopbackFile.Flush(ctx)
}

// Fsync implements fs.FileFsyncer.
func (h *file) Fsync(ctx context.Context, flags uint32) syscall.Errno {
	if errno := h.n.fs.before(Fsync, h.n.name()); errno != 0 {
		return errno
	}
	return h.LoopbackFile.Fsync(ctx, flags)
}

// Allocate implements fs.FileAllocater.
func (h *file) Allocate(ctx context.Context, off, size uint64, mode uint32) syscall.Errno {
	op := Fallocate
	if mode&unix.FALLOC_FL_PUNCH_HOLE != 0 {
		op = Punch
	}
	if errno := h.n.fs.before(op, h.n.name()); errno != 0 {
		return errno
	}
	return h.LoopbackFile.Allocate(ctx, off, size, mode)
}

// Lseek implements fs.FileLseeker.
func (h *file) Lseek(ctx context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	if errno := h.n.fs.before(Lseek, h.n.name()); errno != 0 {
		return 0, errno
	}
	return h.LoopbackFile.Lseek(ctx, off, whence)
}
