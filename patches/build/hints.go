package main

import (
	"bytes"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// When MediaMTX moves a type to another package, or exports a field, our files
// in its packages no longer compile, and the compiler or the module itself says
// how the new name reads. fixNames repairs these two cases, and nothing else.

var (
	undefinedName = regexp.MustCompile(`^(\S+\.go):(\d+):(\d+): undefined: (\w+)$`)
	renamedMember = regexp.MustCompile(`^(\S+\.go):(\d+):(\d+): .*but does have (?:field|method) (\w+)\)$`)
	identifier    = regexp.MustCompile(`^\w+`)
)

// fix is one edit of a file of ours.
type fix struct {
	file      string // in patches/<release>/
	line, col int    // from 1, in bytes
	to        string
	imports   string // path of the package that to needs; empty if none
}

// fixNames edits files of ours as far as the output of a failed build tells how.
// It returns what it did, for a person to look at.
func (r *release) fixNames(output []byte) ([]string, error) {
	var fixes []fix
	for line := range strings.Lines(string(output)) {
		line = strings.TrimSpace(line)
		if m := renamedMember.FindStringSubmatch(line); m != nil {
			fixes = append(fixes, newFix(r.ourFile(m[1]), m[2], m[3], m[4], ""))
		} else if m := undefinedName.FindStringSubmatch(line); m != nil {
			name, pkg, err := r.movedType(m[4])
			if err != nil {
				return nil, err
			}
			if pkg != "" {
				fixes = append(fixes, newFix(r.ourFile(m[1]), m[2], m[3], path.Base(pkg)+"."+name, pkg))
			}
		}
	}
	fixes = slices.DeleteFunc(fixes, func(f fix) bool { return f.file == "" })
	// from the end, so that an edit moves no place of another
	slices.SortFunc(fixes, func(a, b fix) int { return (b.line-a.line)*1000 + b.col - a.col })
	var done []string
	for _, f := range slices.Compact(fixes) {
		from, err := f.apply()
		if err != nil {
			return done, err
		}
		rel, _ := filepath.Rel(r.root, f.file)
		done = append(done, fmt.Sprintf("%s:%d: %s is now %s", filepath.ToSlash(rel), f.line, from, f.to))
	}
	for _, f := range fixes {
		if f.imports == "" {
			continue
		}
		if err := addImport(f.file, f.imports); err != nil {
			return done, err
		}
	}
	return done, nil
}

func newFix(file, line, col, to, imports string) fix {
	l, _ := strconv.Atoi(line)
	c, _ := strconv.Atoi(col)
	return fix{file: file, line: l, col: c, to: to, imports: imports}
}

// ourFile returns our copy of a file that the compiler names, which is relative
// to the tree; empty if it is not ours.
func (r *release) ourFile(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(r.treeDir(), name)
	}
	if rel, err := filepath.Rel(r.treeDir(), name); err == nil && filepath.IsLocal(rel) {
		name = filepath.Join(r.patchDir(), "_overlay", rel)
	}
	if rel, err := filepath.Rel(r.patchDir(), name); err != nil || !filepath.IsLocal(rel) {
		return ""
	}
	if _, err := os.Stat(name); err != nil {
		return ""
	}
	return name
}

// movedType looks for the one type of the tree that has the name of a type that
// is gone, exported. It returns no package if there is none, or several.
func (r *release) movedType(gone string) (name, pkg string, err error) {
	first, size := utf8.DecodeRuneInString(gone)
	name = string(unicode.ToUpper(first)) + gone[size:]
	decl := regexp.MustCompile(`(?m)^type ` + name + `\b`)
	found := map[string]bool{}
	err = filepath.WalkDir(filepath.Join(r.treeDir(), "internal"), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		buf, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if decl.Match(buf) {
			rel, err := filepath.Rel(r.treeDir(), filepath.Dir(file))
			if err != nil {
				return err
			}
			found[module+"/"+filepath.ToSlash(rel)] = true
		}
		return nil
	})
	if err != nil || len(found) != 1 {
		return name, "", err
	}
	for pkg = range found {
	}
	return name, pkg, nil
}

// apply replaces the identifier, and returns what it was.
func (f fix) apply() (from string, err error) {
	buf, err := os.ReadFile(f.file)
	if err != nil {
		return "", err
	}
	lines := strings.Split(string(buf), "\n")
	if f.line > len(lines) || f.col > len(lines[f.line-1]) {
		return "", fmt.Errorf("%s has no place %d:%d", f.file, f.line, f.col)
	}
	head, tail := lines[f.line-1][:f.col-1], lines[f.line-1][f.col-1:]
	from = identifier.FindString(tail)
	lines[f.line-1] = head + f.to + tail[len(from):]
	return from, os.WriteFile(f.file, []byte(strings.Join(lines, "\n")), 0o644)
}

var importLine = regexp.MustCompile(`(?m)^import (?:\(\n|("[^"]+")\n)`)

func addImport(file, pkg string) error {
	buf, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	quoted := strconv.Quote(pkg)
	m := importLine.FindSubmatchIndex(buf)
	if m == nil || bytes.Contains(buf, []byte(quoted)) {
		return nil
	}
	block := "import (\n\t" + quoted + "\n\n"
	if m[2] >= 0 {
		block += "\t" + string(buf[m[2]:m[3]]) + "\n)\n"
	}
	buf, err = format.Source(slices.Concat(buf[:m[0]], []byte(block), buf[m[1]:]))
	if err != nil {
		return err
	}
	return os.WriteFile(file, buf, 0o644)
}
