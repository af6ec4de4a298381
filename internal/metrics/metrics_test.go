package metrics

import (
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/live-recording/liverecord/internal/hang"
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
		Spools:     func() map[string]Spool { return map[string]Spool{"cos": {Bytes: 7, Aside: 2}} },
		Away:       func() map[string]bool { return map[string]bool{"cos": false, "nas": true} },
		Memory:     func() Memory { return Memory{Used: 5, Limit: 50, Dropped: 6} },
		Broken:     func() (int, error) { return 1, nil },
		SpoolLimit: func() int64 { return 9 },
	})
	err = db.Update(t.Context(), func(tx *state.Tx) error {
		if err := tx.InsertRecording(&state.RecordingRow{ID: 1, Stream: "s", Plan: []byte("{}"), State: state.Recording}); err != nil {
			return err
		}
		for id, st := range []state.FileState{state.FileEnded, state.FileEnded, state.FileParked, state.FileStored} {
			err := tx.InsertFile(&state.FileRow{ID: int64(id + 1), Recording: 1, Format: "mp4", Store: "cos", Object: string(rune('a' + id)), State: st, Size: 10})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := shown(m)
	for _, line := range []string{"liverecord_dropped_units 3", "liverecord_queue_bytes 4096", `liverecord_spool_bytes{store="cos"} 7`, "liverecord_spool_limit_bytes 9",
		`liverecord_spool_set_aside_files{store="cos"} 2`, `liverecord_store_away{store="cos"} 0`, `liverecord_store_away{store="nas"} 1`,
		"liverecord_memory_bytes 5", "liverecord_memory_limit_bytes 50", "liverecord_memory_dropped_units_total 6",
		"liverecord_state_broken 1", "liverecord_state_hangs 0", `liverecord_recordings{state="recording"} 1`,
		`liverecord_files{state="ended",store="cos"} 2`, `liverecord_files{state="parked",store="cos"} 1`, `liverecord_backlog_bytes{store="cos"} 20`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
	if strings.Contains(text, `state="stored"`) {
		t.Errorf("what is stored counts:\n%s", text)
	}
}

func shown(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// While the state's disk hangs, the other counts are shown without those of the state.
func TestStateHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Options{Log: slog.New(slog.DiscardHandler),
			Queues: func() (int64, int64) { return 3, 0 }, Spools: func() map[string]Spool { return nil }, Away: func() map[string]bool { return nil },
			SpoolLimit: func() int64 { return 9 }, Memory: func() Memory { return Memory{} },
		})
		hung := make(chan struct{})
		m.state = hang.Ask(func() ([]prometheus.Metric, error) {
			<-hung
			return []prometheus.Metric{gauge(descBroken, 0)}, nil
		})
		text := shown(m)
		if !strings.Contains(text, "liverecord_state_hangs 1\n") || !strings.Contains(text, "liverecord_dropped_units 3\n") ||
			strings.Contains(text, "liverecord_state_broken") {
			t.Errorf("while it hangs:\n%s", text)
		}
		close(hung)
		synctest.Wait()
		if text := shown(m); !strings.Contains(text, "liverecord_state_hangs 0\n") || !strings.Contains(text, "liverecord_state_broken 0\n") {
			t.Errorf("when it answers again:\n%s", text)
		}
	})
}
