package metrics

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/internal/state"
)

func TestMetrics(t *testing.T) {
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	m := New(Options{DB: db, Log: slog.New(slog.DiscardHandler),
		Queues:     func() (int64, int64) { return 3, 4096 },
		Spools:     func() map[string]int64 { return map[string]int64{"cos": 7} },
		SpoolLimit: func() int64 { return 9 },
	})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{"liverecord_dropped_units 3", "liverecord_queue_bytes 4096", `liverecord_spool_bytes{store="cos"} 7`, "liverecord_spool_limit_bytes 9"} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("%s is missing in\n%s", line, w.Body)
		}
	}
}
