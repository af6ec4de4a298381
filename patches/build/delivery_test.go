package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWithoutMajor(t *testing.T) {
	for in, want := range map[string]string{
		"github.com/bluenviron/gortsplib/v5": "github.com/bluenviron/gortsplib",
		"github.com/bluenviron/gortmplib":    "github.com/bluenviron/gortmplib",
		"github.com/x/video":                 "github.com/x/video",
	} {
		if got := withoutMajor(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

// TestDeliveryPaths: a path that the default release no longer has would hide
// what changed where it went.
func TestDeliveryPaths(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	name, err := defaultRelease(root)
	if err != nil {
		t.Fatal(err)
	}
	all, err := resolve(root, name)
	if err != nil {
		t.Fatal(err)
	}
	for module, paths := range delivery {
		for _, p := range paths {
			if _, err := os.Stat(filepath.Join(all[module].dir, p)); err != nil || all[module].dir == "" {
				t.Errorf("%s has no %s: %v", module, p, err)
			}
		}
	}
}

func TestLostLines(t *testing.T) {
	old := []*patch{{Insertions: []insertion{{Lines: []string{"\ta()", "", "\tb  int"}}, {Lines: []string{"\ta()"}}}}}
	cur := []*patch{{Insertions: []insertion{{Lines: []string{"\t\tb int", "a()"}}}}}
	if lost := lostLines(old, cur); len(lost) != 1 || lost[0] != "a()" {
		t.Errorf("%q", lost)
	}
}
