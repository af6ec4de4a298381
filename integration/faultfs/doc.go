// Package faultfs is a file system that fails on demand: it passes every
// operation on to a folder, and makes those fail or hang that a test names.
//
//	fs := faultfs.New(t, mountPoint, backing)           // unmounted when the test ends
//	fs.Fail(faultfs.Fsync, "*.body", syscall.EIO)        // from now on, until Clear
//	fs.Fail(faultfs.Write, "*.idx", syscall.ENOSPC).Skip(3).Times(1)
//	release := fs.Hang(faultfs.Statfs, "*")              // until release or Clear
//	fs.Call(faultfs.Rename, "*", func() { s.Kill(t) })   // just before the operation is done
//	fs.Trace()                                           // which operations were seen on which kind of file
//
// It is served by FUSE and mounted with mount(2): it needs root and /dev/fuse,
// no helper program. Files are opened with direct I/O, so that each read and
// write of the process reaches the file system, also of what it wrote just now.
// What the kernel does alone is not seen: file locks, and syncfs(2), which the
// kernel doesn't pass on to FUSE. For syncfs there is package powercut.
//
// Hanging operations do not react to signals, as with a disk that does not
// answer: a process that is killed stays until they are released. Close always
// succeeds: it releases what hangs, aborts the connection and detaches the mount.
package faultfs
