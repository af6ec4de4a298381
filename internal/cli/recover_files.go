package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

func (v *survey) add(x step) { v.steps = append(v.steps, x) }

// recording looks at what was being written when the server stopped.
func (v *survey) recording(r *state.RecordingRow) error {
	pinned, err := plan.DecodePinned(r.Plan)
	if err != nil {
		return fmt.Errorf("recording %d: plan: %w", r.ID, err)
	}
	windows := splices(pinned.Formats)
	files, err := state.Files(v.c.ctx, v.db.Reader(), "WHERE recording=? AND state IN (?,?) ORDER BY parent, seq, id",
		r.ID, string(state.FileOpen), string(state.FileWaiting))
	if err != nil {
		return err
	}
	for _, f := range files {
		format := f.Format
		if f.Parent != 0 {
			format = string(config.HLS)
		}
		if err := v.open(r, f, windows[format+" "+f.Store]); err != nil {
			return err
		}
	}
	if len(files) == 0 {
		v.add(step{Recording: view.ID(r.ID), Object: r.Domain + "/" + r.App + "/" + r.Stream, Does: "end", Detail: "it had no open file"})
	}
	return nil
}

// open is about a file that was growing.
func (v *survey) open(r *state.RecordingRow, f *state.FileRow, splice time.Duration) error {
	x := step{Recording: view.ID(r.ID), Object: f.Object, Store: f.Store}
	if _, ok := v.s.Stores[f.Store]; !ok {
		x.Does, x.Problem = "keep", true
		x.Detail = "its store is not in the configuration any more; put it back, with its data"
		v.add(x)
		return nil
	}
	d, err := v.dir(f.Store)
	if err != nil {
		return err
	}
	if f.Format == string(config.HLS) {
		v.ending(&x, r, splice, f.Started, "the playlist")
		v.add(x)
		return nil
	}
	rep, last, err := v.examine(d, f.Spool)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, spool.ErrNoHeader):
		x.Does, x.Detail = "drop", "nothing of it had been written"
	case errors.Is(err, spool.ErrBad):
		x.Does, x.Detail, x.Problem = "set aside", setAsideText(err), true
	case err != nil:
		x.Does, x.Detail, x.Problem = "keep", err.Error(), true
	case rep.Body == 0:
		x.Does, x.Detail = "drop", "it holds no whole sample"
	case f.Parent != 0:
		x.Does, x.Detail = "store", "piece, "+wholeText(rep)
	default:
		v.ending(&x, r, splice, last, wholeText(rep))
	}
	v.add(x)
	return nil
}

// ending says whether a file waits for its publisher or is finished.
func (v *survey) ending(x *step, r *state.RecordingRow, splice time.Duration, last time.Time, what string) {
	if until := r.SpliceWindow(splice, last, v.now, v.running[r.Task]); !until.IsZero() {
		x.Does, x.Detail = "wait", fmt.Sprintf("%s; goes on if the publisher returns until %s, else it is finished", what, timeText(until))
		return
	}
	x.Does, x.Detail = "finish", what+"; is finished and stored"
}

func wholeText(rep spool.Report) string {
	s := bytesText(rep.Body) + " whole"
	if rep.Damaged > 0 {
		s = fmt.Sprintf("%s whole, %s damaged and left out", bytesText(rep.Body-rep.Damaged), bytesText(rep.Damaged))
	}
	if rep.Torn() {
		s += fmt.Sprintf(", %d torn bytes are cut off", rep.CutBody)
	}
	return s
}

// setAsideText says what becomes of a file that can't be understood.
func setAsideText(err error) string {
	return err.Error() + "; it gets a name that ends in .bad, and is kept"
}

// examine looks at a spool file; last is when it was written to.
func (v *survey) examine(d *spool.Dir, name string) (rep spool.Report, last time.Time, err error) {
	if d == nil {
		return rep, last, fs.ErrNotExist
	}
	v.known[d.Path()+"/"+name] = true
	if info, err := os.Stat(d.BodyPath(name)); err == nil {
		last = info.ModTime()
	}
	_, rep, err = d.Examine(name)
	return rep, last, err
}

