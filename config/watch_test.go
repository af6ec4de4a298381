package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// told is one call of changed.
type told struct {
	state string // of the Config; empty with an error
	err   error
}

// watchFile runs Watch until the end of the test and returns what it tells.
func watchFile(t *testing.T, path string) <-chan told {
	t.Helper()
	calls := make(chan told, 100)
	w := newWatcher(path, func(c *Config, err error) {
		if err != nil {
			calls <- told{err: err}
			return
		}
		calls <- told{state: c.State}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return calls
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// next returns the next call. The time is a limit for a hung test, no assertion.
func next(t *testing.T, calls <-chan told) told {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(20 * time.Second):
		t.Fatal("no change was told")
		return told{}
	}
}

func expect(t *testing.T, calls <-chan told, state string) {
	t.Helper()
	if c := next(t, calls); c.err != nil || c.state != state {
		t.Fatalf("told %q, %v; want %q", c.state, c.err, state)
	}
}

func expectError(t *testing.T, calls <-chan told) {
	t.Helper()
	c := next(t, calls)
	var ps Problems
	if !errors.As(c.err, &ps) {
		t.Fatalf("told %q, %v; want Problems", c.state, c.err)
	}
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "recording.yml")
	write(t, file, "state: one")
	calls := watchFile(t, file)

	write(t, file, "state: two")
	expect(t, calls, "two")
	write(t, file, "state: [")
	expectError(t, calls)
	write(t, file, "state: two")
	expect(t, calls, "two")

	// An editor writes another file and renames it.
	write(t, file+".tmp", "state: three")
	must(t, os.Rename(file+".tmp", file))
	expect(t, calls, "three")

	// The same content, and files beside it, tell nothing: what is told next is the change after.
	write(t, file, "state: three")
	write(t, filepath.Join(dir, "other.yml"), "state: other")
	time.Sleep(3 * quiet)
	write(t, file, "state: four")
	expect(t, calls, "four")

	must(t, os.Remove(file))
	expectError(t, calls)
	write(t, file, "state: four")
	expect(t, calls, "four")
}

func TestWatchFolderReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	must(t, os.Mkdir(dir, 0o700))
	file := filepath.Join(dir, "recording.yml")
	write(t, file, "state: one")
	calls := watchFile(t, file)
	must(t, os.Rename(dir, dir+".old"))
	expectError(t, calls)
	must(t, os.Mkdir(dir, 0o700))
	write(t, file, "state: two")
	expect(t, calls, "two")
	write(t, file, "state: three")
	expect(t, calls, "three")
}

// Kubernetes swaps a link to a folder: ..data -> ..1, recording.yml -> ..data/recording.yml.
func TestWatchConfigMap(t *testing.T) {
	dir := t.TempDir()
	for _, v := range []string{"one", "two"} {
		must(t, os.Mkdir(filepath.Join(dir, ".."+v), 0o700))
		write(t, filepath.Join(dir, ".."+v, "recording.yml"), "state: "+v)
	}
	must(t, os.Symlink("..one", filepath.Join(dir, "..data")))
	file := filepath.Join(dir, "recording.yml")
	must(t, os.Symlink("..data/recording.yml", file))
	calls := watchFile(t, file)
	must(t, os.Symlink("..two", filepath.Join(dir, "..tmp")))
	must(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	expect(t, calls, "two")
}

// What changes between Load and WatchFrom is told; what does not is not.
func TestWatchFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "recording.yml")
	write(t, file, "state: one")
	loaded, err := Load(file)
	must(t, err)
	write(t, file, "state: two")
	calls := make(chan told, 10)
	run := func(from *Config) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			WatchFrom(ctx, file, from, func(c *Config, err error) {
				if err == nil {
					calls <- told{state: c.State}
				}
			})
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
	run(loaded)
	expect(t, calls, "two")
	run(nil)
	expect(t, calls, "two")
	loaded, err = Load(file)
	must(t, err)
	run(loaded)
	write(t, file, "state: three")
	for range 3 { // one from each watcher
		expect(t, calls, "three")
	}
}
