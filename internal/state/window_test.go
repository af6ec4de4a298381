package state

import (
	"testing"
	"time"
)

// A splice window is never longer than splice, however far ahead the clock was
// that wrote its begin or its deadline.
func TestSpliceWindow(t *testing.T) {
	now := time.Now()
	const splice = 5 * time.Minute
	for _, c := range []struct {
		state          RecordingState
		last, deadline time.Duration // from now
		want           time.Duration // 0 = closed
	}{
		{Recording, -time.Minute, 0, 4 * time.Minute},
		{Recording, -time.Hour, 0, 0},
		{Interrupted, -time.Minute, 2 * time.Minute, 2 * time.Minute},
		{Interrupted, -time.Minute, 5 * time.Hour, 4 * time.Minute},
		{Recording, 5 * time.Hour, 0, splice},
		{Interrupted, 5 * time.Hour, 5*time.Hour + splice, splice},
		{Finalizing, -time.Minute, 0, 0},
	} {
		r := &RecordingRow{State: c.state}
		if c.deadline != 0 {
			r.Deadline = now.Add(c.deadline)
		}
		got := r.SpliceWindow(splice, now.Add(c.last), now, false)
		if c.want == 0 && !got.IsZero() || c.want > 0 && !got.Equal(now.Add(c.want)) {
			t.Errorf("%+v: until %v", c, got.Sub(now))
		}
	}
	task := &RecordingRow{State: Recording, Task: "x"}
	if task.SpliceWindow(splice, now, now, true).IsZero() || !task.SpliceWindow(splice, now, now, false).IsZero() {
		t.Error("a recording waits as long as its task runs")
	}
	if !(&RecordingRow{State: Recording}).SpliceWindow(0, now, now, true).IsZero() {
		t.Error("without splice nothing waits")
	}
}
