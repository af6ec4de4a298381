package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// runner is a lab.T outside of tests.
type runner struct {
	dir      string
	folders  int
	failed   bool
	cleanups []func()
}

func (r *runner) say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Helper implements lab.T.
func (r *runner) Helper() {}

// Name implements lab.T.
func (r *runner) Name() string { return "demo" }

// Logf implements lab.T.
func (r *runner) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Errorf implements lab.T.
func (r *runner) Errorf(format string, args ...any) {
	r.failed = true
	r.Logf(format, args...)
}

// Fatalf implements lab.T.
func (r *runner) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.end()
}

// Failed implements lab.T.
func (r *runner) Failed() bool { return r.failed }

// Cleanup implements lab.T.
func (r *runner) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// TempDir implements lab.T: a new folder of the demo, which stays.
func (r *runner) TempDir() string {
	r.folders++
	dir := filepath.Join(r.dir, "tmp", fmt.Sprint(r.folders))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		r.Fatalf("%v", err)
	}
	return dir
}

// end stops what runs, and the program.
func (r *runner) end() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	r.cleanups = nil
	if r.failed {
		os.Exit(1)
	}
}
