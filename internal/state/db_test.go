package state

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func open(t *testing.T) *DB {
	t.Helper()
	db, err := Open(filepath.Join(t.TempDir(), "a b?#%", "state.db"))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func row(id int64) *RecordingRow {
	return &RecordingRow{ID: id, Path: "live/a", Domain: "d", App: "live", Stream: "a", Template: "t", Plan: []byte(`{}`),
		State: Recording, Started: time.Unix(1, 2), Publication: PublicationInfo{ID: "p", Protocol: "rtmp"}}
}

func TestConcurrentUpdatesAreAllDurableAndFailuresUndoOnlyThemselves(t *testing.T) {
	db := open(t)
	ctx := context.Background()
	bad := errors.New("bad")
	var wg sync.WaitGroup
	for i := range int64(200) {
		wg.Go(func() {
			err := db.Update(ctx, func(tx *Tx) error {
				if err := tx.InsertRecording(row(i)); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return bad
				case 2:
					panic("x")
				}
				return nil
			})
			switch i % 4 {
			case 1:
				require.ErrorIs(t, err, bad)
			case 2:
				require.ErrorContains(t, err, "panic")
			default:
				require.NoError(t, err)
			}
		})
	}
	wg.Wait()
	rows, err := Recordings(ctx, db.Reader(), "ORDER BY id")
	require.NoError(t, err)
	require.Len(t, rows, 100)
	require.Equal(t, row(0), rows[0])
	_, err = RecordingByID(ctx, db.Reader(), 1)
	require.ErrorIs(t, err, ErrNotFound)
}

func TestFileAndPartsRoundTripAndKeysAreNeverShared(t *testing.T) {
	db := open(t)
	ctx := context.Background()
	f := &FileRow{ID: 7, Recording: 1, Format: "mp4", Store: "s", Object: "k.mp4", State: FileOpen, Started: time.Unix(5, 0),
		CRC64: 1<<64 - 1, HasCRC: true, Detail: FileDetail{VideoCodec: "h264", LeftOut: []string{"x"}}}
	require.NoError(t, db.UpdateNow(ctx, func(tx *Tx) error {
		if err := tx.InsertFile(f); err != nil {
			return err
		}
		return tx.PutPart(PartRow{File: 7, Number: 2, Start: 3, Size: 4, ETag: "e", CRC64: 1<<64 - 2, HasCRC: true, Proven: true})
	}))
	other := *f
	other.ID = 8
	require.Error(t, db.Update(ctx, func(tx *Tx) error { return tx.InsertFile(&other) }))
	got, err := FileByID(ctx, db.Reader(), 7)
	require.NoError(t, err)
	require.Equal(t, f, got)
	parts, err := Parts(ctx, db.Reader(), 7)
	require.NoError(t, err)
	require.Equal(t, []PartRow{{File: 7, Number: 2, Start: 3, Size: 4, ETag: "e", CRC64: 1<<64 - 2, HasCRC: true, Proven: true}}, parts)
	require.NoError(t, db.Update(ctx, func(tx *Tx) error { return tx.DeleteFile(7) }))
	require.ErrorIs(t, db.Update(ctx, func(tx *Tx) error { return tx.UpdateFile(f) }), ErrNotFound)
}

func TestDoneOnlyWhenNothingIsOnTheWay(t *testing.T) {
	db := open(t)
	ctx := context.Background()
	r := row(1)
	r.State = Finalizing
	f := &FileRow{ID: 7, Recording: 1, State: FileEnded, Object: "k"}
	done := func() (done bool) {
		require.NoError(t, db.Update(ctx, func(tx *Tx) (err error) { done, err = tx.SetRecordingDoneIfStored(1); return err }))
		return done
	}
	require.NoError(t, db.Update(ctx, func(tx *Tx) error { return errors.Join(tx.InsertRecording(r), tx.InsertFile(f)) }))
	require.False(t, done())
	f.State = FileStored
	require.NoError(t, db.Update(ctx, func(tx *Tx) error { return tx.SettleFile(f) }))
	require.True(t, done())
	require.False(t, done())
}

func TestReopenKeepsRowsAndCloseRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	for i := range int64(3) {
		db, err := Open(path)
		require.NoError(t, err)
		require.NoError(t, db.Update(context.Background(), func(tx *Tx) error { return tx.InsertRecording(row(i)) }))
		rows, err := Recordings(context.Background(), db.Reader(), "")
		require.NoError(t, err)
		require.Len(t, rows, int(i)+1)
		require.NoError(t, db.Close())
		require.ErrorIs(t, db.Update(context.Background(), func(*Tx) error { return nil }), ErrClosed)
	}
}

func TestNewerStateIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, db.Update(context.Background(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO schema_migrations (name, applied) VALUES ('999_future.sql', 1)")
		return err
	}))
	require.NoError(t, db.Close())
	_, err = Open(path)
	require.ErrorContains(t, err, "newer version")
}

func TestLockNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := AcquireLock(path, "mediamtx, pid 42")
	require.NoError(t, err)
	_, err = AcquireLock(path, "other")
	require.ErrorContains(t, err, "mediamtx, pid 42")
	require.NoError(t, l.Release())
	l, err = AcquireLock(path, "other")
	require.NoError(t, err)
	require.NoError(t, l.Release())
}

func BenchmarkUpdate(b *testing.B) {
	db, err := Open(filepath.Join(b.TempDir(), "state.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", n), func(b *testing.B) {
			b.SetParallelism(n)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := db.Update(context.Background(), func(tx *Tx) error {
						_, err := tx.Exec("UPDATE recordings SET joins=joins+1 WHERE id=1")
						return err
					}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
