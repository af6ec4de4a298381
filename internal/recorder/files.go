package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder/output"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// Place is where the files of one store grow.
type Place = output.Place

// files is the output.Ledger of a recording: rows of files in the state.
type files struct{ rec *recording }

var _ output.Ledger = files{}

// Insert implements output.Ledger.
func (l files) Insert(row *state.FileRow, key string) error {
	return l.insert(func(tx *state.Tx) error {
		if err := name(tx, row, key); err != nil {
			return err
		}
		return tx.InsertFile(row)
	})
}

// InsertPart implements output.Ledger. Package upload gives a playlist another
// key if what is not ours has the first one.
func (l files) InsertPart(list, part *state.FileRow) error {
	return l.insert(func(tx *state.Tx) error {
		object, err := tx.FileObject(list.ID)
		if err != nil {
			return err
		}
		if object != list.Object {
			old, _ := plan.PlaylistKey(list.Object)
			key, _ := plan.PlaylistKey(object)
			part.Object = key + strings.TrimPrefix(part.Object, old)
			list.Object = object
		}
		return tx.InsertFile(part)
	})
}

func (l files) insert(f func(*state.Tx) error) error {
	if err := l.rec.r.o.DB.UpdateNow(context.Background(), f); err != nil {
		return fmt.Errorf("the state can't be written: %w", err)
	}
	return nil
}

// name gives the row an object that no other file has, unless key is empty.
func name(tx *state.Tx, row *state.FileRow, key string) (err error) {
	if key == "" {
		return nil
	}
	format := config.FormatName(row.Format)
	key = plan.Unique(key, func(key string) bool {
		taken, e := tx.TakenObject(row.Store, plan.Final(key, format))
		if e != nil {
			err = e
		}
		return taken && e == nil
	})
	row.Object = plan.Final(key, format)
	return err
}

// Save implements output.Ledger.
func (l files) Save(row *state.FileRow) {
	now := *row
	l.rec.ledger.add(row.Object, func() error { return l.write(&now, "") })
}

// End implements output.Ledger. The disk must have all of the file before its row
// says so: what the row promises must survive a power cut.
func (l files) End(f *spool.File, row *state.FileRow, key string) {
	now := *row
	l.rec.ledger.add(row.Object, func() error {
		err := f.Close()
		if errors.Is(err, spool.ErrHangs) { // the server ends: recovery finds out what is on the disk
			return err
		}
		if err != nil { // it is suspect, and will be read back
			l.rec.log.Error("closing a spool file", "object", now.Object, "error", err)
		}
		return l.write(&now, key)
	})
}

// write writes a file's row, and wakes package upload.
func (l files) write(row *state.FileRow, key string) error {
	err := l.rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
		if err := name(tx, row, key); err != nil {
			return err
		}
		return tx.UpdateFile(row)
	})
	if err == nil && row.State == state.FileEnded {
		l.rec.r.o.Wake()
	}
	return err
}

// Drop implements output.Ledger.
func (l files) Drop(row *state.FileRow, dir *spool.Dir) {
	id, name := row.ID, row.Spool
	l.rec.ledger.add(row.Object, func() error {
		err := l.rec.r.o.DB.Update(context.Background(), func(tx *state.Tx) error { return tx.DeleteFile(id) })
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		if name == "" {
			return nil // a playlist
		}
		return dir.Remove(name)
	})
}

// SetAside implements output.Ledger.
func (l files) SetAside(row *state.FileRow, dir *spool.Dir, cause error) {
	r := l.rec.r
	why, err := r.putAside(dir, row.Spool, cause)
	if err != nil {
		l.Later(row, err)
		return
	}
	now := *row
	l.rec.ledger.add(row.Object, func() error {
		return r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
			return r.giveUp(context.Background(), tx, &now, why)
		})
	})
}

// Later implements output.Ledger.
func (l files) Later(row *state.FileRow, err error) {
	l.rec.log.Error("a file of an earlier run can't be taken up now, will be retried", "object", row.Object, "error", err)
	l.rec.r.takeUpLater(leftover{row.Store, row.Spool}, err)
}

// Grew implements output.Ledger.
func (l files) Grew(row *state.FileRow, size int64) { l.rec.r.o.Grew(row.ID, row.Store, size) }

// Owner implements output.Ledger.
func (l files) Owner() (json.RawMessage, error) { return json.Marshal(&l.rec.row) }

// Parts implements output.Ledger.
func (l files) Parts(list int64) ([]*state.FileRow, error) {
	l.rec.ledger.wait(settleTime)
	return state.Files(context.Background(), l.rec.r.o.DB.Reader(), "WHERE parent=? ORDER BY seq", list)
}

// File implements output.Ledger.
func (l files) File(id int64) (*state.FileRow, error) {
	l.rec.ledger.wait(settleTime)
	return state.FileByID(context.Background(), l.rec.r.o.DB.Reader(), id)
}
