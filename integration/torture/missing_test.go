//go:build torture

package torture

import (
	"testing"

	"github.com/live-recording/liverecord/integration/faultfs"
)

// missingOps are operations that the source has and a traced run has not seen.
func missingOps(t *testing.T, rows []matrixRow) {
	t.Helper()
	seen := map[faultfs.Op]bool{}
	for _, r := range rows {
		seen[r.Op] = true
	}
	for _, dir := range []string{"internal/spool", "internal/store/local", "internal/state"} {
		for name, where := range diskCalls(t, dir) {
			for _, op := range callOps[name] {
				if !seen[op] {
					t.Errorf("%s: %s was not seen in the traced run, so the matrix lacks it", where, op)
				}
			}
		}
	}
}
