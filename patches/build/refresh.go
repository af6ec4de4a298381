package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// refresh compares the tree, in which a person has edited files, with the
// released module, and writes callsites/ and the checksums from it.
func refresh(r *release) error {
	src, err := r.downloadModule()
	if err != nil {
		return err
	}
	patches, err := r.edited(src)
	if err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(r.patchDir(), "callsites", "*.patch"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			return err
		}
	}
	r.Targets = map[string]string{}
	lines := 0
	for _, p := range patches {
		if err := os.MkdirAll(filepath.Dir(r.patchFile(p.Target)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(r.patchFile(p.Target), []byte(p.format()), 0o644); err != nil {
			return err
		}
		if r.Targets[p.Target], err = fileSum(filepath.Join(src, p.Target)); err != nil {
			return err
		}
		for _, in := range p.Insertions {
			lines += len(in.Lines)
		}
	}
	fmt.Printf("%d call-site lines in %d files\n", lines, len(patches))
	return r.save()
}

// edited returns a patch for each Go file of the module that differs in the
// tree.
func (r *release) edited(src string) ([]*patch, error) {
	var all []*patch
	err := filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		edited, err := os.ReadFile(filepath.Join(r.treeDir(), rel))
		if err != nil || bytes.Equal(file, edited) {
			return err
		}
		p, err := diff(filepath.ToSlash(rel), file, edited)
		all = append(all, p)
		return err
	})
	return all, err
}

func (r *release) save() error {
	buf, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.patchDir(), "release.json"), append(buf, '\n'), 0o644)
}
