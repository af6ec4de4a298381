package recorder

import (
	"context"
	"fmt"

	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// setAsideByName gives up a file of the spool that no recording has open and that
// can't be understood.
func (r *Recorder) setAsideByName(ctx context.Context, p Place, name string, cause error) error {
	why, err := r.putAside(p.Dir, name, cause)
	if err != nil {
		return err
	}
	files, err := state.Files(ctx, r.o.DB.Reader(), "WHERE spool=? AND state IN (?,?,?,?)", name,
		string(state.FileOpen), string(state.FileWaiting), string(state.FileEnded), string(state.FileParked))
	if err != nil {
		return err
	}
	for _, f := range files {
		err := r.o.DB.UpdateNow(ctx, func(tx *state.Tx) error { return r.giveUp(ctx, tx, f, why) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Recorder) putAside(dir *spool.Dir, name string, cause error) (why string, err error) {
	path, size, err := dir.SetAside(name)
	if err != nil {
		return "", err
	}
	if at, n := dir.AsideOf(name); at != "" { // the body, if a crash came between it and the journal
		path, size = at, n
	}
	r.o.Log.Error("a file was set aside", "file", path, "bytes", size, "error", cause)
	return fmt.Sprintf("%v; it is kept as %s (%d bytes)", cause, path, size), nil
}

// giveUp writes down that a file is lost, and tells of it. One that a store has
// parts of is parked: they may be the only copy of something.
func (r *Recorder) giveUp(ctx context.Context, tx *state.Tx, f *state.FileRow, why string) error {
	f.State, f.Error = state.FileLost, why
	if f.Upload != "" && f.Parent == 0 {
		f.State = state.FileParked
	}
	if err := tx.SettleFile(f); err != nil {
		return err
	}
	rec, err := state.RecordingByID(ctx, tx, f.Recording)
	if err != nil {
		return err
	}
	if err := r.o.Events.NotStored(tx, rec, f, why); err != nil {
		return err
	}
	_, err = tx.SetRecordingDoneIfStored(f.Recording)
	return err
}
