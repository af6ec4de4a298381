package upload

import (
	"fmt"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// Only what is finished, stored, reported and old is forgotten, whole.
func TestHistory(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.halt()
	const old, young = 100 * day, 80 * day
	cases := []struct {
		name  string
		ended time.Duration // ago
		state state.RecordingState
		file  state.FileState
		keep  bool // a local file that is to be deleted later
		event state.DeliveryState
		gone  bool
	}{
		{"stored", old, state.Done, state.FileStored, false, state.DeliveryDelivered, true},
		{"expired", old, state.Done, state.FileExpired, false, state.DeliveryParked, true},
		{"lost", old, state.Done, state.FileLost, false, state.DeliveryDelivered, true},
		{"no endpoint", old, state.Done, state.FileStored, false, "", true},
		{"young", young, state.Done, state.FileStored, false, state.DeliveryDelivered, false},
		{"not reported", old, state.Done, state.FileStored, false, state.DeliveryWaiting, false},
		{"parked", old, state.Done, state.FileParked, false, state.DeliveryDelivered, false},
		{"to be stored", old, state.Finalizing, state.FileEnded, false, state.DeliveryDelivered, false},
		{"to be deleted", old, state.Done, state.FileStored, true, state.DeliveryDelivered, false},
	}
	now := time.Now()
	must(t, b.db.UpdateNow(t.Context(), func(tx *state.Tx) error {
		for i, c := range cases {
			id := int64(i + 1)
			if err := tx.InsertRecording(&state.RecordingRow{ID: id, State: c.state, Plan: []byte("{}"), Ended: now.Add(-c.ended)}); err != nil {
				return err
			}
			for n := range int64(2*pruneStep + 7) {
				f := &state.FileRow{ID: 1000*id + n, Recording: id, Format: "mp4", Store: "local", Object: fmt.Sprintf("%d-%d", id, n),
					State: state.FileStored, Started: now}
				if n == 3 {
					if f.State = c.file; c.keep {
						f.Expires = now.Add(time.Hour)
					}
				}
				if err := tx.InsertFile(f); err != nil {
					return err
				}
			}
			if err := tx.PutPart(state.PartRow{File: 1000*id + 1, Number: 1}); err != nil {
				return err
			}
			var endpoints []string
			if c.event != "" {
				endpoints = []string{"e"}
			}
			if err := tx.AddEvent(state.Event{ID: c.name, Recording: id, Kind: state.EventFile, Body: []byte("{}")}, endpoints...); err != nil {
				return err
			}
			if _, err := tx.Exec(`UPDATE deliveries SET state=? WHERE event=?`, string(c.event), c.name); err != nil {
				return err
			}
		}
		return nil
	}))
	count := func(query string, args ...any) (n int) {
		must(t, b.db.Reader().QueryRowContext(t.Context(), query, args...).Scan(&n))
		return n
	}
	must(t, b.m.keepTime(t.Context()))
	must(t, b.m.pruneAll(t.Context(), 0))
	if n := count(`SELECT COUNT(*) FROM recordings`); n != len(cases) {
		t.Fatalf("history 0 left %d recordings", n)
	}
	must(t, b.m.pruneAll(t.Context(), 90*day))
	for i, c := range cases {
		id := i + 1
		got := [4]int{count(`SELECT COUNT(*) FROM recordings WHERE id=?`, id), count(`SELECT COUNT(*) FROM files WHERE recording=?`, id),
			count(`SELECT COUNT(*) FROM parts WHERE file=?`, 1000*id+1), count(`SELECT COUNT(*) FROM events WHERE recording=?`, id)}
		want := [4]int{1, 2*pruneStep + 7, 1, 1}
		if c.gone {
			want = [4]int{}
		}
		if got != want {
			t.Errorf("%s: recordings, files, parts and events left: %v, expected %v", c.name, got, want)
		}
	}
	if n := count(`SELECT COUNT(*) FROM pruned`) + count(`SELECT COUNT(*) FROM deliveries WHERE event NOT IN (SELECT id FROM events)`); n != 0 {
		t.Errorf("%d rows are left over", n)
	}
}

// A run that was cut off between the recording and its files: it is not listed, and
// the next run deletes the rest. The Mover does so by itself.
func TestHistoryGoesOn(t *testing.T) {
	t.Parallel()
	b := newBench(t, benchOptions{})
	b.halt()
	must(t, b.db.UpdateNow(t.Context(), func(tx *state.Tx) error {
		for id := range int64(250) {
			r := &state.RecordingRow{ID: id + 1, State: state.Done, Plan: []byte("{}"), Ended: time.Now().Add(-100 * day)}
			if err := tx.InsertRecording(r); err != nil {
				return err
			}
			f := &state.FileRow{ID: id + 1, Recording: id + 1, Format: "mp4", Store: "local", Object: fmt.Sprint(id), State: state.FileStored}
			if err := tx.InsertFile(f); err != nil {
				return err
			}
		}
		return tx.PruneRecording(1, time.Now().Add(-90*day))
	}))
	b.options.History = func() time.Duration { return 90 * day }
	b.run()
	b.until("all is forgotten", minute, func() bool {
		var n int
		must(t, b.db.Reader().QueryRowContext(t.Context(),
			`SELECT (SELECT COUNT(*) FROM recordings) + (SELECT COUNT(*) FROM files) + (SELECT COUNT(*) FROM pruned)`).Scan(&n))
		return n == 0
	})
}
