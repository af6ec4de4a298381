package upload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/local"
)

// finishLocal makes an object of a file that grew in the hidden folder of a
// local store.
func (m *Mover) finishLocal(ctx context.Context, t *Target, f *state.FileRow) error {
	if f.Parent != 0 {
		if err := m.claimList(ctx, t, f); err != nil {
			return err
		}
	}
	name := growName(f)
	h, err := t.Dir.Header(f.Spool)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, spool.ErrNoHeader) {
		// An earlier run may have placed it and died before it could note that.
		res, e := t.Local.Placed(ctx, name, f.Object)
		switch {
		case e != nil && store.KindOf(e) == store.KindNotFound:
			return errGone
		case e != nil:
			return e
		}
		return m.stored(ctx, t, f, res)
	}
	if err != nil {
		return err
	}
	format, ok := m.o.Formats[f.Format]
	if !ok {
		return fmt.Errorf("unknown format %q", f.Format)
	}
	for names := m.renamer(f); ; {
		res, err := t.Local.Finish(ctx, local.Finish{
			Name: name, Key: f.Object, Room: h.Room, Body: f.Size, Copy: t.Dir.Suspect(f.Spool),
			Head: func(room int64) ([]byte, []byte, error) {
				head, err := format.Head(h.Tracks, t.Dir.Records(f.Spool), f.Size, room)
				return head.Front, head.Back, err
			},
		})
		switch {
		case err == nil:
			return m.stored(ctx, t, f, res)
		case errors.Is(err, local.ErrExist):
			if err := names.next(ctx); err != nil {
				return err
			}
			continue
		case errors.Is(err, local.ErrUnsynced):
			t.Dir.Distrust(f.Spool)
		case store.KindOf(err) == store.KindNotFound:
			return fmt.Errorf("%w: %w", errGone, err)
		}
		return err
	}
}

// growName is the name under which a local store knows a growing file.
func growName(f *state.FileRow) string {
	return strings.TrimPrefix(spool.BodyName(f.Spool), local.GrowPrefix)
}

// reread compares a file with its journal, where the disk may not hold what was
// written to it. What is damaged is left out, a torn tail is cut off.
func (m *Mover) reread(ctx context.Context, t *Target, f *state.FileRow) error {
	_, rep, err := t.Dir.Examine(f.Spool)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, spool.ErrNoHeader) {
		return nil // the usual way finds out what that means
	}
	if err != nil {
		return err
	}
	damaged := rep.Body < f.Size || rep.Damaged > 0
	if !damaged || t.Dir.Linked(f.Spool) { // it is the object already: it is not to be touched
		if damaged {
			m.o.Log.Error("a file that is in place already is damaged", "store", f.Store, "object", f.Object, "damaged", rep.Damaged)
		}
		t.Dir.Read(f.Spool)
		return nil
	}
	file, h, rep, err := t.Dir.Open(f.Spool)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Fill(h.Tracks, m.o.Formats[f.Format]), file.Close()); err != nil {
		return err
	}
	return m.shrunk(ctx, f, rep)
}

// shrunk notes what the disk did not keep of a file.
func (m *Mover) shrunk(ctx context.Context, f *state.FileRow, rep spool.Report) error {
	lost := max(0, f.Size-rep.Body)
	m.o.Log.Error("the disk did not keep all that was recorded", "store", f.Store, "object", f.Object,
		"bytes", rep.Body, "lost", lost, "damaged", rep.Damaged)
	f.Detail.Cut, f.Detail.Damaged = f.Detail.Cut+lost, rep.Damaged
	if lost > 0 {
		if f.Size = rep.Body; f.Size == 0 {
			return fmt.Errorf("%w: the disk did not keep them", errGone)
		}
		m.uncheck(f.ID) // parts may hold more, or end elsewhere
	}
	return m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error { return tx.UpdateFile(f) })
}

// purge runs expire as a job, one at a time: a disk that hangs must not keep the
// files of other stores from being moved.
func (m *Mover) purge(ctx context.Context, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.purging {
		return
	}
	m.purging = true
	m.jobs.Go(func() {
		var more bool
		defer func() {
			if m.purged(); more {
				m.Wake()
			}
		}()
		defer m.survive("deleting expired files")
		more = m.expire(ctx, now)
	})
}

func (m *Mover) purged() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.purging = false
}

// survive keeps a panic on a goroutine of ours from ending the server; defer it.
func (m *Mover) survive(what string) {
	if p := recover(); p != nil {
		m.o.Log.Error("the mover of files failed and goes on", "what", what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

// expire deletes local files whose time is over, some at a time; it returns
// whether there may be more.
func (m *Mover) expire(ctx context.Context, now time.Time) (more bool) {
	if !m.clock.mayDelete() {
		return false
	}
	files, err := state.ExpiredFiles(ctx, m.o.DB.Reader(), now, 50)
	if err != nil {
		if ctx.Err() == nil {
			m.o.Log.Error("reading the state", "error", err)
		}
		return false
	}
	for _, f := range files {
		if err := m.expireOne(ctx, f); err != nil && ctx.Err() == nil {
			m.o.Log.Warn("an expired file can't be deleted, will be retried", "object", f.Object, "error", err)
			f.Expires = now.Add(time.Minute)
			m.write(ctx, func(tx *state.Tx) error { return tx.SettleFile(f) })
		}
	}
	return len(files) == 50
}

func (m *Mover) expireOne(ctx context.Context, f *state.FileRow) error {
	t, err := m.o.Target(f.Store)
	if err != nil || t.Local == nil {
		return errors.Join(err, errors.New("its store is not a local one any more"))
	}
	pieces, err := state.Files(ctx, m.o.DB.Reader(), `WHERE parent=?`, f.ID)
	if err != nil {
		return err
	}
	own := append([]*state.FileRow{f}, pieces...)
	if f.Format == string(config.HLS) {
		live := *f
		live.Object = liveList(f.Object) // the same content, see finishList
		own = append(own, &live)
	}
	for _, o := range own {
		err := t.Local.DeleteOwn(ctx, o.Object, o.Size, o.ETag)
		if errors.Is(err, local.ErrForeign) {
			m.o.Log.Warn("an expired file was changed or replaced since it was stored; it stays", "store", f.Store, "object", o.Object)
			continue
		}
		if err != nil {
			return err
		}
	}
	f.State, f.Expires = state.FileExpired, time.Time{}
	return m.o.DB.Update(ctx, func(tx *state.Tx) error {
		for _, p := range pieces {
			if err := tx.DeleteFile(p.ID); err != nil {
				return err
			}
		}
		f.Object = fmt.Sprintf("%s~expired-%d", f.Object, f.ID) // the name is free again
		return tx.SettleFile(f)
	})
}
