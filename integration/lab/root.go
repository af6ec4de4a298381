package lab

import (
	"os"
	"path/filepath"
	"sync"
)

// Root is the folder of the repository.
func Root(t T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("%v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatalf("no go.mod above the working directory")
		}
		dir = up
	}
}

// Binary is the path of a built server, e.g. of "mediamtx". LIVERECORD_SERVER in
// the environment names another one instead of that.
func Binary(t T, name string) string {
	t.Helper()
	if other := os.Getenv("LIVERECORD_SERVER"); other != "" && name == "mediamtx" {
		return other
	}
	path := filepath.Join(Root(t), "bin", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("bin/%s is missing: run `make build`, or `make test`", name)
	}
	return path
}

// once does something one time per name.
type once struct {
	mu sync.Mutex
	m  map[string]*sync.Mutex
}

func (o *once) lock(name string) (unlock func()) {
	o.mu.Lock()
	if o.m == nil {
		o.m = map[string]*sync.Mutex{}
	}
	l := o.m[name]
	if l == nil {
		l = &sync.Mutex{}
		o.m[name] = l
	}
	o.mu.Unlock()
	l.Lock()
	return l.Unlock
}
