package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPatchRoundTrip(t *testing.T) {
	file := "a\nb\nc\n"
	for _, edited := range []string{
		"a\nnew\nb\nc\n",
		"first\na\nb\nc\n",
		"a\nb\nc\nlast\nlast2\n",
		"a\nx\n\ny\nb\nc\nz\n",
		"a\na\nb\nc\n",
	} {
		p, err := diff("x/f.go", []byte(file), []byte(edited))
		if err != nil {
			t.Fatalf("%q: %v", edited, err)
		}
		q, err := parsePatch(p.format())
		if err != nil {
			t.Fatalf("%q: %v\n%s", edited, err, p.format())
		}
		got, err := q.apply([]byte(file))
		if err != nil || string(got) != edited {
			t.Errorf("%q: %q, %v", edited, got, err)
		}
	}
}

func TestDiffRefusesOtherChanges(t *testing.T) {
	for _, edited := range []string{"a\nc\n", "a\nB\nc\n", "", "a\nb\nc"} {
		if p, err := diff("f.go", []byte("a\nb\nc\n"), []byte(edited)); err == nil {
			t.Errorf("%q: %+v", edited, p)
		}
	}
}

func TestParsePatchRefuses(t *testing.T) {
	head := "--- a/f.go\n+++ b/f.go\n"
	for name, text := range map[string]string{
		"no header":         "@@ -1,0 +2 @@\n+x\n",
		"two names":         "--- a/f.go\n+++ b/g.go\n@@ -1,0 +2 @@\n+x\n",
		"way out":           "--- a/../f.go\n+++ b/../f.go\n@@ -1,0 +2 @@\n+x\n",
		"removed line":      head + "@@ -1 +1 @@\n-x\n+y\n",
		"context":           head + "@@ -1,0 +2 @@\n x\n+y\n",
		"text behind hunk":  head + "@@ -1,0 +2 @@ func f() {\n+y\n",
		"not in order":      head + "@@ -5,0 +6 @@\n+x\n@@ -2,0 +3 @@\n+y\n",
		"same place":        head + "@@ -5,0 +6 @@\n+x\n@@ -5,0 +7 @@\n+y\n",
		"empty hunk":        head + "@@ -5,0 +6 @@\n@@ -7,0 +8 @@\n+y\n",
		"line without hunk": head + "+y\n",
		"nothing":           "",
	} {
		if p, err := parsePatch(text); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestApplyBeyondTheEnd(t *testing.T) {
	p := &patch{Target: "f.go", Insertions: []insertion{{After: 9, Lines: []string{"x"}}}}
	if _, err := p.apply([]byte("a\n")); err == nil || !strings.Contains(err.Error(), "f.go") {
		t.Errorf("%v", err)
	}
}

// fakeRelease has a module folder, and a patch folder with one call site.
func fakeRelease(t *testing.T) (r *release, module string) {
	t.Helper()
	root, module := t.TempDir(), t.TempDir()
	write(t, filepath.Join(module, "internal", "core", "path.go"), "one\ntwo\n")
	r = &release{name: "v9.9.9", root: root, sum: "h1:x"}
	sum, err := fileSum(filepath.Join(module, "internal", "core", "path.go"))
	if err != nil {
		t.Fatal(err)
	}
	r.Targets = map[string]string{"internal/core/path.go": sum}
	write(t, r.patchFile("internal/core/path.go"), "--- a/internal/core/path.go\n+++ b/internal/core/path.go\n@@ -1,0 +2 @@\n+ours\n")
	write(t, filepath.Join(r.patchDir(), "_overlay", "internal", "core", "zz.go"), "package core\n")
	return r, module
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUnexpectedTargetIsNamed(t *testing.T) {
	r, module := fakeRelease(t)
	if err := r.verifyTargets(module); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(module, "internal", "core", "path.go"), "one\nTWO\n")
	if err := r.verifyTargets(module); err == nil || !strings.Contains(err.Error(), "internal/core/path.go") {
		t.Errorf("%v", err)
	}
	r.Targets = nil
	if err := r.verifyTargets(module); err == nil || !strings.Contains(err.Error(), "internal/core/path.go") {
		t.Errorf("%v", err)
	}
}

func TestTree(t *testing.T) {
	r, module := fakeRelease(t)
	if err := copyTree(module, r.treeDir()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() error{r.applyPatches, r.addOverlay, r.writeVersion, r.writeWork, r.addCamera} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		"internal/core/path.go": "one\nours\ntwo\n",
		"internal/core/zz.go":   "package core\n",
		"internal/core/VERSION": "v9.9.9-liverecord",
		"internal/staticsources/rpicamera/mtxrpicam_64/not-included": "",
	} {
		if got, err := os.ReadFile(filepath.Join(r.treeDir(), file)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	if err := r.addOverlay(); err == nil || !strings.Contains(err.Error(), "zz.go") {
		t.Errorf("an overlay file that replaces another: %v", err)
	}
	patches, err := r.edited(module)
	if err != nil || len(patches) != 1 || !slices.Equal(patches[0].Insertions[0].Lines, []string{"ours"}) {
		t.Errorf("edited: %+v, %v", patches, err)
	}
}

func TestStampCoversEveryInput(t *testing.T) {
	r, _ := fakeRelease(t)
	seen := map[string]string{}
	for _, file := range []string{"", "release.json", "callsites/x.patch", "_overlay/internal/core/zz.go", "go.sum"} {
		if file != "" {
			write(t, filepath.Join(r.patchDir(), file), "changed")
		}
		s, err := r.stamp()
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[s]; ok {
			t.Errorf("the stamp is the same after a change of %q and of %q", file, other)
		}
		seen[s] = file
	}
	before, _ := r.stamp()
	write(t, filepath.Join(r.patchDir(), "bridge", "b.go"), "package bridge")
	if after, _ := r.stamp(); after != before {
		t.Error("a change of the bridge makes a new tree")
	}
}

func TestPinnedSum(t *testing.T) {
	f := filepath.Join(t.TempDir(), "go.sum")
	write(t, f, module+" v1.0.0/go.mod h1:no=\n"+module+" v1.0.0 h1:yes=\n")
	if got, err := pinnedSum(f, "v1.0.0"); err != nil || got != "h1:yes=" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := pinnedSum(f, "v1.0.1"); err == nil {
		t.Error("a sum of another version")
	}
}

func TestPlayer(t *testing.T) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{"package/package.json": "{}", playerMember: "script"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	z.Close()
	dir := t.TempDir()
	pack := filepath.Join(dir, "p.tgz")
	write(t, pack, buf.String())
	script, err := member(pack, playerMember)
	if err != nil || string(script) != "script" {
		t.Fatalf("%q, %v", script, err)
	}
	if _, err := member(pack, "package/none"); err == nil {
		t.Error("found what is not there")
	}

	file := filepath.Join(dir, "hls.js")
	write(t, file, "script")
	sum := sha256.Sum256(script)
	p := player{Version: "1", SHA256: hex.EncodeToString(sum[:])}
	if err := p.verify(file); err != nil {
		t.Error(err)
	}
	write(t, file, "another")
	if err := p.verify(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
}

// TestReleases makes sure that what is in patches/ can be built, and adds
// little to MediaMTX.
func TestReleases(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	usual, err := defaultRelease(root)
	if err != nil {
		t.Fatal(err)
	}
	names := releases(root)
	if !slices.Contains(names, usual) {
		t.Fatalf("releases %v", names)
	}
	for _, name := range names {
		r, err := loadRelease(root, name)
		if err != nil {
			t.Fatal(err)
		}
		patches, err := r.loadPatches()
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, p := range patches {
			if r.Targets[p.Target] == "" {
				t.Errorf("%s: no checksum of %s", name, p.Target)
			}
			for _, in := range p.Insertions {
				lines += len(in.Lines)
			}
		}
		if len(patches) != len(r.Targets) || lines >= 60 {
			t.Errorf("%s: %d patches, %d targets, %d lines", name, len(patches), len(r.Targets), lines)
		}
	}
	if _, err := loadRelease(root, "v0.0.1"); err == nil || !strings.Contains(err.Error(), usual) {
		t.Errorf("an unknown release: %v", err)
	}
}
