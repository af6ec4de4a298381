package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// adopt begins patches/<name>/ from the patch of an older release: it copies
// what is ours, pins the new module, and merges the call-site lines into a
// fresh copy of it. What is left to a person is in docs/upgrading-mediamtx.md.
func adopt(root, name, from string) error {
	old, err := loadRelease(root, from)
	if err != nil {
		return err
	}
	r := &release{name: name, root: root, UpstreamTests: old.UpstreamTests, UpstreamSkip: old.UpstreamSkip}
	if isDir(r.patchDir()) {
		return fmt.Errorf("%s exists already", r.patchDir())
	}
	m, err := download(old.patchDir(), name)
	if err != nil {
		return err
	}
	r.sum = m.Sum
	for _, step := range []func() error{
		func() error { return copyOurs(old, r) },
		func() error { return r.pin(m) },
		func() error { return r.choosePlayer(m.Dir) },
		r.save,
		func() error { return r.mergeTree(old, m.Dir) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	fmt.Printf("%s is begun; its tree is %s\n", r.patchDir(), r.treeDir())
	return nil
}

func copyOurs(old, r *release) error {
	for _, dir := range []string{"_overlay", "bridge"} {
		if err := copyTree(filepath.Join(old.patchDir(), dir), filepath.Join(r.patchDir(), dir)); err != nil {
			return err
		}
	}
	return copyFile(filepath.Join(old.patchDir(), "go.mod"), filepath.Join(r.patchDir(), "go.mod"))
}

var requirement = regexp.MustCompile(`(?m)^(\s+)(\S+) (v\S+)$`)

// pin writes go.sum, and takes the versions in go.mod from the new module.
func (r *release) pin(m downloaded) error {
	sums := fmt.Sprintf("%s %s %s\n%s %s/go.mod %s\n", module, r.name, m.Sum, module, r.name, m.GoModSum)
	if err := os.WriteFile(filepath.Join(r.patchDir(), "go.sum"), []byte(sums), 0o644); err != nil {
		return err
	}
	theirs, err := os.ReadFile(filepath.Join(m.Dir, "go.mod"))
	if err != nil {
		return err
	}
	file := filepath.Join(r.patchDir(), "go.mod")
	ours, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(takeVersions(string(ours), string(theirs), r.name)), 0o644)
}

// takeVersions returns our go.mod with the versions that theirs requires.
func takeVersions(ours, theirs, name string) string {
	versions := map[string]string{module: name}
	for _, f := range requirement.FindAllStringSubmatch(theirs, -1) {
		versions[f[2]] = f[3]
	}
	return requirement.ReplaceAllStringFunc(ours, func(line string) string {
		f := requirement.FindStringSubmatch(line)
		if v, ok := versions[f[2]]; ok {
			return f[1] + f[2] + " " + v
		}
		return line
	})
}

// choosePlayer takes the version of hls.js that the release names, and the
// checksum of what npm brings: npm verifies it with the registry.
func (r *release) choosePlayer(dir string) error {
	buf, err := os.ReadFile(filepath.Join(dir, "internal", "servers", "hls", "hlsjsdownloader", "VERSION"))
	if err != nil {
		return err
	}
	r.Player.Version = strings.TrimPrefix(strings.TrimSpace(string(buf)), "v")
	script, err := fetchPlayer(r.Player.Version)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(script)
	r.Player.SHA256 = hex.EncodeToString(sum[:])
	return nil
}

// mergeTree makes a copy of the new module with the old release's call-site
// lines. Where they don't fit any more, it leaves conflict markers.
func (r *release) mergeTree(old *release, dir string) error {
	oldDir, err := old.downloadModule()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(r.buildDir()); err != nil {
		return err
	}
	if err := copyTree(dir, r.treeDir()); err != nil {
		return err
	}
	patches, err := old.loadPatches()
	if err != nil {
		return err
	}
	for _, p := range patches {
		if err := r.merge(p, filepath.Join(oldDir, p.Target)); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) merge(p *patch, oldFile string) error {
	file := filepath.Join(r.treeDir(), p.Target)
	if _, err := os.Stat(file); err != nil {
		fmt.Printf("GONE      %s: find where its lines belong now\n%s", p.Target, p.format())
		return nil
	}
	buf, err := os.ReadFile(oldFile)
	if err != nil {
		return err
	}
	if buf, err = p.apply(buf); err != nil {
		return err
	}
	patched := filepath.Join(r.buildDir(), "patched.go")
	if err := os.WriteFile(patched, buf, 0o644); err != nil {
		return err
	}
	defer os.Remove(patched)
	base := filepath.Join(r.buildDir(), "base.go")
	if err := copyFile(oldFile, base); err != nil {
		return err
	}
	defer os.Remove(base)
	cmd := exec.Command("git", "merge-file", "-L", r.name, "-L", "before", "-L", "ours", file, base, patched)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Printf("CONFLICT  %s: keep MediaMTX's lines, and ours in their place\n", p.Target)
		return nil
	}
	fmt.Printf("merged    %s\n", p.Target)
	return nil
}
