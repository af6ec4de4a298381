package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// filler is what knows how a damaged range of a file of that format is filled.
func (r *Recorder) filler(format string) any {
	switch format {
	case state.FormatTS:
		return hls.TS.Format()
	case state.FormatM4S:
		return hls.FMP4.Format()
	case state.FormatInit:
		return fmp4.InitFormat{}
	}
	return r.o.Formats[config.FormatName(format)]
}

// damaged reports that a file holds bytes that are not what was written.
func (rec *recording) damaged(row *state.FileRow, bytes int64) {
	rec.log.Error("a file is damaged on the disk; what is whole of it is kept", "object", row.Object, "damaged", bytes)
	rec.r.o.Events.Abnormal(&rec.row, Abnormality{Kind: WriteFailed, Occurs: 1,
		Desc: fmt.Sprintf("%s: %d bytes were damaged on the disk and are left out", row.Object, bytes)})
}

// unreadable leaves a file that can't be taken up now for later.
func (rec *recording) unreadable(row *state.FileRow, err error) {
	rec.log.Error("a file of an earlier run can't be taken up now, will be retried", "object", row.Object, "error", err)
	rec.r.takeUpLater(leftover{row.Store, row.Spool}, err)
}

// setAside gives up a file of the recording that can't be understood.
func (rec *recording) setAside(p Place, row *state.FileRow, cause error) {
	why, err := rec.r.putAside(p, row.Spool, cause)
	if err != nil {
		rec.unreadable(row, err)
		return
	}
	now := *row
	rec.ledger.add(row.Object, func() error {
		return rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
			return rec.r.giveUp(context.Background(), tx, &now, why)
		})
	})
}

// setAsideByName does the same with a file of the spool that no recording has open.
func (r *Recorder) setAsideByName(ctx context.Context, p Place, name string, cause error) error {
	why, err := r.putAside(p, name, cause)
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

func (r *Recorder) putAside(p Place, name string, cause error) (why string, err error) {
	path, size, err := p.Dir.SetAside(name)
	if err != nil {
		return "", err
	}
	if at, n := p.Dir.AsideOf(name); at != "" { // the body, if a crash came between it and the journal
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

// reopen repairs a growing file. last is when it was last written to. nil: there
// is nothing of it, it was set aside, or it can't be read now.
func (rec *recording) reopen(p Place, row *state.FileRow) (c *openFile, last time.Time) {
	if s, err := os.Stat(p.Dir.BodyPath(row.Spool)); err == nil {
		last = s.ModTime()
	}
	sp, h, rep, err := p.Dir.Open(row.Spool)
	if err == nil {
		if err = sp.Fill(h.Tracks, rec.r.filler(row.Format)); err != nil {
			err = errors.Join(err, sp.Close())
		}
	}
	at, _ := p.Dir.AsideOf(row.Spool)
	switch {
	case errors.Is(err, fs.ErrNotExist) && at != "": // and the row could not be written then
		rec.setAside(p, row, errors.New("the file was set aside before"))
		return nil, last
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, spool.ErrNoHeader):
		rec.dropFile(row, p)
		return nil, last
	case errors.Is(err, spool.ErrBad):
		rec.setAside(p, row, err)
		return nil, last
	case err != nil: // one file's trouble is not that of the others
		rec.unreadable(row, err)
		return nil, last
	}
	row.Detail.Cut += rep.CutBody
	row.Detail.Damaged = rep.Damaged
	if rep.Torn() {
		rec.log.Warn("a torn file was repaired", "object", row.Object, "bytes", rep.Body, "cut", rep.CutBody)
	}
	if rep.Damaged > 0 {
		rec.damaged(row, rep.Damaged)
	}
	c = &openFile{row: *row, sp: sp}
	for i := range h.Tracks {
		c.tracks = append(c.tracks, &h.Tracks[i])
	}
	return c, last
}
