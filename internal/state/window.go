package state

import "time"

// SpliceWindow is until when a file of an earlier run waits for the publisher to
// return: the stored deadline, or, after a crash, the splice window from the time
// on at which the file was last written to. Zero if it does not wait. taskRuns
// tells whether the recording's task, if it has one, still runs. It is never
// longer than splice, however wrong the clock was that wrote the times.
func (r *RecordingRow) SpliceWindow(splice time.Duration, last, now time.Time, taskRuns bool) time.Time {
	if splice <= 0 || r.State == Finalizing || r.Task != "" && !taskRuns {
		return time.Time{}
	}
	until := last.Add(splice)
	if r.State == Interrupted && !r.Deadline.IsZero() && r.Deadline.Before(until) {
		until = r.Deadline
	}
	if !until.After(now) {
		return time.Time{}
	}
	if latest := now.Add(splice); until.After(latest) { // the clock was ahead and has come back
		return latest
	}
	return until
}
