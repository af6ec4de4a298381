//go:build torture

package torture

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

var write = flag.Bool("write", false, "write the figures of this run into docs/torture.md")

var writing sync.Mutex

// report logs the figures of a run, and with -write puts them into
// docs/torture.md, between the markers of that name.
func report(t *testing.T, name, text string) {
	t.Helper()
	t.Logf("%s: %s", name, text)
	if !*write || t.Failed() {
		return
	}
	insert(t, name, fmt.Sprintf("%s (SEED=%d N=%d, %s)", text, *seed, *n, time.Now().Format("2 January 2006")))
}

// insert replaces what stands between the markers <!-- NAME:begin --> and
// <!-- NAME:end --> of docs/torture.md.
func insert(t *testing.T, name, text string) {
	t.Helper()
	writing.Lock()
	defer writing.Unlock()
	path := filepath.Join(lab.Root(t), "docs", "torture.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	head, rest, ok := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("docs/torture.md lacks the markers of %q", name)
	}
	if err := os.WriteFile(path, []byte(head+begin+text+"\n"+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
