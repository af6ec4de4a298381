package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// makeTree makes build/<release>/mediamtx from a fresh copy of the module, if
// one of its inputs changed since the last time.
func makeTree(r *release) error {
	stamp, err := r.stamp()
	if err != nil {
		return err
	}
	stampFile := filepath.Join(r.buildDir(), "stamp")
	if old, err := os.ReadFile(stampFile); err == nil && string(old) == stamp {
		return nil
	}
	// without its stamp, a tree that is half made is never taken for a whole one
	if err := os.RemoveAll(stampFile); err != nil {
		return err
	}
	fmt.Printf("preparing MediaMTX %s\n", r.name)
	src, err := r.downloadModule()
	if err != nil {
		return err
	}
	if err := r.verifyTargets(src); err != nil {
		return err
	}
	if err := os.RemoveAll(r.treeDir()); err != nil {
		return err
	}
	if err := copyTree(src, r.treeDir()); err != nil {
		return err
	}
	for _, step := range []func() error{r.applyPatches, r.addOverlay, r.writeVersion, r.writeWork, r.addPlayer, r.addCamera} {
		if err := step(); err != nil {
			return err
		}
	}
	return os.WriteFile(stampFile, []byte(stamp), 0o644)
}

// stamp sums up all inputs of the tree.
func (r *release) stamp() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, module, r.name, r.sum, r.version())
	err := filepath.WalkDir(r.patchDir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "bridge" {
				return fs.SkipDir // compiled where it is
			}
			return nil
		}
		buf, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(r.patchDir(), path)
		fmt.Fprintln(h, filepath.ToSlash(rel), len(buf))
		h.Write(buf)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// verifyTargets makes sure that call-site lines go into the very files that
// they were made for: a patch without context applies to any file.
func (r *release) verifyTargets(src string) error {
	patches, err := r.loadPatches()
	if err != nil {
		return err
	}
	for _, p := range patches {
		want, ok := r.Targets[p.Target]
		if !ok {
			return fmt.Errorf("release.json has no checksum of %s", p.Target)
		}
		got, err := fileSum(filepath.Join(src, filepath.FromSlash(p.Target)))
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%s of MediaMTX %s is not the file that the patch was made for (sha256 %s, expected %s); "+
				"see docs/upgrading-mediamtx.md", p.Target, r.name, got, want)
		}
	}
	return nil
}

func fileSum(path string) (string, error) {
	buf, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:]), nil
}

func (r *release) applyPatches() error {
	patches, err := r.loadPatches()
	if err != nil {
		return err
	}
	for _, p := range patches {
		file := filepath.Join(r.treeDir(), filepath.FromSlash(p.Target))
		buf, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if buf, err = p.apply(buf); err != nil {
			return err
		}
		if err := os.WriteFile(file, buf, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// addOverlay adds our files. They never replace one of MediaMTX.
func (r *release) addOverlay() error {
	overlay := filepath.Join(r.patchDir(), "_overlay")
	return filepath.WalkDir(overlay, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(overlay, path)
		if err != nil {
			return err
		}
		dst := filepath.Join(r.treeDir(), rel)
		if _, err := os.Stat(dst); err == nil {
			return fmt.Errorf("_overlay/%s would replace a file of MediaMTX", filepath.ToSlash(rel))
		}
		return copyFile(path, dst)
	})
}

func (r *release) writeVersion() error {
	return os.WriteFile(filepath.Join(r.treeDir(), "internal", "core", "VERSION"), []byte(r.version()), 0o644)
}

// writeWork writes the workspace of the copy, the bridge and us. It keeps the
// go.mod of MediaMTX untouched, and lets the bridge import internal packages.
func (r *release) writeWork() error {
	text := strings.Join([]string{
		"go 1.26.0", "",
		"use (", "\t./mediamtx", "\t../../patches/" + r.name, "\t../..", ")", "",
	}, "\n")
	return os.WriteFile(r.workFile(), []byte(text), 0o644)
}

// addCamera lets linux/arm and linux/arm64 compile. There MediaMTX embeds a
// program for the Raspberry Pi camera that its module does not hold; without it
// everything works but paths with `source: rpiCamera`. To have these, put the
// folders mtxrpicam_32 and mtxrpicam_64 of a MediaMTX source release into
// build/cache/.
func (r *release) addCamera() error {
	dir := filepath.Join(r.treeDir(), "internal", "staticsources", "rpicamera")
	for _, name := range []string{"mtxrpicam_32", "mtxrpicam_64"} {
		dst := filepath.Join(dir, name)
		if cached := filepath.Join(r.root, "build", "cache", name); isDir(cached) {
			if err := copyTree(cached, dst); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dst, "not-included"), nil, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func isDir(path string) bool {
	i, err := os.Stat(path)
	return err == nil && i.IsDir()
}

func copyTree(src, dst string) error {
	return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(dst, rel), 0o755)
		}
		return copyFile(path, filepath.Join(dst, rel))
	})
}

func copyFile(src, dst string) error {
	buf, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	return os.WriteFile(dst, buf, 0o644)
}
