// Package upload moves what the recorder wrote into the stores.
//
// A Mover reads the same tables at every start and after every ring of its
// bell: files that have ended, and files that grow in a remote store's spool.
// Each step may run twice; what is done is noted in the same transaction as the
// event that tells of it, and spool bytes are deleted only after that.
//
//	local store   the head is written into the room before the body, rename
//	remote store  parts 2, 3, … go up while the file grows (see growing.go);
//	              at the end the tail, part 1 with the head, Complete
//	hls           a piece is stored, then listed; the playlist after its pieces
//
// Failures that heal by themselves are retried with growing pauses, noted in
// the state; those that need a human park the file, keep its bytes and say what
// to do (Unpark tries again). The store, not our notes, is asked what it has.
package upload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/local"
)

// Target is a store as the Mover uses it: Local or Remote is set.
type Target struct {
	Config config.Store
	Dir    *spool.Dir // where its files grow
	Local  *local.Store
	Remote store.Remote
}

func (t *Target) workers() int {
	if t.Local != nil {
		return localWorkers
	}
	return max(t.Config.Concurrency, 1)
}

// localWorkers finish files at once in a local store: mostly waiting for fsync.
const localWorkers = 8

// Events is told the facts inside the transaction that stores them.
type Events interface {
	Stored(tx *state.Tx, r *state.RecordingRow, f *state.FileRow) error
	NotStored(tx *state.Tx, r *state.RecordingRow, f *state.FileRow, why string) error
}

// ErrAway tells that a store is configured and can't be used now.
var ErrAway = errors.New("the store can't be used now")

// Options are what a Mover needs from the rest of the house.
type Options struct {
	DB      *state.DB
	Log     *slog.Logger
	Events  Events
	Formats map[string]mux.Format // by the format of a file row
	// Target returns the store of that name. It must not block. With ErrAway the
	// store's files wait for it; with any other error they are parked.
	Target func(name string) (*Target, error)
	// Stored is told after a file was stored; may be nil.
	Stored func()
	// History is how long finished recordings are remembered; 0 = for ever. nil:
	// nothing is forgotten.
	History func() time.Duration
}

// Mover moves files. Run it once.
type Mover struct {
	o    Options
	bell chan struct{}

	mu      sync.Mutex
	busy    map[int64]bool
	load    map[string]int     // running jobs per store
	backlog map[string]int     // those of them that are late, see late
	growing map[int64]*growth  // open files of remote stores
	lists   map[int64]*listing // playlists under way
	jobs    hang.Group
	purging bool // expire is under way

	clock   *clock
	pruner  pruner
	pruning atomic.Bool

	checked  map[int64]bool // uploads that were compared with the store since the start
	asked    map[int64]int  // how often the store was asked for what only it can have
	unread   map[int64]unread
	asks     int // the constants; tests have less patience
	patience time.Duration
}

// New returns a Mover that waits for Run.
func New(o Options) *Mover {
	return &Mover{o: o, bell: make(chan struct{}, 1), busy: map[int64]bool{}, load: map[string]int{}, backlog: map[string]int{},
		growing: map[int64]*growth{}, lists: map[int64]*listing{}, checked: map[int64]bool{}, asked: map[int64]int{}, unread: map[int64]unread{}, patience: unreadFor, asks: asks, clock: newClock()}
}

// Wake rings the bell: files have ended.
func (m *Mover) Wake() {
	select {
	case m.bell <- struct{}{}:
	default:
	}
}

// idle is the longest that the Mover sleeps.
const idle = 15 * time.Second

// Run moves files until ctx ends, and then what has ended by then, for as long
// as grace says when it is asked.
func (m *Mover) Run(ctx context.Context, grace func() time.Duration) {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			stop := time.AfterFunc(grace(), cancel)
			defer stop.Stop()
			m.finish(requests)
			return
		case <-m.bell:
		case <-timer.C:
		}
		next, err := m.scan(requests)
		if err != nil {
			m.o.Log.Error("reading the state", "error", err)
			next = time.Second
		}
		timer.Reset(next)
	}
}

// jobPatience is how long jobs whose context has ended may take to notice. One
// that takes longer has a disk that hangs; it is left alone.
const jobPatience = 250 * time.Millisecond

// Ended calls f once no job runs any more; see hang.Group.
func (m *Mover) Ended(f func()) { m.jobs.Then(f) }

