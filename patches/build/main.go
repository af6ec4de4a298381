// Command build makes the patched MediaMTX server.
//
//	go run ./patches/build [-mediamtx v1.21.0] [-o bin/mediamtx] COMMAND
//
// Commands:
//
//	build          make the tree if needed, then the binary (the default)
//	tree           make only the tree and its workspace, build/<release>/
//	test           run the tests of the bridge against the tree
//	vet            vet the bridge
//	test-upstream  run MediaMTX's own tests of the packages that are touched
//	upgrade        make another release the default: -mediamtx v1.22.0. The
//	               whole way; see docs/upgrading-mediamtx.md
//	adopt          only begin patches/<release>/ from an older one
//	refresh        write callsites/ and the checksums of their targets from the
//	               edited tree
//	diff           show what changed on the way of the media between -from and
//	               -mediamtx, also in the libraries by the same authors
//
// Without -mediamtx, the release is the one that the Makefile names; -from is
// the same by default.
//
// The tree is a copy of the released module, verified by its checksum, plus
// what lies in patches/<release>/:
//
//	go.mod, go.sum   pin the module; the module of the bridge
//	release.json     the HLS player script, checksums of the files to patch
//	callsites/       lines to add to files of MediaMTX
//	_overlay/        files to add to packages of MediaMTX
//	bridge/          the package that connects MediaMTX to the recorder
//
// It is made anew, from a fresh copy, whenever one of these inputs changed;
// otherwise only `go build` runs.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	release := flag.String("mediamtx", "", "release of MediaMTX")
	from := flag.String("from", "", "adopt: the release whose patch is carried over; diff: the old one")
	out := flag.String("o", filepath.Join("bin", "mediamtx"), "the binary to make")
	strip := flag.Bool("strip", true, "leave out symbols and debugging data")
	goos := flag.String("goos", "", "operating system of the binary, if another one")
	goarch := flag.String("goarch", "", "processor of the binary, if another one")
	race := flag.Bool("race", false, "tests, and the binary, with the race detector")
	flag.Parse()
	if err := run(*release, flag.Arg(0), options{from: *from, out: *out, strip: *strip, race: *race, goos: *goos, goarch: *goarch}); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

type options struct {
	from  string
	out   string
	strip bool
	race  bool

	goos, goarch string
}

func run(name, command string, o options) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	usual, err := defaultRelease(root)
	if err != nil {
		return err
	}
	name, o.from = cmp.Or(name, usual), cmp.Or(o.from, usual)
	switch command {
	case "upgrade":
		return upgrade(root, name, o)
	case "adopt":
		return adopt(root, name, o.from)
	case "diff":
		return diffReleases(root, o.from, name)
	}
	r, err := loadRelease(root, name)
	if err != nil {
		return err
	}
	if command == "refresh" {
		return refresh(r)
	}
	if err := makeTree(r); err != nil {
		return err
	}
	switch command {
	case "", "build":
		return goBuild(r, o)
	case "tree":
		return nil
	case "test":
		return goTest(r, r.bridgeDir(), o, nil, "./bridge/...")
	case "vet":
		if err := checkLibraries(r); err != nil {
			return err
		}
		return goRun(r, r.bridgeDir(), "vet", "./bridge/...")
	case "test-upstream":
		return testUpstream(r, o)
	}
	return fmt.Errorf("unknown command %q", command)
}

// findRoot returns the folder of our go.mod, from any folder below it.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		buf, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(buf), "module github.com/live-recording/liverecord\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("run this inside the repository")
		}
		dir = up
	}
}
