package torture

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var (
	seed   = flag.Uint64("seed", 1, "of everything that is drawn by chance")
	n      = flag.Int("n", 0, "kills; 0 = a short run of everything")
	keep   = flag.String("keep", "", "folder for what a failed run leaves: the server's and the bucket's")
	server = flag.String("server", "mediamtx", "the server to torture, a name below bin/")
)

// long tells whether the whole suite was asked for.
func long() bool { return *n > 0 }

// pick returns what a short run does, or a long one.
func pick[T any](short, whole T) T {
	if long() {
		return whole
	}
	return short
}

// scenario begins a scenario. Those of a short run go on side by side: they
// mostly wait.
func scenario(t *testing.T) {
	if !long() {
		t.Parallel()
	}
}

// random draws what a scenario needs; each scenario has a sequence of its own.
func random(scenario uint64) *rand.Rand { return rand.New(rand.NewPCG(*seed, scenario)) }

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", pick("6", "8")) // the flag is the testing package's
	os.Exit(m.Run())
}

// keepable returns dir, which is copied to -keep at the end of a test that failed.
func keepable(t *testing.T, name, dir string) string {
	t.Cleanup(func() {
		if !t.Failed() || *keep == "" {
			return
		}
		if err := os.CopyFS(filepath.Join(*keep, name), os.DirFS(dir)); err != nil {
			t.Logf("keeping %s: %v", dir, err)
		}
	})
	return dir
}