// finish moves what can be moved at once, until ctx ends.
func (m *Mover) finish(ctx context.Context) {
	defer m.jobs.Wait(jobPatience)
	for ctx.Err() == nil {
		if _, err := m.scan(ctx); err != nil {
			return
		}
		m.mu.Lock()
		busy := len(m.busy)
		m.mu.Unlock()
		if busy == 0 {
			return
		}
		select {
		case <-m.bell:
		case <-ctx.Done():
		}
	}
}

// scan starts a job for every file that has something to do and finds a free
// worker. It returns when to look again if nobody rings.
func (m *Mover) scan(ctx context.Context) (time.Duration, error) {
	if err := m.keepTime(ctx); err != nil {
		return 0, err
	}
	m.purge(ctx, m.clock.now())
	m.prune(ctx)
	now := time.Now()
	files, err := m.ready(ctx, now)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		m.try(ctx, f)
	}
	grown, err := m.grown(ctx, now)
	if err != nil {
		return 0, err
	}
	for _, f := range grown {
		m.try(ctx, f)
	}
	return m.untilDue(ctx, now)
}

// ready lists files that have ended, the oldest of each store first, then the
// oldest of those that have just ended; a playlist only when no piece of it is on
// the way.
func (m *Mover) ready(ctx context.Context, now time.Time) ([]*state.FileRow, error) {
	m.mu.Lock()
	limit := len(m.busy) + 64
	m.mu.Unlock()
	stores, err := m.waiting(ctx, now)
	if err != nil {
		return nil, err
	}
	var out []*state.FileRow
	for _, name := range stores { // one store's backlog must not hide another's files
		for _, since := range []time.Time{{}, now.Add(-lateAfter)} {
			files, err := state.Files(ctx, m.o.DB.Reader(), `WHERE state=? AND (due<=? OR due>?) AND store=? AND ended>=? AND (format<>'hls' OR NOT EXISTS
				(SELECT 1 FROM files p WHERE p.parent=files.id AND p.state IN (?,?,?)))
				ORDER BY ended, id LIMIT ?`, string(state.FileEnded), now.UnixNano(), tooFar(now).UnixNano(), name, state.Nanos(since),
				string(state.FileOpen), string(state.FileEnded), string(state.FileParked), limit)
			if err != nil {
				return nil, err
			}
			out = append(out, files...)
			if len(files) < limit {
				break // that was all
			}
		}
	}
	return out, nil
}

// lateAfter is how long after its end a file counts as backlog.
const lateAfter = 10 * time.Second

// late tells whether a file is backlog: it has waited, or failed before. A
// quarter of a store's workers is not for backlog, so that what is live, or has
// just ended, needs not wait until it is drained.
func late(f *state.FileRow, now time.Time) bool {
	return f.State == state.FileEnded && (f.Attempts > 0 || now.Sub(f.Ended) > lateAfter)
}

// waiting names the stores that files wait for.
func (m *Mover) waiting(ctx context.Context, now time.Time) (names []string, err error) {
	rows, err := m.o.DB.Reader().QueryContext(ctx, `SELECT DISTINCT store FROM files WHERE state=? AND (due<=? OR due>?)`,
		string(state.FileEnded), now.UnixNano(), tooFar(now).UnixNano())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		names = append(names, n)
	}
	return names, rows.Err()
}

// untilDue is the pause until the next retry or expiry.
func (m *Mover) untilDue(ctx context.Context, now time.Time) (time.Duration, error) {
	var next int64
	err := m.o.DB.Reader().QueryRowContext(ctx, `SELECT COALESCE(MIN(at), 0) FROM (
		SELECT MIN(due) AS at FROM files WHERE state=? AND due>? UNION ALL
		SELECT MIN(expires) FROM files WHERE +state=? AND expires>?)`,
		string(state.FileEnded), now.UnixNano(), string(state.FileStored), now.UnixNano()).Scan(&next)
	if err != nil || next == 0 {
		return idle, err
	}
	return min(max(state.Time(next).Sub(now), 10*time.Millisecond), idle), nil
}

// try starts a job for the file unless it has one or its store is busy.
func (m *Mover) try(ctx context.Context, f *state.FileRow) {
	t, err := m.o.Target(f.Store)
	if errors.Is(err, ErrAway) {
		return
	}
	if err != nil {
		m.unknownStore(ctx, f, err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[f.ID] || m.load[f.Store] >= t.workers() {
		return
	}
	late := late(f, time.Now())
	if late && m.backlog[f.Store] >= t.workers()-t.workers()/4 {
		return
	}
	m.busy[f.ID] = true
	m.load[f.Store]++
	if late {
		m.backlog[f.Store]++
	}
	m.jobs.Go(func() { m.job(ctx, t, f, late) })
}

func (m *Mover) job(ctx context.Context, t *Target, f *state.FileRow, late bool) {
	defer m.Wake()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.busy, f.ID)
		m.load[f.Store]--
		if late {
			m.backlog[f.Store]--
		}
	}()
	if !m.fresh(ctx, f) {
		return
	}
	err := m.guarded(ctx, t, f)
	if err != nil && !errors.Is(err, errDone) && ctx.Err() == nil {
		m.failed(ctx, f, err)
	}
}

