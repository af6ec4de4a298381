package state

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// filled makes a state with content, closed unless it is to have a log.
func filled(t *testing.T, path string, n int64) {
	t.Helper()
	db, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, db.Update(context.Background(), func(tx *Tx) error {
		for i := range n {
			r := row(i + 1)
			r.Reason = strings.Repeat("x", 20<<10) // more than a connection keeps in memory
			if err := tx.InsertRecording(r); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, db.Close())
}

func overwrite(t *testing.T, path string, off int64, with []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(with, off)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// Whatever a disk may have made of the file: it counts as broken, is kept under
// another name with all that it has, and a new state takes its place.
func TestBrokenStateIsSetAside(t *testing.T) {
	garbage := []byte(strings.Repeat("garbage ", 1024))
	for name, spoil := range map[string]func(t *testing.T, path string){
		"not a database":      func(t *testing.T, path string) { overwrite(t, path, 0, garbage) },
		"a malformed page":    func(t *testing.T, path string) { overwrite(t, path, 4096*3, garbage) },
		"a malformed schema":  func(t *testing.T, path string) { overwrite(t, path, 100, garbage[:2000]) },
		"truncated":           func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 4096*5)) },
		"truncated in a page": func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 5000)) },
		"empty":               func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 0)) },
		"the log of another": func(t *testing.T, path string) {
			other := filepath.Join(t.TempDir(), "other.db")
			filled(t, other, 200)
			db, err := Open(other)
			require.NoError(t, err)
			require.NoError(t, db.Update(context.Background(), func(tx *Tx) error {
				_, err := tx.Exec("CREATE TABLE foreigner (x); INSERT INTO foreigner VALUES (zeroblob(100000))")
				return err
			}))
			wal, err := os.ReadFile(other + "-wal")
			require.NoError(t, err)
			require.NotEmpty(t, wal)
			require.NoError(t, os.WriteFile(path+"-wal", wal, 0o600))
			require.NoError(t, db.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			filled(t, path, 50)
			spoil(t, path)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = Open(path)
			require.Error(t, err)
			require.True(t, IsBroken(err), err)
			now := time.Date(2026, 11, 26, 10, 17, 55, 0, time.UTC)
			aside, err := SetAside(path, now)
			require.NoError(t, err)
			require.Equal(t, path+".broken-20261126T101755Z", aside)
			after, err := os.ReadFile(aside)
			require.NoError(t, err)
			require.Equal(t, len(before), len(after))
			filled(t, path, 1)
			again, err := SetAside(path, now)
			require.NoError(t, err)
			list, err := Aside(path)
			require.NoError(t, err)
			require.Equal(t, []string{aside, again}, list)
		})
	}
}

func TestNewerStateIsNotBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := Open(path)
	require.NoError(t, err)
	require.NoError(t, db.Update(context.Background(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO schema_migrations (name, applied) VALUES ('999_future.sql', 1)")
		return err
	}))
	require.NoError(t, db.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = Open(path)
	require.ErrorIs(t, err, ErrNewer)
	require.False(t, IsBroken(err))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after, "it was changed")
}

// The file is damaged below an open state: the next change that meets the damage
// is refused, and it is told once.
func TestDamageWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	filled(t, path, 300)
	db, err := Open(path)
	require.NoError(t, err)
	defer db.Close()
	var told []error
	db.OnDamage(func(err error) { told = append(told, err) })
	info, err := os.Stat(path)
	require.NoError(t, err)
	overwrite(t, path, 4096, []byte(strings.Repeat("garbage ", int(info.Size()-4096)/8)))
	for range 3 {
		err = db.Update(context.Background(), func(tx *Tx) error {
			_, err := tx.Exec("UPDATE recordings SET joins=joins+1")
			return err
		})
		require.Error(t, err)
	}
	require.Len(t, told, 1)
	require.Error(t, db.Damage())
	require.True(t, IsBroken(db.Damage()), db.Damage())
}
