package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder/output"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// adopt looks through the spool folders for files that the state does not know:
// the state was lost, or restored from an older copy. Their headers say what
// they are, so their rows are made anew. Files that are stored already go.
func (r *Recorder) adopt(ctx context.Context) {
	seen := map[*spool.Dir]bool{}
	for _, name := range r.o.Stores() {
		p, err := r.o.Place(name)
		if err != nil || seen[p.Dir] {
			continue
		}
		seen[p.Dir] = true
		if err := r.adoptFolder(ctx, name, p); err != nil { // one folder's trouble is not that of the others
			r.o.Log.Error("a folder of growing files can't be looked through, will be retried", "folder", p.Dir.Path(), "error", err)
			r.takeUpLater(leftover{store: name}, err)
		}
	}
}

func (r *Recorder) adoptFolder(ctx context.Context, store string, p Place) error {
	names, err := p.Dir.Names()
	if err != nil {
		return err
	}
	orphans, err := p.Dir.Orphans()
	if err != nil {
		return err
	}
	for _, n := range append(names, orphans...) {
		if err := r.adoptFile(ctx, p, n); err != nil {
			r.o.Log.Error("a file in the spool can't be taken up now, will be retried", "file", n, "error", err)
			r.takeUpLater(leftover{store, n}, err)
		}
	}
	return nil
}

func (r *Recorder) adoptFile(ctx context.Context, p Place, name string) error {
	if _, live := p.Dir.Live(name); live {
		return nil
	}
	h, err := p.Dir.Header(name)
	switch {
	case errors.Is(err, spool.ErrNoHeader), errors.Is(err, fs.ErrNotExist):
		return p.Dir.Remove(name) // created in the instant of the crash
	case errors.Is(err, spool.ErrBad):
		return r.setAsideByName(ctx, p, name, err)
	case err != nil:
		return err
	}
	f, err := state.FileByID(ctx, r.o.DB.Reader(), h.File)
	switch {
	case err == nil && (f.State == state.FileStored || f.State == state.FileExpired):
		return p.Dir.Remove(name) // the crash came between the row and the deletion
	case err == nil && f.State == state.FileLost: // given up; what there is of it stays
		return r.setAsideByName(ctx, p, name, errors.New("its file was given up: "+f.Error))
	case err == nil:
		return nil
	case !errors.Is(err, state.ErrNotFound):
		return err
	}
	return r.adoptUnknown(ctx, p, name)
}

// adoptUnknown makes a row for a file that the state does not know.
func (r *Recorder) adoptUnknown(ctx context.Context, p Place, name string) error {
	h, rep, err := r.repair(p, name)
	if errors.Is(err, spool.ErrBad) {
		return r.setAsideByName(ctx, p, name, err)
	}
	if err != nil {
		return err
	}
	if rep.Body == 0 {
		return p.Dir.Remove(name)
	}
	return r.o.DB.UpdateNow(ctx, func(tx *state.Tx) error { return r.insertAdopted(ctx, tx, name, h, rep) })
}

// repair makes the most of a file, except of one that is an object already: that is
// package upload's.
func (r *Recorder) repair(p Place, name string) (spool.Header, spool.Report, error) {
	if p.Dir.Linked(name) {
		h, rep, err := p.Dir.Examine(name)
		rep.CutBody = 0 // the object has more than the body
		return h, rep, err
	}
	sp, h, rep, err := p.Dir.Open(name)
	if err == nil {
		err = errors.Join(sp.Fill(h.Tracks, output.Filler(r.o.Formats, h.Format)), sp.Close())
	}
	return h, rep, err
}

func (r *Recorder) insertAdopted(ctx context.Context, tx *state.Tx, name string, h spool.Header, rep spool.Report) error {
	row := &state.FileRow{ID: h.File, Recording: h.Recording, Parent: h.Parent, Seq: h.Seq, Format: h.Format, Store: h.Store,
		Object: h.Object, State: state.FileEnded, Spool: name, Started: h.Started, Ended: time.Now(), Size: rep.Body}
	if err := json.Unmarshal(h.Detail, &row.Detail); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	row.Detail.Cut, row.Detail.Damaged = rep.CutBody, rep.Damaged
	if format, ok := r.o.Formats[config.FormatName(h.Format)]; ok {
		place, err := r.o.Place(h.Store)
		if err != nil {
			return err
		}
		if info, err := format.Inspect(h.Tracks, place.Dir.Records(name)); err == nil {
			row.Duration = info.Duration
		}
	}
	if plan.IsUnnamed(row.Object) { // its key was to hold its end
		row.Object = fmt.Sprintf("recovered/%d.%s", row.ID, row.Format)
	}
	if err := r.insertOwner(ctx, tx, h); err != nil {
		return err
	}
	taken, err := tx.TakenObject(row.Store, row.Object)
	if err != nil {
		return err
	}
	if taken {
		row.Object = fmt.Sprintf("recovered/%d.%s", row.ID, row.Format)
	}
	r.o.Log.Warn("a file that the state did not know was found in the spool", "object", row.Object, "bytes", rep.Body, "damaged", rep.Damaged)
	return tx.InsertFile(row)
}

// insertOwner makes sure that the file's recording (and playlist) has a row.
func (r *Recorder) insertOwner(ctx context.Context, tx *state.Tx, h spool.Header) error {
	_, err := state.RecordingByID(ctx, tx, h.Recording)
	if errors.Is(err, state.ErrNotFound) {
		var rec state.RecordingRow
		if err := json.Unmarshal(h.Stream, &rec); err != nil {
			return fmt.Errorf("header: %w", err)
		}
		rec.State, rec.Deadline, rec.Ended, rec.Reason = state.Finalizing, time.Time{}, time.Now(), "recovered from the spool"
		err = tx.InsertRecording(&rec)
	}
	if err != nil || h.Parent == 0 {
		return err
	}
	_, err = state.FileByID(ctx, tx, h.Parent)
	if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	dir, _, _ := cutLast(h.Object, "/")
	list := &state.FileRow{ID: h.Parent, Recording: h.Recording, Format: string(config.HLS), Store: h.Store,
		Object: plan.Final(dir, config.HLS), State: state.FileEnded, Started: h.Started, Ended: time.Now(),
		Detail: state.FileDetail{Container: "fmp4", Target: 60, Live: true}}
	if h.Format == state.FormatTS {
		list.Detail.Container = "ts"
	}
	return tx.InsertFile(list)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
