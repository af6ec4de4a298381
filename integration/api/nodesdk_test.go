package api

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const hint = "the Node SDK's tests need Node.js 18 or later and npm (Debian: apt-get install nodejs npm)"

func TestNodeSDK(t *testing.T) {
	installNodeSDK(t)
	for _, m := range methods {
		t.Run(m.sign+" "+m.http, func(t *testing.T) {
			f := serve(t)
			node(t, f, m.sign, m.http, "works")
			require.NoError(t, f.db.Close())
			node(t, f, m.sign, m.http, "broken")
		})
	}
}

// node runs one part of the script against a server.
func node(t *testing.T, f *fixture, sign, method, part string) {
	t.Helper()
	script, err := filepath.Abs("node/run.mjs")
	require.NoError(t, err)
	cmd := exec.Command("node", script, f.addr, secretID, secretKey, sign, method, part)
	cmd.Dir = installNodeSDK(t)
	cmd.Env = withoutProxy(os.Environ())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, part+": ok\n", string(out))
}

// withoutProxy leaves the proxy variables out, which the SDK honours for a
// loopback address too.
func withoutProxy(env []string) (out []string) {
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); !strings.HasSuffix(strings.ToLower(name), "_proxy") {
			out = append(out, e)
		}
	}
	return out
}

// installNodeSDK installs what the lock file names into build/node, once, and
// returns that folder.
func installNodeSDK(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		_, err := exec.LookPath(program)
		require.NoError(t, err, hint)
	}
	dir, err := filepath.Abs("../../build/node")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	lock, err := os.ReadFile("node/package-lock.json")
	require.NoError(t, err)
	installed := filepath.Join(dir, "installed-lock.json") // a copy, written when all is there
	if have, err := os.ReadFile(installed); err == nil && bytes.Equal(have, lock) {
		return dir
	}
	manifest, err := os.ReadFile("node/package.json")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), manifest, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package-lock.json"), lock, 0o644))
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "npm ci in %s failed; %s:\n%s", dir, hint, out)
	require.NoError(t, os.WriteFile(installed, lock, 0o644))
	return dir
}
