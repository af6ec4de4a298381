package players

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

var installing sync.Mutex

// nodeModules installs the pinned npm packages below build/players, once, and
// returns their folder.
func nodeModules(t *testing.T) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	dir := filepath.Join(lab.Root(t), "build", "players")
	wanted, err := os.ReadFile(filepath.Join("node", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(dir, "installed.json")
	if have, err := os.ReadFile(done); err == nil && bytes.Equal(have, wanted) {
		return filepath.Join(dir, "node_modules")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("node", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(need(t, "npm", "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", dir, err, out)
	}
	if err := os.WriteFile(done, wanted, 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "node_modules")
}

// need finds a program or says what to install.
func need(t *testing.T, program, packages string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s, or make deps", program, packages)
	}
	return path
}
