package recorder

import "github.com/live-recording/liverecord/internal/state"

// signal is what happens to a recording.
type signal int

const (
	sigReturn  signal = iota // a publication that belongs to it begins
	sigEnd                   // its publication ended; some output waits for the next
	sigEndFree               // its publication ended; no output waits
	sigPassed                // the last splice window has passed
	sigStop                  // stopped: task over, command, rule or domain changed
	sigStored                // all its files are stored
)

var signals = []signal{sigReturn, sigEnd, sigEndFree, sigPassed, sigStop, sigStored}

// next is the life of a recording as a pure function. ok is false where the
// signal has no meaning; the state stays then.
//
//	recording ──end──▶ interrupted ──return──▶ recording
//	    │                  │
//	    └─end, none waits / stop / passed─▶ finalizing ──stored──▶ done
//
// A restart or crash of the server is an end. What arrives while finalizing or
// later belongs to a new recording: the deadline counts, not the work left.
func next(s state.RecordingState, x signal) (to state.RecordingState, ok bool) {
	switch s {
	case state.Recording:
		switch x {
		case sigEnd:
			return state.Interrupted, true
		case sigEndFree, sigStop:
			return state.Finalizing, true
		}
	case state.Interrupted:
		switch x {
		case sigReturn:
			return state.Recording, true
		case sigEnd: // a restart while it waits
			return state.Interrupted, true
		case sigEndFree, sigPassed, sigStop:
			return state.Finalizing, true
		}
	case state.Finalizing:
		if x == sigStored {
			return state.Done, true
		}
	}
	return s, false
}
