package upload

import (
	"context"
	"fmt"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

const (
	pruneEvery = time.Hour
	pruneStep  = 100 // recordings, or rows of one of them, in one transaction
)

// pruner remembers when rows of old recordings were deleted last; it belongs to the
// goroutine of Run.
type pruner struct {
	at      time.Time
	history time.Duration
}

// prune forgets recordings that are older than `history`, once an hour and when
// that has changed. It works beside the files, so that they do not wait.
func (m *Mover) prune(ctx context.Context) {
	if m.o.History == nil {
		return
	}
	history := m.o.History()
	if !m.clock.mayDelete() || history == m.pruner.history && time.Since(m.pruner.at) < pruneEvery {
		return
	}
	if !m.pruning.CompareAndSwap(false, true) {
		return
	}
	m.pruner = pruner{time.Now(), history}
	m.jobs.Go(func() {
		defer m.pruning.Store(false)
		if err := m.pruneAll(ctx, history); err != nil && ctx.Err() == nil {
			m.o.Log.Error("the history can't be shortened", "error", err)
		}
	})
}

func (m *Mover) pruneAll(ctx context.Context, history time.Duration) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	total := 0
	for history > 0 && ctx.Err() == nil {
		before := m.clock.now().Add(-history)
		old, err := state.OldRecordings(ctx, m.o.DB.Reader(), before, pruneStep)
		if err != nil {
			return err
		}
		err = m.o.DB.Update(ctx, func(tx *state.Tx) error {
			for _, id := range old {
				if err := tx.PruneRecording(id, before); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		total += len(old)
		if err := m.pruneRows(ctx); err != nil {
			return err
		}
		if len(old) < pruneStep {
			break
		}
	}
	if total > 0 {
		m.o.Log.Info("old recordings were forgotten; their objects stay", "recordings", total, "history", history)
	}
	return m.pruneRows(ctx) // also what an earlier run left
}

// pruneRows deletes the rows of forgotten recordings, a few in each transaction.
func (m *Mover) pruneRows(ctx context.Context) error {
	for ctx.Err() == nil {
		left, err := state.PrunedRecordings(ctx, m.o.DB.Reader(), pruneStep)
		if err != nil || len(left) == 0 {
			return err
		}
		for _, id := range left {
			for more := true; more && ctx.Err() == nil; {
				err := m.o.DB.Update(ctx, func(tx *state.Tx) (err error) {
					more, err = tx.PruneRows(id, pruneStep)
					return err
				})
				if err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}
