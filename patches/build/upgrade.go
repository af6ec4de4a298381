package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// upgrade makes another release of MediaMTX the default, in place of the one
// that is. It stops where a person must decide, and says what and where; called
// again after that, it continues.
func upgrade(root, name string, o options) error {
	from, err := defaultRelease(root)
	if err != nil {
		return err
	}
	if from == name {
		return fmt.Errorf("%s is the default already", name)
	}
	u := &upgrading{root: root, from: from, name: name, o: o, begun: time.Now()}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"placing our lines in " + name, u.adopt},
		{"libraries", u.libraries},
		{"build", u.build},
		{"tests of the bridge", u.testBridge},
		{"MediaMTX's own tests of the packages that we touch", u.testUpstream},
		{"version strings", u.versions},
	} {
		fmt.Printf("== %s (%v since the start)\n", step.what, time.Since(u.begun).Round(time.Second))
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return u.rest()
}

type upgrading struct {
	root, from, name string
	o                options
	begun            time.Time
	r                *release // patches/<name>/, from the second step on
}

func (u *upgrading) adopt() (err error) {
	if !isDir(filepath.Join(u.root, "patches", u.name)) {
		if err := adopt(u.root, u.name, u.from); err != nil {
			return err
		}
	}
	u.r, err = loadRelease(u.root, u.name)
	if err != nil {
		return err
	}
	u.r.next = true
	return makeTree(u.r)
}

func (u *upgrading) libraries() error { return alignLibraries(u.r) }

// build compiles the server, and repairs names as far as the compiler knows the
// new ones.
func (u *upgrading) build() error {
	const rounds = 5
	for i := 0; ; i++ {
		var output bytes.Buffer
		err := goBuildTo(u.r, u.o, io.MultiWriter(os.Stderr, &output))
		if err == nil {
			return nil
		}
		fixed, ferr := u.r.fixNames(output.Bytes())
		if ferr != nil {
			return ferr
		}
		if len(fixed) == 0 || i == rounds {
			return fmt.Errorf("fix it in %s (never in build/), then run the same command again: %w", u.r.patchDir(), err)
		}
		fmt.Println("look at   " + strings.Join(fixed, "\nlook at   "))
		if err := makeTree(u.r); err != nil {
			return err
		}
	}
}

func (u *upgrading) testBridge() error {
	return goTest(u.r, u.r.bridgeDir(), u.o, nil, "./bridge/...")
}

func (u *upgrading) testUpstream() error { return testUpstream(u.r, u.o) }

// namingFiles say which release is the default.
var namingFiles = []string{"Makefile", "README.md"}

func (u *upgrading) versions() error {
	for _, f := range namingFiles {
		if err := renameVersion(filepath.Join(u.root, f), u.from, u.name); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(u.root, "patches", u.from))
}

// renameVersion replaces a version in a file, or in all files of a folder but
// those that hold checksums.
func renameVersion(path, from, to string) error {
	return filepath.WalkDir(path, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "go.sum" || d.Name() == "go.mod" {
			return err
		}
		buf, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(buf, []byte(from)) {
			return err
		}
		return os.WriteFile(file, bytes.ReplaceAll(buf, []byte(from), []byte(to)), 0o644)
	})
}

// rest says what is left to a person.
func (u *upgrading) rest() error {
	fmt.Printf("== %s is the default now, after %v. What is left:\n", u.name, time.Since(u.begun).Round(time.Second))
	fmt.Printf("- each line above that begins with `look at`\n")
	fmt.Printf("- make diff FROM=%s V=%s: what changed on the way of the media, also in the libraries\n", u.from, u.name)
	fmt.Printf("- make test, and CHANGELOG.md\n")
	cmd := exec.Command("git", "grep", "-nIF", u.from, "--", ":!*.sum")
	cmd.Dir = u.root
	if out, err := cmd.Output(); err == nil {
		fmt.Printf("- files that still name %s:\n%s", u.from, out)
	}
	return nil
}
