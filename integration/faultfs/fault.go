package faultfs

import (
	"path"
	"strings"
	"sync"
	"syscall"
)

// Op is an operation of a file system, as the kernel asks for it.
type Op string

// The operations. What a process calls is near, not equal: stat(2) is a Lookup,
// a Getattr or both, and open(2) of a new file is a Lookup and a Create.
const (
	Any       Op = "*"
	Lookup    Op = "lookup"
	Getattr   Op = "getattr"
	Setattr   Op = "setattr" // mode, owner and times
	Truncate  Op = "truncate"
	Open      Op = "open"
	Create    Op = "create"
	Read      Op = "read"
	Write     Op = "write"
	Flush     Op = "flush" // close(2)
	Fsync     Op = "fsync" // and fdatasync
	Fsyncdir  Op = "fsyncdir"
	Fallocate Op = "fallocate"
	Punch     Op = "punch" // fallocate that makes a hole
	Rename    Op = "rename"
	Unlink    Op = "unlink"
	Link      Op = "link"
	Mkdir     Op = "mkdir"
	Rmdir     Op = "rmdir"
	Opendir   Op = "opendir"
	Readdir   Op = "readdir" // one entry
	Statfs    Op = "statfs"
	Lseek     Op = "lseek" // SEEK_DATA and SEEK_HOLE
)

// Ops are all operations but Any.
func Ops() []Op {
	return []Op{Lookup, Getattr, Setattr, Truncate, Open, Create, Read, Write, Flush, Fsync, Fsyncdir, Fallocate, Punch,
		Rename, Unlink, Link, Mkdir, Rmdir, Opendir, Readdir, Statfs, Lseek}
}

// Fault is something that happens to the operations that it names.
type Fault struct {
	op      Op
	pattern string
	errno   syscall.Errno
	hang    chan struct{} // closed when released
	call    func()

	mu      sync.Mutex
	skip    int
	times   int // negative: for ever
	hits    int
	waiting int
	gone    bool
	release sync.Once
}

// Kind is the pattern of all files of a kind, see FS.Kinds.
func Kind(name string) string { return kindPrefix + name }

const kindPrefix = "kind:"

// Fail makes an operation fail from now on. The pattern is path.Match's: of the
// base name, or of the path below the mount point if it has a slash; "*" is
// everything. Of Rename and Link either name may match, of a Kind the new one.
func (f *FS) Fail(op Op, pattern string, errno syscall.Errno) *Fault {
	return f.add(&Fault{op: op, pattern: pattern, errno: errno, times: -1})
}

// Hang makes an operation wait until release is called, or Clear, or Close. Then
// it is done. release may be called more than once.
func (f *FS) Hang(op Op, pattern string) (release func()) {
	return f.add(&Fault{op: op, pattern: pattern, hang: make(chan struct{}), times: -1}).Remove
}

// HangFault is Hang for whoever wants to count or to bound.
func (f *FS) HangFault(op Op, pattern string) *Fault {
	return f.add(&Fault{op: op, pattern: pattern, hang: make(chan struct{}), times: -1})
}

// Call calls a function once, before the operation is done.
func (f *FS) Call(op Op, pattern string, do func()) *Fault {
	return f.add(&Fault{op: op, pattern: pattern, call: do, times: 1})
}

func (f *FS) add(x *Fault) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, x)
	return x
}

// Clear removes all faults and releases what hangs.
func (f *FS) Clear() {
	f.mu.Lock()
	faults := f.faults
	f.faults = nil
	f.mu.Unlock()
	for _, x := range faults {
		x.Remove()
	}
}

// Skip lets the first n operations pass.
func (x *Fault) Skip(n int) *Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.skip = n
	return x
}

// Times ends the fault after so many hits.
func (x *Fault) Times(n int) *Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.times = n
	return x
}

// Hits is how many operations it struck.
func (x *Fault) Hits() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.hits
}

// Waiting is how many operations hang now.
func (x *Fault) Waiting() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.waiting
}

// Remove ends the fault and releases what hangs.
func (x *Fault) Remove() {
	x.mu.Lock()
	x.gone = true
	x.mu.Unlock()
	if x.hang != nil {
		x.release.Do(func() { close(x.hang) })
	}
}

// strikes tells whether the fault counts for an operation, and counts it.
func (x *Fault) strikes(op Op, kind string, paths []string) bool {
	if x.op != Any && x.op != op || x.pattern != Kind(kind) && !matches(x.pattern, paths) {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.gone || x.times == 0:
		return false
	case x.skip > 0:
		x.skip--
		return false
	}
	if x.times > 0 {
		x.times--
	}
	x.hits++
	return true
}

func (x *Fault) strike() syscall.Errno {
	if x.call != nil {
		x.call()
	}
	if x.hang != nil {
		x.wait(1)
		<-x.hang
		x.wait(-1)
	}
	return x.errno
}

func (x *Fault) wait(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waiting += n
}

func matches(pattern string, paths []string) bool {
	for _, p := range paths {
		name := p
		if !strings.Contains(pattern, "/") {
			name = path.Base(p)
		}
		if ok, err := path.Match(pattern, name); ok && err == nil || pattern == "*" {
			return true
		}
	}
	return false
}

// before is called by each operation: it counts it, and returns the error that
// it has to fail with. Paths are relative to the mount point.
func (f *FS) before(op Op, paths ...string) syscall.Errno {
	f.mu.Lock()
	kind := f.kind(paths[len(paths)-1])
	f.trace[Call{op, kind}]++
	var struck []*Fault
	for _, x := range f.faults {
		if x.strikes(op, kind, paths) {
			struck = append(struck, x)
		}
	}
	f.mu.Unlock()
	for _, x := range struck {
		if errno := x.strike(); errno != 0 {
			return errno
		}
	}
	return 0
}
