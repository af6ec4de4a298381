package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goRun runs the go command in the workspace of the release.
func goRun(r *release, dir string, args ...string) error { return goRunEnv(r, dir, nil, args...) }

func goRunEnv(r *release, dir string, env []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GOWORK="+r.workFile()), env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

func goBuild(r *release, o options) error {
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
	if err := goRunEnv(r, r.treeDir(), env, append(args, ".")...); err != nil {
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

// testUpstream runs MediaMTX's own tests of what the patch touches.
func testUpstream(r *release, o options) error {
	flags := []string{"-count=1", "-p=1"}
	if r.UpstreamSkip != "" {
		flags = append(flags, "-skip="+r.UpstreamSkip)
	}
	return goTest(r, r.treeDir(), o, flags, r.UpstreamTests...)
}
