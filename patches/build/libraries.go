package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The repository's go.mod has the versions of the libraries that the default
// release's binary is built with, so that unit tests run with what is shipped.
// An older release is built with a go.mod of its own in the repository's place:
// in a workspace the higher version wins, and MediaMTX would get libraries that
// it was not released with.

// libraryDrift returns what unit tests have in another version than the binary:
// arguments for go get.
func libraryDrift(r *release) ([]string, error) {
	buf, err := os.ReadFile(filepath.Join(r.root, "go.mod"))
	if err != nil {
		return nil, err
	}
	ours := requirements(string(buf))
	args := []string{"list", "-m", "-f", "{{.Path}} {{.Version}}"}
	for path := range ours {
		args = append(args, path)
	}
	slices.Sort(args[4:])
	cmd := exec.Command("go", args...)
	cmd.Dir = r.treeDir()
	cmd.Env = append(os.Environ(), "GOWORK="+r.workFile())
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w%s", err, stderrOf(err))
	}
	return drift(ours, string(out)), nil
}

// drift compares what we require with lines of "module version".
func drift(ours map[string]string, built string) []string {
	var differ []string
	for line := range strings.Lines(built) {
		f := strings.Fields(line)
		if len(f) == 2 && ours[f[0]] != f[1] {
			differ = append(differ, f[0]+"@"+f[1])
		}
	}
	return differ
}

var requireLine = regexp.MustCompile(`(?m)^(?:require )?\s*(\S+\.\S+/\S+|\S+\.\S+) (v\S+)(?: // indirect)?$`)

// requirements returns the modules that a go.mod requires, with their versions.
func requirements(mod string) map[string]string {
	all := map[string]string{}
	for _, m := range requireLine.FindAllStringSubmatch(mod, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// checkLibraries fails if the libraries of the default release's binary are not
// those of the unit tests.
func checkLibraries(r *release) error {
	name, err := defaultRelease(r.root)
	if err != nil || r.name != name {
		return err
	}
	differ, err := libraryDrift(r)
	if err != nil || len(differ) == 0 {
		return err
	}
	return fmt.Errorf("unit tests and bin/mediamtx have different versions of libraries. Run: GOWORK=off go get %s && GOWORK=off go mod tidy",
		strings.Join(differ, " "))
}

// alignLibraries brings the repository's go.mod to the versions of the binary.
// A module may ask for others, so it takes rounds.
func alignLibraries(r *release) error {
	const rounds = 5
	for range rounds {
		differ, err := libraryDrift(r)
		if err != nil || len(differ) == 0 {
			return err
		}
		for _, args := range [][]string{append([]string{"get"}, differ...), {"mod", "tidy"}} {
			cmd := exec.Command("go", args...)
			cmd.Dir = r.root
			cmd.Env = append(os.Environ(), "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
			}
		}
	}
	return checkLibraries(r)
}

// ownLibraries writes the go.mod that takes the place of the repository's when
// an older release is built, and returns the file for go's -overlay. It has the
// versions of that release, and no library of MediaMTX's authors that this
// release does not know.
func (r *release) ownLibraries() (overlay string, err error) {
	ours, err := os.ReadFile(filepath.Join(r.root, "go.mod"))
	if err != nil {
		return "", err
	}
	theirs, err := os.ReadFile(filepath.Join(r.treeDir(), "go.mod"))
	if err != nil {
		return "", err
	}
	mod := filepath.Join(r.buildDir(), "liverecord.mod")
	if err := os.WriteFile(mod, []byte(lowered(string(ours), string(theirs))), 0o644); err != nil {
		return "", err
	}
	overlay = filepath.Join(r.buildDir(), "overlay.json")
	text := fmt.Sprintf("{\"Replace\": {%q: %q}}\n", filepath.Join(r.root, "go.mod"), mod)
	return overlay, os.WriteFile(overlay, []byte(text), 0o644)
}

// lowered returns our go.mod with the versions of theirs, and without the
// bluenviron modules that theirs does not require.
func lowered(ours, theirs string) string {
	versions := requirements(theirs)
	return requireLine.ReplaceAllStringFunc(ours, func(line string) string {
		m := requireLine.FindStringSubmatch(line)
		v, ok := versions[m[1]]
		if !ok && strings.HasPrefix(m[1], "github.com/bluenviron/") {
			return ""
		}
		if !ok {
			return line
		}
		return strings.Replace(line, " "+m[2], " "+v, 1)
	})
}
