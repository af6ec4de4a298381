package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const module = "github.com/bluenviron/mediamtx"

var defaultLine = regexp.MustCompile(`(?m)^MEDIAMTX \?= (v\S+)$`)

// defaultRelease returns the release that is built if none is named: the
// Makefile says which.
func defaultRelease(root string) (string, error) {
	buf, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return "", err
	}
	m := defaultLine.FindSubmatch(buf)
	if m == nil {
		return "", errors.New("the Makefile has no line MEDIAMTX ?= v…")
	}
	return string(m[1]), nil
}

// release is what patches/<release>/ says about one release of MediaMTX.
type release struct {
	name string // v1.21.0
	root string // of this repository
	dir  string // where the patch lies, if not in patches/<release>/
	next bool   // it is becoming the default

	Player player `json:"player"`

	// Targets holds the SHA-256 of each file that call-site lines go into, as
	// released.
	Targets map[string]string `json:"targets"`

	// UpstreamTests are the packages whose own tests must pass on the patched
	// tree; UpstreamSkip is a pattern of tests that fail without a patch too.
	UpstreamTests []string `json:"upstreamTests"`
	UpstreamSkip  string   `json:"upstreamSkip"`

	sum string // of the module, from go.sum
}

func (r *release) patchDir() string {
	if r.dir != "" {
		return r.dir
	}
	return filepath.Join(r.root, "patches", r.name)
}
func (r *release) bridgeDir() string { return r.patchDir() }
func (r *release) buildDir() string  { return filepath.Join(r.root, "build", r.name) }
func (r *release) treeDir() string   { return filepath.Join(r.buildDir(), "mediamtx") }
func (r *release) workFile() string  { return filepath.Join(r.buildDir(), "go.work") }

// version is what the binary calls itself. The suffix keeps `mediamtx
// --upgrade` from replacing the binary by a stock one: it acts on vX.Y.Z only.
func (r *release) version() string { return r.name + "-liverecord" }

func loadRelease(root, name string) (*release, error) {
	return loadReleaseIn(root, name, "")
}

// loadReleaseIn reads a release whose patch lies in dir.
func loadReleaseIn(root, name, dir string) (*release, error) {
	r := &release{name: name, root: root, dir: dir}
	file := filepath.Join(r.patchDir(), "release.json")
	buf, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("no patch for MediaMTX %s; there is: %s", name, strings.Join(releases(root), ", "))
	}
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(buf))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r.sum, err = pinnedSum(filepath.Join(r.patchDir(), "go.sum"), name)
	return r, err
}

func releases(root string) []string {
	files, _ := filepath.Glob(filepath.Join(root, "patches", "v*", "release.json"))
	var names []string
	for _, f := range files {
		names = append(names, filepath.Base(filepath.Dir(f)))
	}
	slices.Sort(names)
	return names
}

// pinnedSum returns the checksum of the module's zip from go.sum.
func pinnedSum(goSum, version string) (string, error) {
	buf, err := os.ReadFile(goSum)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(buf)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == module && f[1] == version {
			return f[2], nil
		}
	}
	return "", fmt.Errorf("%s does not pin %s %s", goSum, module, version)
}

// downloadModule brings the released module into Go's module cache and returns
// its folder. Go verifies it by the checksum database; we compare it with
// our go.sum.
func (r *release) downloadModule() (string, error) {
	m, err := download(r.patchDir(), module, r.name)
	if err != nil {
		return "", err
	}
	if m.Sum != r.sum {
		return "", fmt.Errorf("%s %s in the module cache has checksum %s, go.sum says %s", module, r.name, m.Sum, r.sum)
	}
	return m.Dir, nil
}

// downloaded is what `go mod download` says of a module.
type downloaded struct{ Dir, Sum, GoModSum, Error string }

func download(dir, path, version string) (m downloaded, err error) {
	cmd := exec.Command("go", "mod", "download", "-json", path+"@"+version)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if jerr := json.Unmarshal(out, &m); jerr != nil && err == nil {
		err = jerr
	}
	if m.Error != "" {
		return m, fmt.Errorf("download of %s %s: %s", path, version, m.Error)
	}
	if err != nil {
		return m, fmt.Errorf("download of %s %s: %w%s", path, version, err, stderrOf(err))
	}
	return m, nil
}

func stderrOf(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok && len(e.Stderr) > 0 {
		return "\n" + strings.TrimSpace(string(e.Stderr))
	}
	return ""
}
