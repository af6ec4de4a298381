package upload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// reread cuts a suspect file to what is still as it was recorded.
func (m *Mover) reread(ctx context.Context, t *Target, f *state.FileRow) error {
	_, rep, err := t.Dir.Examine(f.Spool)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, spool.ErrNoHeader) {
		return nil // the usual way finds out what that means
	}
	if err != nil || rep.Body >= f.Size {
		return err
	}
	m.o.Log.Error("the disk did not keep all that was recorded",
		"store", f.Store, "object", f.Object, "bytes", rep.Body, "lost", f.Size-rep.Body)
	if f.Size = rep.Body; f.Size == 0 {
		return fmt.Errorf("%w: the disk did not keep them", errGone)
	}
	m.mu.Lock()
	delete(m.checked, f.ID) // parts may hold more, or end elsewhere
	m.mu.Unlock()
	if err := m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error { return tx.UpdateFile(f) }); err != nil {
		return err
	}
	file, _, _, err := t.Dir.Open(f.Spool)
	if err != nil {
		return err
	}
	return file.Close()
}

// expire deletes local files whose time is over, some at a time.
func (m *Mover) expire(ctx context.Context, now time.Time) {
	if !m.clock.mayDelete() {
		return
	}
	files, err := state.ExpiredFiles(ctx, m.o.DB.Reader(), now, 50)
	if err != nil {
		m.o.Log.Error("reading the state", "error", err)
		return
	}
	for _, f := range files {
		if err := m.expireOne(ctx, f); err != nil {
			m.o.Log.Warn("an expired file can't be deleted, will be retried", "object", f.Object, "error", err)
			f.Expires = now.Add(time.Minute)
			m.write(ctx, func(tx *state.Tx) error { return tx.SettleFile(f) })
		}
	}
	if len(files) == 50 {
		m.Wake()
	}
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
