package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// Place is where the files of one store grow.
type Place struct {
	Dir *spool.Dir
	// Room returns the bytes to leave free before the body of a file of at most
	// that length (0 = no limit) in a local store; nil for remote stores.
	Room func(maxDuration time.Duration) int64
}

// noFastStart is the room for ftyp and the header of mdat; moov goes behind.
const noFastStart = 4096

func (p Place) room(f config.Format) int64 {
	switch {
	case p.Room == nil || f.Name == config.AAC:
		return 0
	case f.Name == config.MP4 && !f.FastStart:
		return noFastStart
	}
	return p.Room(f.Interval)
}

// newFile prepares the row of a file of the recording.
func (rec *recording) newFile(f config.Format, started time.Time, tracks []hooks.Track) state.FileRow {
	row := state.FileRow{
		ID: plan.NewRecordID(rec.now), Recording: rec.row.ID, Format: string(f.Name), Store: f.Store,
		State: state.FileOpen, Started: started,
		Detail: state.FileDetail{FastStart: f.FastStart, Keep: int64(f.Keep), Live: f.Live, Interval: int64(f.Interval)},
	}
	for i := range tracks {
		t := &tracks[i]
		switch {
		case t.Codec.IsVideo() && row.Detail.VideoCodec == "":
			row.Detail.VideoCodec, row.Detail.Width, row.Detail.Height = string(t.Codec), t.Width, t.Height
		case !t.Codec.IsVideo() && row.Detail.AudioCodec == "":
			row.Detail.AudioCodec = string(t.Codec)
		}
	}
	row.Spool = spoolName(row.ID, string(f.Name))
	return row
}

// spoolName is the base name of a growing file. The prefix is that of package
// local, which finishes the file where it grew.
func spoolName(id int64, format string) string { return fmt.Sprintf("grow-%d-%s", id, format) }

// key expands the key template for a file, without extension.
func (rec *recording) key(f config.Format, row *state.FileRow, end time.Time) string {
	return plan.Key(f.Path, plan.KeyValues{
		Stream:   plan.Stream{Domain: rec.row.Domain, App: rec.row.App, Name: rec.row.Stream},
		RecordID: rec.row.ID, RandomID: rec.random, Start: row.Started, End: end, Zone: rec.zone,
	})
}

// unnamed is the object of a file whose key holds its end, until then.
func unnamed(row *state.FileRow) string { return fmt.Sprintf("~%d", row.ID) }

// createFile stores the row, then creates the file in the spool.
func (rec *recording) createFile(p Place, row *state.FileRow, f config.Format, tracks []hooks.Track, room int64) (*spool.File, error) {
	if _, err := p.Dir.Free(); err != nil {
		return nil, err
	}
	err := rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
		if plan.UsesEnd(f.Path) {
			row.Object = unnamed(row)
		} else if err := rec.nameFile(tx, row, f, time.Time{}); err != nil {
			return err
		}
		return tx.InsertFile(row)
	})
	if err != nil {
		return nil, fmt.Errorf("the state can't be written: %w", err)
	}
	sp, err := rec.spoolFile(p, row, tracks, room)
	if err != nil {
		rec.dropFile(row, p)
	}
	return sp, err
}

// nameFile finds a key that no other file has.
func (rec *recording) nameFile(tx *state.Tx, row *state.FileRow, f config.Format, end time.Time) (err error) {
	key := plan.Unique(rec.key(f, row, end), func(key string) bool {
		taken, e := tx.TakenObject(row.Store, plan.Final(key, f.Name))
		if e != nil {
			err = e
		}
		return taken && e == nil
	})
	row.Object = plan.Final(key, f.Name)
	return err
}

func (rec *recording) spoolFile(p Place, row *state.FileRow, tracks []hooks.Track, room int64) (*spool.File, error) {
	stream, err := json.Marshal(&rec.row)
	if err != nil {
		return nil, err
	}
	detail, err := json.Marshal(row.Detail)
	if err != nil {
		return nil, err
	}
	return p.Dir.Create(row.Spool, spool.Header{
		Recording: row.Recording, File: row.ID, Parent: row.Parent, Seq: row.Seq, Format: row.Format, Store: row.Store,
		Object: row.Object, Room: room, Started: row.Started, Tracks: tracks, Detail: detail, Stream: stream,
	})
}

// closeFile ends a growing file: from here on it belongs to package upload. A
// file without any sample vanishes.
func (rec *recording) closeFile(c *openFile, f config.Format, p Place) {
	if c.sp.Size() == 0 {
		rec.discard(c, p)
		return
	}
	c.row.State = state.FileEnded
	c.row.Ended = rec.now
	c.row.Duration = c.duration()
	c.row.Size = c.sp.Size()
	now := rec.now
	rec.endFile(c.sp, &c.row, func(row *state.FileRow) error {
		err := rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
			if plan.UsesEnd(f.Path) && row.Object == unnamed(row) {
				if err := rec.nameFile(tx, row, f, now); err != nil {
					return err
				}
			}
			return tx.UpdateFile(row)
		})
		if err == nil {
			rec.r.o.Wake()
		}
		return err
	})
}

// discard closes a file without any sample, and drops it.
func (rec *recording) discard(c *openFile, p Place) {
	if err := c.sp.Close(); err != nil {
		rec.log.Error("closing a spool file", "object", c.row.Object, "error", err)
	}
	rec.dropFile(&c.row, p)
}

// dropFile forgets a file that holds nothing: its row, then what is in the spool.
func (rec *recording) dropFile(row *state.FileRow, p Place) {
	id, name := row.ID, row.Spool
	rec.ledger.add(row.Object, func() error {
		err := rec.r.o.DB.Update(context.Background(), func(tx *state.Tx) error { return tx.DeleteFile(id) })
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		if name == "" {
			return nil // a playlist
		}
		return p.Dir.Remove(name)
	})
}

// saveFile writes a file's row as it is now.
func (rec *recording) saveFile(row *state.FileRow) {
	now := *row
	rec.ledger.add(row.Object, func() error { return rec.writeFile(&now) })
}

// writeFile writes a file's row, and wakes package upload.
func (rec *recording) writeFile(row *state.FileRow) error {
	err := rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error { return tx.UpdateFile(row) })
	if err == nil && row.State == state.FileEnded {
		rec.r.o.Wake()
	}
	return err
}

// endFile writes the row of a file that has ended, once the disk has all of the
// file: what the row promises must survive a power cut.
func (rec *recording) endFile(sp *spool.File, row *state.FileRow, write func(*state.FileRow) error) {
	now := *row
	rec.ledger.add(row.Object, func() error {
		err := sp.Close()
		if errors.Is(err, spool.ErrHangs) { // the server ends: recovery finds out what is on the disk
			return err
		}
		if err != nil { // it is suspect, and will be read back
			rec.log.Error("closing a spool file", "object", now.Object, "error", err)
		}
		return write(&now)
	})
}
