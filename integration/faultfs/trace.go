package faultfs

import "maps"

// Call is an operation on a kind of file.
type Call struct {
	Op   Op
	Kind string
}

// Kinds sets what kind of file a path is, relative to the mount point; by
// default it is the extension. It also forgets what was traced.
func (f *FS) Kinds(kind func(path string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kind, f.trace = kind, map[Call]int{}
}

// Trace returns how often each operation was seen on each kind of file. Of
// Rename and Link the new name counts.
func (f *FS) Trace() map[Call]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.trace)
}