// fresh reads the file's row again: the job before may have changed it after the
// list was read that this one comes from. False: nothing is to be done now.
func (m *Mover) fresh(ctx context.Context, f *state.FileRow) bool {
	row, err := state.FileByID(ctx, m.o.DB.Reader(), f.ID)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, state.ErrNotFound) {
			m.o.Log.Error("reading the state", "error", err)
		}
		return false
	}
	*f = *row
	switch f.State {
	case state.FileOpen, state.FileWaiting:
		return true
	case state.FileEnded:
		now := time.Now()
		return !f.Due.After(now) || f.Due.After(tooFar(now))
	}
	return false
}

// guarded turns a panic into an error of this file only.
func (m *Mover) guarded(ctx context.Context, t *Target, f *state.FileRow) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v\n%s", p, debug.Stack())
		}
	}()
	return m.move(ctx, t, f)
}

func (m *Mover) move(ctx context.Context, t *Target, f *state.FileRow) error {
	if f.State == state.FileEnded && (t.Dir.Suspect(f.Spool) || t.Dir.Unread(f.Spool)) {
		if err := m.readable(f, m.reread(ctx, t, f)); err != nil {
			return err
		}
	}
	switch {
	case f.Format == string(config.HLS):
		return m.finishList(ctx, t, f)
	case t.Local != nil:
		return m.finishLocal(ctx, t, f)
	default:
		return m.remote(ctx, t, f)
	}
}

// stored settles a file that its store has confirmed; its spool bytes go.
func (m *Mover) stored(ctx context.Context, t *Target, f *state.FileRow, res store.Result) error {
	f.State, f.Size, f.ETag, f.CRC64, f.HasCRC = state.FileStored, res.Size, res.ETag, res.CRC64, res.HasCRC
	f.Upload, f.Attempts, f.Due, f.Error = "", 0, time.Time{}, ""
	if keep := time.Duration(f.Detail.Keep); keep > 0 && t.Local != nil && f.Parent == 0 {
		if f.Expires = m.clock.now().Add(keep); m.clock.doubtful() {
			f.Expires, f.KeepFor = time.Time{}, keep
		}
	}
	err := m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error { return m.settle(ctx, tx, f) })
	if err != nil {
		return err
	}
	m.forget(f.ID)
	if err := m.clear(t, f); err != nil {
		m.o.Log.Warn("a spool file can't be removed", "file", f.Spool, "error", err)
	}
	if f.Parent != 0 {
		return m.list(ctx, t, f.Parent)
	}
	m.o.Log.Info("stored", "recording", f.Recording, "store", f.Store, "object", f.Object, "bytes", f.Size,
		"duration", f.Duration.Round(time.Millisecond))
	if m.o.Stored != nil {
		m.o.Stored()
	}
	return nil
}

// clear removes what the spool has of a file that is stored.
func (m *Mover) clear(t *Target, f *state.FileRow) error {
	if f.Spool == "" {
		return nil
	}
	if t.Local != nil {
		if err := t.Local.Discard(growName(f)); err != nil {
			return err
		}
	}
	return t.Dir.Remove(f.Spool)
}

// settle writes the end of a file's way with the event that tells of it.
func (m *Mover) settle(ctx context.Context, tx *state.Tx, f *state.FileRow) error {
	if err := tx.SettleFile(f); err != nil {
		return err
	}
	if err := tx.DeleteParts(f.ID); err != nil {
		return err
	}
	if f.Parent != 0 {
		return nil
	}
	rec, err := state.RecordingByID(ctx, tx, f.Recording)
	if err != nil {
		return err
	}
	switch f.State {
	case state.FileStored:
		err = m.o.Events.Stored(tx, rec, f)
	case state.FileLost:
		err = m.o.Events.NotStored(tx, rec, f, f.Error)
	}
	if err != nil {
		return err
	}
	_, err = tx.SetRecordingDoneIfStored(f.Recording)
	return err
}

func (m *Mover) forget(id int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.growing, id)
	delete(m.checked, id)
	delete(m.asked, id)
	delete(m.unread, id)
}

// errGone: neither the spool nor the store has the file.
var errGone = errors.New("its bytes are neither in the spool nor in the store")