// ended is about a file that was on its way to its store.
func (v *survey) ended(f *state.FileRow) error {
	x := step{Recording: view.ID(f.Recording), Object: f.Object, Store: f.Store, Does: "store"}
	if f.State == state.FileParked {
		x.Does, x.Problem = "keep", true
		x.Detail = "parked: " + f.Error + "; it is tried again when the configuration changes"
		v.add(x)
		_, _, _ = v.spooled(f) // its spool file is no stray
		return nil
	}
	if f.Format == string(config.HLS) {
		x.Detail = "the finished playlist, after its pieces"
		v.add(x)
		return nil
	}
	parts, err := state.Parts(v.c.ctx, v.db.Reader(), f.ID)
	if err != nil {
		return err
	}
	rep, _, err := v.spooled(f)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, spool.ErrNoHeader):
		x.Detail = "its bytes are not in the spool: the store is asked whether it has them"
		x.Problem = true
	case errors.Is(err, spool.ErrBad):
		x.Does, x.Detail, x.Problem = "set aside", setAsideText(err), true
	case err != nil:
		x.Does, x.Detail, x.Problem = "keep", err.Error(), true
	default:
		x.Detail = wholeText(rep)
		if len(parts) > 0 {
			x.Detail += ", " + count(len(parts), "part") + " there already"
		}
		if f.Error != "" {
			x.Detail += fmt.Sprintf(", after %s: %s", count(f.Attempts, "failed attempt"), f.Error)
		}
	}
	v.add(x)
	return nil
}

func (v *survey) spooled(f *state.FileRow) (spool.Report, time.Time, error) {
	d, err := v.dir(f.Store)
	if err != nil {
		return spool.Report{}, time.Time{}, err
	}
	return v.examine(d, f.Spool)
}

// strays are files of the spool that no row in the state waits for.
func (v *survey) strays() error {
	seen := map[string]bool{}
	for _, store := range v.s.stores() {
		d, err := v.dir(store)
		if err != nil {
			return err
		}
		if d == nil || seen[d.Path()] {
			continue
		}
		seen[d.Path()] = true
		names, err := d.Names()
		if err != nil {
			return err
		}
		orphans, err := d.Orphans()
		if err != nil {
			return err
		}
		for _, n := range append(names, orphans...) {
			if !v.known[d.Path()+"/"+n] {
				if err := v.stray(d, n); err != nil {
					return err
				}
			}
		}
		if err := v.asides(d); err != nil {
			return err
		}
	}
	return nil
}

// asides are what earlier starts set aside.
func (v *survey) asides(d *spool.Dir) error {
	files, err := d.Asides()
	if err != nil {
		return err
	}
	for _, a := range files {
		v.add(step{Object: a.Path, Does: "leave", Detail: bytesText(a.Bytes) + " that could not be understood; see docs/operations.md", Problem: true})
	}
	return nil
}

func (v *survey) stray(d *spool.Dir, name string) error {
	h, rep, err := d.Examine(name)
	x := step{Object: h.Object, Store: h.Store, Recording: view.ID(h.Recording)}
	if errors.Is(err, spool.ErrNoHeader) {
		v.add(step{Object: name, Does: "remove", Detail: "nothing of it had been written"})
		return nil
	}
	if errors.Is(err, spool.ErrBad) {
		v.add(step{Object: name, Does: "set aside", Detail: setAsideText(err), Problem: true})
		return nil
	}
	if err != nil {
		v.add(step{Object: name, Does: "keep", Detail: err.Error(), Problem: true})
		return nil //nolint:nilerr // a finding, not a failure of the survey
	}
	if v.db != nil {
		f, err := state.FileByID(v.c.ctx, v.db.Reader(), h.File)
		switch {
		case err == nil && (f.State == state.FileStored || f.State == state.FileExpired):
			x.Does, x.Detail = "remove", "it is stored already"
			v.add(x)
			return nil
		case err == nil:
			return nil // of a recording that has not ended, or lost
		case !errors.Is(err, state.ErrNotFound):
			return err
		}
	}
	x.Does, x.Detail = "take up", "the state does not know it: "+wholeText(rep)+"; is finished and stored"
	if rep.Body == 0 {
		x.Does, x.Detail = "remove", "it holds no whole sample"
	}
	v.add(x)
	return nil
}
