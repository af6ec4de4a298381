package upload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

const (
	firstPause = 500 * time.Millisecond
	maxPause   = 2 * time.Minute
	maxWish    = 15 * time.Minute // of a store's Retry-After
)

// tooFar is later than any pause ends. A stored time beyond it is of a clock that
// was ahead, and counts as come.
func tooFar(now time.Time) time.Time { return now.Add(maxWish + 2*maxPause) }

// pause before the next attempt: doubling, jittered so that many files do not
// come back at once.
func pause(attempts int) time.Duration {
	d := maxPause
	if attempts < 10 {
		d = min(firstPause<<max(attempts-1, 0), maxPause)
	}
	return d/2 + rand.N(d)
}

// failed notes a failure and decides when, or whether, to try again.
func (m *Mover) failed(ctx context.Context, f *state.FileRow, cause error) {
	if (errors.Is(cause, errGone) || errors.Is(cause, spool.ErrBad)) && f.State == state.FileEnded {
		m.lost(ctx, f, cause)
		return
	}
	if f.State == state.FileOpen || f.State == state.FileWaiting {
		if errors.Is(cause, fs.ErrClosed) {
			m.leave(f) // it has ended meanwhile; ready() finds it
			return
		}
		m.hold(f, cause)
		return
	}
	if errors.Is(cause, syscall.EIO) { // perhaps it was the spool: it is looked at before the next attempt
		if t, err := m.o.Target(f.Store); err == nil && f.Spool != "" {
			t.Dir.Distrust(f.Spool)
		}
	}
	f.Attempts++
	f.Error = cause.Error()
	var e *store.Error
	if store.KindOf(cause) == store.KindPermanent {
		m.park(ctx, f)
		return
	}
	wait := pause(f.Attempts)
	if errors.As(cause, &e) {
		wait = max(wait, min(e.RetryAfter, maxWish))
	}
	f.Due = time.Now().Add(wait)
	if f.Attempts == 1 || f.Attempts%10 == 0 {
		m.o.Log.Warn("storing failed, will be retried", "store", f.Store, "object", f.Object, "attempts", f.Attempts, "error", cause)
	}
	m.write(ctx, func(tx *state.Tx) error { return tx.UpdateUpload(f) })
}

// leave lets a growing file alone for a while.
func (m *Mover) leave(f *state.FileRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g := m.growing[f.ID]; g != nil {
		g.after = time.Now().Add(pause(1))
	}
}

// hold delays a file that still grows; its recorder owns the row.
func (m *Mover) hold(f *state.FileRow, cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.growing[f.ID]
	if g == nil {
		return
	}
	g.failures++
	wait := pause(g.failures)
	if store.KindOf(cause) == store.KindPermanent {
		wait = maxPause
	}
	g.after = time.Now().Add(wait)
	if g.failures == 1 || g.failures%10 == 0 {
		m.o.Log.Warn("uploading a growing file failed, will be retried", "store", f.Store, "object", f.Object,
			"attempts", g.failures, "error", cause)
	}
}

// park keeps a file until a human has acted.
func (m *Mover) park(ctx context.Context, f *state.FileRow) {
	f.State = state.FileParked
	m.o.Log.Error("can't be stored; its bytes are kept in the spool until this is fixed",
		"store", f.Store, "object", f.Object, "error", f.Error)
	m.write(ctx, func(tx *state.Tx) error {
		if err := tx.SettleFile(f); err != nil {
			return err
		}
		rec, err := state.RecordingByID(ctx, tx, f.Recording)
		if err != nil {
			return err
		}
		return m.o.Events.NotStored(tx, rec, f, f.Error)
	})
}

// lost gives a file up: there is nothing that could be stored. What the spool still
// has of it is set aside, for a human, and leaves the budget. A file that can't be
// understood, and of which the store has parts, is parked: they are not ours to drop.
func (m *Mover) lost(ctx context.Context, f *state.FileRow, cause error) {
	f.Error = cause.Error()
	t, err := m.o.Target(f.Store)
	if err == nil && f.Spool != "" {
		path, size, e := t.Dir.SetAside(f.Spool)
		if e != nil {
			m.o.Log.Error("a file can't be set aside", "store", f.Store, "object", f.Object, "error", e)
		} else if path != "" {
			m.o.Log.Error("a file was set aside", "file", path, "bytes", size, "error", cause)
		}
		// It may have been set aside before, and the row could not be written then.
		if path, size = t.Dir.AsideOf(f.Spool); path != "" {
			f.Error = fmt.Sprintf("%v; it is kept as %s (%d bytes)", cause, path, size)
		}
	}
	if errors.Is(cause, spool.ErrBad) && f.Upload != "" && f.Parent == 0 {
		m.park(ctx, f)
		return
	}
	f.State = state.FileLost
	m.o.Log.Error("lost", "store", f.Store, "object", f.Object, "error", f.Error)
	m.write(ctx, func(tx *state.Tx) error { return m.settle(ctx, tx, f) })
	if f.Parent != 0 && err == nil {
		_ = m.list(ctx, t, f.Parent)
	}
}

// unknownStore parks a file whose store the configuration does not name any more.
func (m *Mover) unknownStore(ctx context.Context, f *state.FileRow, err error) {
	if f.State != state.FileEnded {
		return
	}
	f.Error = err.Error()
	m.park(ctx, f)
}

// Unpark tries parked files again: the configuration has changed, or somebody
// asks for it. store limits it to one store; empty = all.
func (m *Mover) Unpark(ctx context.Context, store string) (int64, error) {
	var n int64
	err := m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		res, err := tx.Exec(`UPDATE files SET state=?, due=0, attempts=0 WHERE state=? AND (store=? OR ?='')`,
			string(state.FileEnded), string(state.FileParked), store, store)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE files SET due=0 WHERE state=? AND (store=? OR ?='')`, string(state.FileEnded), store, store)
		return err
	})
	m.mu.Lock()
	for _, g := range m.growing {
		g.after = time.Time{}
	}
	m.mu.Unlock()
	m.Wake()
	return n, err
}

func (m *Mover) write(ctx context.Context, f func(*state.Tx) error) {
	if err := m.o.DB.UpdateNow(ctx, f); err != nil {
		m.o.Log.Error("the state can't be written", "error", err)
	}
}
