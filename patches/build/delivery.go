package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// delivery lists, for MediaMTX and for each library by the same authors, what
// media passes on its way to the recorder, and what our lines lie in. A path
// may have a major version: it is left out here.
var delivery = map[string][]string{
	"github.com/bluenviron/mediamtx": {
		"internal/conf/conf.go", "internal/conf/path.go", "internal/core/core.go",
		"internal/core/path.go", "internal/core/path_manager.go", "internal/defs", "internal/formatlabel",
		"internal/ntpestimator", "internal/protocols", "internal/recorder", "internal/servers/moq",
		"internal/servers/rtmp", "internal/servers/rtsp", "internal/servers/srt", "internal/servers/webrtc",
		"internal/staticsources", "internal/stream", "internal/unit", "main.go",
	},
	"github.com/bluenviron/gortmplib":   {"."},
	"github.com/bluenviron/gortsplib":   {"."},
	"github.com/bluenviron/mediacommon": {"pkg/codecs", "pkg/formats", "pkg/rewindablereader"},
}

// diffReleases prints what changed on these paths between two releases, with
// the libraries that each of them requires.
func diffReleases(root, from, to string) error {
	old, err := resolve(root, from)
	if err != nil {
		return err
	}
	cur, err := resolve(root, to)
	if err != nil {
		return err
	}
	var names []string
	for name := range delivery {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		a, b := old[name], cur[name]
		fmt.Printf("##### %s: %s → %s\n", name, a.version, b.version)
		if a.version == b.version {
			continue
		}
		for _, p := range delivery[name] {
			if err := diffPath(a.dir, b.dir, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolved is a module of a release; empty if the release does not require it.
type resolved struct{ version, dir string }

// resolve downloads the modules of delivery in the versions of a release. It
// does so in a folder that has this release's go.sum.
func resolve(root, name string) (map[string]resolved, error) {
	m, err := download(root, module, name)
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	for _, f := range []string{"go.mod", "go.sum"} {
		if err := copyFile(filepath.Join(m.Dir, f), filepath.Join(tmp, f)); err != nil {
			return nil, err
		}
	}
	mod, err := os.ReadFile(filepath.Join(tmp, "go.mod"))
	if err != nil {
		return nil, err
	}
	all := map[string]resolved{module: {name, m.Dir}}
	for path, version := range requirements(string(mod)) {
		base := withoutMajor(path)
		if _, ok := delivery[base]; !ok {
			continue
		}
		lib, err := download(tmp, path, version)
		if err != nil {
			return nil, err
		}
		all[base] = resolved{version, lib.Dir}
	}
	return all, nil
}

func withoutMajor(path string) string {
	if i := strings.LastIndex(path, "/v"); i > 0 && strings.Trim(path[i+2:], "0123456789") == "" {
		return path[:i]
	}
	return path
}

// diffPath prints the difference of a file or folder, without tests.
func diffPath(a, b, path string) error {
	if a == "" || b == "" {
		return nil
	}
	args := []string{"-ruN"}
	for _, skip := range []string{"*_test.go", "testdata", "examples", ".*", "*.md", "*.yml", "Makefile", "LICENSE", "go.sum"} {
		args = append(args, "-x", skip)
	}
	cmd := exec.Command("diff", append(args, filepath.Join(a, path), filepath.Join(b, path))...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok && e.ExitCode() == 1 {
		return nil // they differ
	}
	return err
}
