package view

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

var now = time.Date(2026, 2, 2, 11, 20, 0, 0, time.UTC)

func TestRecording(t *testing.T) {
	r := &state.RecordingRow{ID: 1807121258070784645, Domain: "d", App: "live/room", Stream: "s", State: state.Interrupted, Rule: "/live/room/",
		Deadline: now.Add(90 * time.Second)}
	v := OfRecording(r, now)
	if v.ID != "1807121258070784645" || v.By != "rule */live/room/*" || v.Remaining != 90 || !v.Until.Equal(r.Deadline) || v.Name() != "d/live/room/s" {
		t.Errorf("%+v", v)
	}
	if v = OfRecording(r, now.Add(time.Hour)); v.Remaining != 0 {
		t.Errorf("after the deadline %d s remain", v.Remaining)
	}
	r.State, r.Task = state.Recording, "t1"
	if v = OfRecording(r, now); v.By != "task t1" || !v.Until.IsZero() {
		t.Errorf("%+v", v)
	}
	for rule, want := range map[string]string{"": "", "x": "x", "a/b": "a/b", "d/a/s": "d/a/s", "//": "*/*/*"} {
		if got := ruleText(rule); got != want {
			t.Errorf("%q: %q, want %q", rule, got, want)
		}
	}
}

func TestFile(t *testing.T) {
	v := OfFile(&state.FileRow{ID: 5, Format: "mp4", Duration: 1500 * time.Millisecond, HasCRC: true, CRC64: 1 << 63})
	if v.ID != "5" || v.Duration != 1.5 || v.CRC64 != "9223372036854775808" {
		t.Errorf("%+v", v)
	}
	if v = OfFile(&state.FileRow{}); v.CRC64 != "" {
		t.Errorf("a checksum of nothing: %+v", v)
	}
}

// The JSON is what command line, console and scripts read: it comes back as it was.
func TestJSON(t *testing.T) {
	for _, want := range []any{
		&Recording{ID: "1", Started: now, Files: []File{{ID: "2", Due: now}}, Dropped: 3,
			Outputs: []Output{{Format: "hls", Store: "local", Object: "o", Bytes: 4, Media: time.Second, Pieces: 5, Problem: "p", Until: now}}},
		&Explanation{Stream: "d/a/s", Verdicts: []plan.Verdict{{Rule: plan.Rule{App: "live"}, Matches: true, Won: true, Reason: "r"}},
			Live: []Live{{Path: "live/s", Protocol: "rtmp", RemoteAddr: "x", Since: now, Recordings: []int64{1807121258070784645}, Why: "w", Discarded: 6}}},
		&Resent{Event: "e"},
		&Event{ID: "e", Created: now, Deliveries: []Delivery{{Endpoint: "u", Due: now, Error: "x"}}},
	} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err := json.Unmarshal(data, got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v\nwant %+v\nas %s", err, got, want, data)
		}
	}
}
