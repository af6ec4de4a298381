package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// goRun runs the go command in the workspace of the release.
func goRun(r *release, dir string, args ...string) error { return goRunEnv(r, dir, nil, args...) }

func goRunEnv(r *release, dir string, env []string, args ...string) error {
	return runIn(r, dir, env, os.Stderr, "go", args...)
}

// runIn runs a command in the workspace of the release.
func runIn(r *release, dir string, env []string, stderr io.Writer, name string, args ...string) error {
	libraries, err := r.libraryEnv()
	if err != nil {
		return err
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(os.Environ(), []string{"GOWORK=" + r.workFile()}, libraries, env)
	cmd.Stdout, cmd.Stderr = os.Stdout, stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// libraryEnv lets a release that is not the default have libraries of its own.
func (r *release) libraryEnv() ([]string, error) {
	name, err := defaultRelease(r.root)
	if err != nil || r.next || r.name == name {
		return nil, err
	}
	overlay, err := r.ownLibraries()
	return []string{"GOFLAGS=" + strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay)}, err
}

func goBuild(r *release, o options) error {
	if err := checkLibraries(r); err != nil {
		return err
	}
	return goBuildTo(r, o, os.Stderr)
}

// goBuildTo builds without that check; the compiler writes to stderr.
func goBuildTo(r *release, o options, stderr io.Writer) error {
	out, err := filepath.Abs(o.out)
	if err != nil {
		return err
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", out}
	if o.strip {
		args = append(args, "-ldflags=-s -w")
	}
	if o.race {
		args = append(args, "-race")
	}
	var env []string
	if o.goos != "" {
		env = append(env, "GOOS="+o.goos)
	}
	if o.goarch != "" {
		env = append(env, "GOARCH="+o.goarch)
	}
	if err := runIn(r, r.treeDir(), env, stderr, "go", append(args, ".")...); err != nil {
		return err
	}
	fmt.Printf("%s is MediaMTX %s\n", o.out, r.version())
	return nil
}

func goTest(r *release, dir string, o options, flags []string, packages ...string) error {
	args := append([]string{"test"}, flags...)
	if o.race {
		args = append(args, "-race")
	}
	return goRun(r, dir, append(args, packages...)...)
}

// testUpstream runs MediaMTX's own tests of what the patch touches. They listen
// on MediaMTX's usual ports: where possible, in a network of their own, with
// what they need fetched and compiled before.
func testUpstream(r *release, o options) error {
	flags := []string{"test", "-count=1", "-p=1"}
	if o.race {
		flags = append(flags, "-race")
	}
	if r.UpstreamSkip != "" {
		flags = append(flags, "-skip="+r.UpstreamSkip)
	}
	if _, err := exec.LookPath("unshare"); err != nil || os.Getuid() != 0 {
		return goRun(r, r.treeDir(), append(flags, r.UpstreamTests...)...)
	}
	if err := goRun(r, r.treeDir(), slices.Concat(flags, []string{"-run=^$"}, r.UpstreamTests)...); err != nil {
		return err
	}
	// as arguments of sh, so that nothing is read as shell
	script := []string{"-n", "sh", "-c", `ip link set lo up && exec "$@"`, "sh", "go"}
	return runIn(r, r.treeDir(), nil, os.Stderr, "unshare", slices.Concat(script, flags, r.UpstreamTests)...)
}
