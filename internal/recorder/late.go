package recorder

import (
	"context"
	"fmt"
	"slices"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// RecoverLate takes up what an earlier run left in stores that could not be used
// when Recover ran: their files are finished with all that is whole in them.
// What records now is not touched: it can't have files in these stores before
// Options.Place knows them, so call RecoverLate before that.
func (r *Recorder) RecoverLate(ctx context.Context, places map[string]Place) error {
	o := r.o
	o.Place = func(store string) (Place, error) {
		if p, ok := places[store]; ok {
			return p, nil
		}
		return r.o.Place(store)
	}
	o.Stores = func() []string {
		var names []string
		for n := range places {
			names = append(names, n)
		}
		slices.Sort(names)
		return names
	}
	late := New(o) // the recordings that it takes up end at once
	late.report = r.takeUpLater
	for _, store := range o.Stores() {
		rows, err := state.Recordings(ctx, r.o.DB.Reader(), `WHERE EXISTS
			(SELECT 1 FROM files f WHERE f.recording=recordings.id AND f.store=? AND f.state IN (?,?)) ORDER BY id`,
			store, string(state.FileOpen), string(state.FileWaiting))
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := late.finishIn(ctx, row, store); err != nil {
				r.o.Log.Error("a recording can't be taken up; it stays as it is until the next start", "recording", row.ID, "path", row.Path, "error", err)
			}
		}
	}
	late.adopt(ctx)
	return nil
}

// finishIn finishes the files that a recording has in one store. Its row is left
// alone: it may go on in others.
func (r *Recorder) finishIn(ctx context.Context, row *state.RecordingRow, store string) error {
	p, err := plan.DecodePinned(row.Plan)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	p.Formats = slices.DeleteFunc(p.Formats, func(f config.Format) bool { return f.Store != store })
	row.State = state.Finalizing
	return r.takeUpAs(ctx, row, p)
}
