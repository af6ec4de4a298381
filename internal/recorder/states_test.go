package recorder

import (
	"testing"

	"github.com/live-recording/liverecord/internal/state"
)

// The whole table: what is not in it must leave the state as it is.
func TestStates(t *testing.T) {
	type cell struct {
		s state.RecordingState
		x signal
	}
	table := map[cell]state.RecordingState{
		{state.Recording, sigEnd}:       state.Interrupted,
		{state.Recording, sigEndFree}:   state.Finalizing,
		{state.Recording, sigStop}:      state.Finalizing,
		{state.Interrupted, sigReturn}:  state.Recording,
		{state.Interrupted, sigEnd}:     state.Interrupted,
		{state.Interrupted, sigEndFree}: state.Finalizing,
		{state.Interrupted, sigPassed}:  state.Finalizing,
		{state.Interrupted, sigStop}:    state.Finalizing,
		{state.Finalizing, sigStored}:   state.Done,
	}
	for _, s := range []state.RecordingState{state.Recording, state.Interrupted, state.Finalizing, state.Done, "unheard of"} {
		for _, x := range signals {
			to, ok := next(s, x)
			want, meant := table[cell{s, x}]
			if !meant {
				want = s
			}
			if to != want || ok != meant {
				t.Errorf("%s, signal %d: %s, %v; want %s, %v", s, x, to, ok, want, meant)
			}
		}
	}
}
