package powercut

import (
	"context"
	"io"
	"log"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// diskName is the only file of the FUSE file system.
const diskName = "disk"

// root is the folder that holds the disk.
type root struct {
	fs.Inode
	m *image
}

// OnAdd implements fs.NodeOnAdder.
func (r *root) OnAdd(ctx context.Context) {
	n := r.NewPersistentInode(ctx, &disk{m: r.m}, fs.StableAttr{Mode: syscall.S_IFREG})
	r.AddChild(diskName, n, true)
}

// disk is the file behind the loop device. Direct I/O keeps the kernel from
// holding a copy of its own: what is written arrives here, in order.
type disk struct {
	fs.Inode
	m *image
}

// Getattr implements fs.NodeGetattrer.
func (d *disk) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Nlink = syscall.S_IFREG|0o600, uint64(d.m.size), 1
	return 0
}

// Setattr implements fs.NodeSetattrer; there is nothing to set.
func (d *disk) Setattr(ctx context.Context, h fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return d.Getattr(ctx, h, out)
}

// Open implements fs.NodeOpener.
func (d *disk) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Read implements fs.NodeReader.
func (d *disk) Read(_ context.Context, _ fs.FileHandle, p []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n, errno := d.m.readAt(p, off)
	return fuse.ReadResultData(p[:n]), errno
}

// Write implements fs.NodeWriter.
func (d *disk) Write(_ context.Context, _ fs.FileHandle, p []byte, off int64) (uint32, syscall.Errno) {
	n, errno := d.m.writeAt(p, off)
	return uint32(n), errno
}

// Fsync implements fs.NodeFsyncer: a flush of the loop device.
func (d *disk) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.m.flush()
	return 0
}

// serve mounts the folder with the disk in it.
func serve(dir string, m *image) (*fuse.Server, error) {
	return fs.Mount(dir, &root{m: m}, &fs.Options{MountOptions: fuse.MountOptions{
		DirectMountStrict: true, DisableXAttrs: true, FsName: "powercut", Name: "powercut", MaxWrite: 1 << 20,
		Logger: log.New(io.Discard, "", 0),
	}})
}
