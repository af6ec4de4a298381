package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// insertion is a block of lines that goes behind line After of a file.
type insertion struct {
	After int
	Lines []string
}

// patch holds the call-site lines of one file.
type patch struct {
	Target     string // path in MediaMTX, with slashes
	Insertions []insertion
}

var hunk = regexp.MustCompile(`^@@ -(\d+),0 \+(\d+)(?:,(\d+))? @@$`)

// parsePatch reads a patch in the form of `diff -U0`. It must only add lines,
// and hold no line of the file that it is for, not even behind @@.
func parsePatch(text string) (*patch, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || !strings.HasPrefix(lines[0], "--- a/") || !strings.HasPrefix(lines[1], "+++ b/") {
		return nil, fmt.Errorf("must begin with --- a/FILE and +++ b/FILE")
	}
	p := &patch{Target: strings.TrimPrefix(lines[1], "+++ b/")}
	if "--- a/"+p.Target != lines[0] || !filepath.IsLocal(p.Target) {
		return nil, fmt.Errorf("bad file name %q", p.Target)
	}
	for i, line := range lines[2:] {
		if m := hunk.FindStringSubmatch(line); m != nil {
			after, _ := strconv.Atoi(m[1])
			p.Insertions = append(p.Insertions, insertion{After: after})
		} else if added, ok := strings.CutPrefix(line, "+"); ok && len(p.Insertions) > 0 {
			last := &p.Insertions[len(p.Insertions)-1]
			last.Lines = append(last.Lines, added)
		} else {
			return nil, fmt.Errorf("line %d: only added lines are allowed: %q", i+3, line)
		}
	}
	return p, p.check()
}

func (p *patch) check() error {
	at := -1
	for _, in := range p.Insertions {
		if in.After <= at {
			return fmt.Errorf("hunk at line %d: not in order", in.After)
		}
		if len(in.Lines) == 0 {
			return fmt.Errorf("hunk at line %d adds nothing", in.After)
		}
		at = in.After
	}
	return nil
}

// format writes the patch in the form that parsePatch reads.
func (p *patch) format() string {
	var b strings.Builder
	fmt.Fprintf(&b, "--- a/%s\n+++ b/%s\n", p.Target, p.Target)
	added := 0
	for _, in := range p.Insertions {
		count := ""
		if n := len(in.Lines); n != 1 {
			count = "," + strconv.Itoa(n)
		}
		fmt.Fprintf(&b, "@@ -%d,0 +%d%s @@\n", in.After, in.After+added+1, count)
		for _, line := range in.Lines {
			fmt.Fprintf(&b, "+%s\n", line)
		}
		added += len(in.Lines)
	}
	return b.String()
}

// apply returns the file with the lines added.
func (p *patch) apply(file []byte) ([]byte, error) {
	lines := strings.SplitAfter(string(file), "\n")
	for _, in := range slices.Backward(p.Insertions) {
		if in.After >= len(lines) {
			return nil, fmt.Errorf("%s has no line %d", p.Target, in.After)
		}
		var block []string
		for _, line := range in.Lines {
			block = append(block, line+"\n")
		}
		lines = slices.Insert(lines, in.After, block...)
	}
	return []byte(strings.Join(lines, "")), nil
}

// diff returns the lines that edited has and file has not. Any other difference
// is an error: nothing of MediaMTX is changed or removed.
func diff(target string, file, edited []byte) (*patch, error) {
	p := &patch{Target: target}
	old := bytes.SplitAfter(file, []byte("\n"))
	i := 0
	for _, line := range bytes.SplitAfter(edited, []byte("\n")) {
		if i < len(old) && bytes.Equal(line, old[i]) {
			i++
			continue
		}
		text := strings.TrimSuffix(string(line), "\n")
		if n := len(p.Insertions); n > 0 && p.Insertions[n-1].After == i {
			p.Insertions[n-1].Lines = append(p.Insertions[n-1].Lines, text)
		} else {
			p.Insertions = append(p.Insertions, insertion{After: i, Lines: []string{text}})
		}
	}
	if i < len(old) {
		return nil, fmt.Errorf("%s: line %d was changed or removed; lines may only be added", target, i+1)
	}
	return p, nil
}

// loadPatches reads callsites/ of a release.
func (r *release) loadPatches() ([]*patch, error) {
	files, err := filepath.Glob(filepath.Join(r.patchDir(), "callsites", "*.patch"))
	if err != nil {
		return nil, err
	}
	var all []*patch
	for _, f := range files {
		buf, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		p, err := parsePatch(string(buf))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// patchFile is the name of the patch of a target: internal/core/path.go →
// internal-core-path.go.patch.
func (r *release) patchFile(target string) string {
	return filepath.Join(r.patchDir(), "callsites", strings.ReplaceAll(target, "/", "-")+".patch")
}
