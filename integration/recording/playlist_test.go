package recording

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

// checkGrowing checks a version of a growing playlist, and that what it lists
// is stored.
func checkGrowing(t *testing.T, list, before, text string) {
	t.Helper()
	for _, bad := range hlstest.Validate(text) {
		t.Errorf("%s\n%s", bad, text)
	}
	if before != "" {
		for _, bad := range hlstest.Growth(before, text) {
			t.Errorf("%s\nbefore:\n%s\nafter:\n%s", bad, before, text)
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if st, err := os.Stat(filepath.Join(filepath.Dir(list), line)); err != nil || st.Size() == 0 {
			t.Errorf("%s is listed but not stored: %v", line, err)
		}
	}
}
