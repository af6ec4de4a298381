package faultfs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// stream is what an open folder of the loopback can do.
type stream interface {
	fs.FileReaddirenter
	fs.FileSeekdirer
	fs.FileReleasedirer
	fs.FileFsyncdirer
}

// dir is an open folder.
type dir struct {
	stream
	n *node
}

// OpendirHandle implements fs.NodeOpendirHandler.
func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.fs.before(Opendir, n.name()); errno != 0 {
		return nil, 0, errno
	}
	h, opened, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return &dir{h.(stream), n}, opened, 0
}

// Readdirent implements fs.FileReaddirenter.
func (d *dir) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	if errno := d.n.fs.before(Readdir, d.n.name()); errno != 0 {
		return nil, errno
	}
	return d.stream.Readdirent(ctx)
}

// Fsyncdir implements fs.FileFsyncdirer.
func (d *dir) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	if errno := d.n.fs.before(Fsyncdir, d.n.name()); errno != 0 {
		return errno
	}
	return d.stream.Fsyncdir(ctx, flags)
}
