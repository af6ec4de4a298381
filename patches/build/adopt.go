package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// adopt begins patches/<name>/ from the patch of an older release: it copies
// what is ours, pins the new module, and places the call-site lines in a fresh
// copy of it. All this lies in build/adopt/<name>/ until every line has its
// place: called again, it takes what a person placed in the tree.
func adopt(root, name, from string) error {
	old, err := loadRelease(root, from)
	if err != nil {
		return err
	}
	r := &release{name: name, root: root, dir: filepath.Join(root, "build", "adopt", name)}
	home := filepath.Join(root, "patches", name)
	if isDir(home) {
		return fmt.Errorf("%s exists already", home)
	}
	if !isDir(r.patchDir()) {
		if err := r.begin(old); err != nil {
			return err
		}
	} else if r, err = loadReleaseIn(root, name, r.dir); err != nil {
		return err
	}
	if err := refresh(r); err != nil {
		return err
	}
	patches, err := r.loadPatches()
	if err != nil {
		return err
	}
	was, err := old.loadPatches()
	if err != nil {
		return err
	}
	if lost := lostLines(was, patches); len(lost) > 0 {
		return fmt.Errorf("these lines have no place yet. Put them into %s, then run the same command again:\n  %s",
			r.treeDir(), strings.Join(lost, "\n  "))
	}
	return os.Rename(r.patchDir(), home)
}

// begin makes the patch folder and the tree.
func (r *release) begin(old *release) error {
	m, err := download(old.patchDir(), module, r.name)
	if err != nil {
		return err
	}
	r.UpstreamTests, r.UpstreamSkip, r.sum = old.UpstreamTests, old.UpstreamSkip, m.Sum
	for _, step := range []func() error{
		func() error { return copyOurs(old, r) },
		func() error { return r.pin(m) },
		func() error { return r.choosePlayer(m.Dir) },
		r.save,
	} {
		if err := step(); err != nil {
			return errors.Join(err, os.RemoveAll(r.patchDir()))
		}
	}
	unplaced, err := r.placeLines(old, m.Dir)
	for _, u := range unplaced {
		fmt.Printf("AMBIGUOUS %v\n", u)
	}
	return err
}

func copyOurs(old, r *release) error {
	for _, dir := range []string{"_overlay", "bridge"} {
		if err := copyTree(filepath.Join(old.patchDir(), dir), filepath.Join(r.patchDir(), dir)); err != nil {
			return err
		}
	}
	if err := copyFile(filepath.Join(old.patchDir(), "go.mod"), filepath.Join(r.patchDir(), "go.mod")); err != nil {
		return err
	}
	return renameVersion(r.patchDir(), old.name, r.name)
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

// placeLines makes a copy of the new module with the old release's call-site
// lines, each at its anchor. Those that have no single place are left out, and
// returned.
func (r *release) placeLines(old *release, dir string) (unplaced []error, err error) {
	oldDir, err := old.downloadModule()
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(r.buildDir()); err != nil {
		return nil, err
	}
	if err := copyTree(dir, r.treeDir()); err != nil {
		return nil, err
	}
	patches, err := old.loadPatches()
	if err != nil {
		return nil, err
	}
	for _, p := range patches {
		left, err := r.placeFile(p, filepath.Join(oldDir, p.Target))
		if err != nil {
			return nil, err
		}
		unplaced = append(unplaced, left...)
	}
	return unplaced, nil
}

func (r *release) placeFile(p *patch, oldFile string) (unplaced []error, err error) {
	base, err := os.ReadFile(oldFile)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(r.treeDir(), p.Target)
	buf, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return []error{fmt.Errorf("%s is gone: find where its lines belong now\n%s", p.Target, p.format())}, nil
	}
	if err != nil {
		return nil, err
	}
	old, cur := strings.Split(string(base), "\n"), strings.Split(string(buf), "\n")
	q := &patch{Target: p.Target}
	for _, in := range p.Insertions {
		to, err := place(p.Target, old, cur, in)
		if err != nil {
			unplaced = append(unplaced, err)
			continue
		}
		if to.Note != "" {
			fmt.Printf("look at   %s:%d, %q: %s\n", p.Target, to.After+1, strings.TrimSpace(firstLine(in)), to.Note)
		}
		q.insert(insertion{After: to.After, Lines: in.Lines})
	}
	if buf, err = q.apply(buf); err != nil {
		return nil, err
	}
	fmt.Printf("placed    %s: %d of %d\n", p.Target, len(p.Insertions)-len(unplaced), len(p.Insertions))
	return unplaced, os.WriteFile(file, buf, 0o644)
}

// insert adds an insertion in order; two at the same place become one.
func (p *patch) insert(in insertion) {
	i, same := slices.BinarySearchFunc(p.Insertions, in.After, func(x insertion, at int) int { return x.After - at })
	if same {
		p.Insertions[i].Lines = slices.Concat(p.Insertions[i].Lines, in.Lines)
		return
	}
	p.Insertions = slices.Insert(p.Insertions, i, in)
}

func firstLine(in insertion) string {
	for _, line := range in.Lines {
		if strings.TrimSpace(line) != "" {
			return line
		}
	}
	return ""
}

// lostLines returns the lines of the old patches that the new ones don't have.
func lostLines(old, cur []*patch) []string {
	count := map[string]int{}
	each := func(all []*patch, f func(string)) {
		for _, p := range all {
			for _, in := range p.Insertions {
				for _, line := range in.Lines {
					if line = strings.Join(strings.Fields(line), " "); line != "" {
						f(line)
					}
				}
			}
		}
	}
	each(cur, func(line string) { count[line]++ })
	var lost []string
	each(old, func(line string) {
		if count[line]--; count[line] < 0 {
			lost = append(lost, line)
		}
	})
	return lost
}
