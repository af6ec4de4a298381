package recorder

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder/output"
	"github.com/live-recording/liverecord/internal/state"
)

// Recover takes up what an earlier run left, however that ended. A recording
// that was running or waiting is an interrupted one now: outputs whose splice
// window is still open wait for the publisher, the others are finished with all
// that is whole in the spool. Call it after SetTasks and
// before the first publication.
func (r *Recorder) Recover(ctx context.Context) error {
	rows, err := state.Recordings(ctx, r.o.DB.Reader(), `WHERE state IN (?,?) OR state=? AND EXISTS
		(SELECT 1 FROM files f WHERE f.recording=recordings.id AND f.state IN (?,?)) ORDER BY id`,
		string(state.Recording), string(state.Interrupted), string(state.Finalizing), string(state.FileOpen), string(state.FileWaiting))
	if err != nil {
		return err
	}
	for _, row := range rows {
		err := r.takeUp(ctx, row)
		if state.IsBroken(err) {
			return fmt.Errorf("recording %d: %w", row.ID, err)
		}
		if err != nil { // one recording's trouble is not that of the others
			r.o.Log.Error("a recording can't be taken up; it stays as it is until the next start", "recording", row.ID, "path", row.Path, "error", err)
		}
	}
	r.adopt(ctx)
	if err := r.settleDone(ctx); err != nil {
		return err
	}
	if len(rows) > 0 {
		r.o.Log.Info("took up what an earlier run left", "recordings", len(rows), "waiting", len(r.all))
	}
	return nil
}

// settleDone ends recordings that wait for files and have none any more: the power
// failed when the last one was dropped.
func (r *Recorder) settleDone(ctx context.Context) error {
	rows, err := state.Recordings(ctx, r.o.DB.Reader(), "WHERE state=?", string(state.Finalizing))
	if err != nil || len(rows) == 0 {
		return err
	}
	return r.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		for _, row := range rows {
			if _, err := tx.SetRecordingDoneIfStored(row.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeUp resumes the recording of a row, or ends it.
func (r *Recorder) takeUp(ctx context.Context, row *state.RecordingRow) error {
	pinned, err := plan.DecodePinned(row.Plan)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return r.takeUpAs(ctx, row, pinned)
}

// takeUpAs does so for the formats of a plan.
func (r *Recorder) takeUpAs(ctx context.Context, row *state.RecordingRow, pinned plan.Pinned) error {
	files, err := state.Files(ctx, r.o.DB.Reader(), "WHERE recording=? AND state IN (?,?) ORDER BY id",
		row.ID, string(state.FileOpen), string(state.FileWaiting))
	if err != nil {
		return err
	}
	if r.only != 0 {
		files = slices.DeleteFunc(files, func(f *state.FileRow) bool { return f.ID != r.only })
	}
	task, taskRuns := r.taskWindow(row.Task)
	rec := r.newRecording(*row, pinned, task)
	defer rec.ledger.wait(settleTime)
	deadline, err := rec.restore(files, taskRuns)
	if err != nil {
		return err
	}
	if rec.row.State == state.Finalizing { // their store was missing at the last start
		for _, o := range rec.outputs {
			o.Finish("the recording has ended before")
		}
		rec.ledger.add("the recording", func() error { // all may have been dropped
			return r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
				_, err := tx.SetRecordingDoneIfStored(row.ID)
				return err
			})
		})
		return nil
	}
	if deadline.IsZero() {
		rec.stop("the server was stopped")
		return nil
	}
	crashed := rec.row.State == state.Recording
	rec.row.State, _ = next(rec.row.State, sigEnd)
	rec.row.Deadline = deadline
	formats := rec.formats()
	rec.store(func(tx *state.Tx, row *state.RecordingRow) error {
		if !crashed { // reported when its publication ended
			return nil
		}
		return r.o.Events.Paused(tx, row, formats)
	})
	r.launch(rec)
	return nil
}

// restore gives the recording its outputs back. Until the returned time they
// wait; zero if none does.
func (rec *recording) restore(files []*state.FileRow, taskRuns bool) (deadline time.Time, err error) {
	for _, f := range rec.plan.Formats {
		place, err := rec.shared.Place(f.Store)
		if err != nil { // its files are kept; the store may come back
			rec.log.Error("a store is missing; what was recorded for it stays in the spool", "store", f.Store, "error", err)
			rec.outputs = append(rec.outputs, output.New(&rec.shared, f)) // it may come while the recording goes on
			continue
		}
		var own []*state.FileRow
		for _, x := range files {
			if x.Store == f.Store && (x.Format == string(f.Name) || f.Name == config.HLS && x.Parent != 0) {
				own = append(own, x)
			}
		}
		o, err := output.Reopen(&rec.shared, f, place, own, func(last time.Time) time.Time {
			return rec.row.SpliceWindow(f.Splice, last, rec.shared.Now, taskRuns)
		})
		if err != nil {
			return deadline, err
		}
		rec.outputs = append(rec.outputs, o)
		rec.told[f.Name] = len(own) > 0
		if until := o.Pending(); until.After(deadline) {
			deadline = until
		}
	}
	return deadline, nil
}
