package recorder

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// A splice window is never longer than splice, however far ahead the clock was
// that wrote its begin or its deadline.
func TestSpliceWindow(t *testing.T) {
	now := time.Now()
	const splice = 5 * time.Minute
	for _, c := range []struct {
		state          state.RecordingState
		last, deadline time.Duration // from now
		want           time.Duration // 0 = closed
	}{
		{state.Recording, -time.Minute, 0, 4 * time.Minute},
		{state.Recording, -time.Hour, 0, 0},
		{state.Interrupted, -time.Minute, 2 * time.Minute, 2 * time.Minute},
		{state.Interrupted, -time.Minute, 5 * time.Hour, 4 * time.Minute},
		{state.Recording, 5 * time.Hour, 0, splice},
		{state.Interrupted, 5 * time.Hour, 5*time.Hour + splice, splice},
	} {
		rec := &recording{now: now}
		rec.row.State = c.state
		if c.deadline != 0 {
			rec.row.Deadline = now.Add(c.deadline)
		}
		got := rec.window(splice, now.Add(c.last))
		if c.want == 0 && !got.IsZero() || c.want > 0 && !got.Equal(now.Add(c.want)) {
			t.Errorf("%+v: until %v", c, got.Sub(now))
		}
	}
}
