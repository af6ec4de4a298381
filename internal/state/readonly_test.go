package state

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func listed(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func readTask(t *testing.T, path string) {
	t.Helper()
	db, err := OpenReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := TaskByID(context.Background(), db.Reader(), "t"); err != nil {
		t.Error(err)
	}
	if err := db.Update(context.Background(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Update: %v", err)
	}
	if _, err := db.Reader().Exec("DELETE FROM tasks"); err == nil {
		t.Error("the reader could write")
	}
}

// The state is readable beside a server, after a crash, and after a clean end.
func TestOpenReadOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	if _, err := OpenReadOnly(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	err = db.UpdateNow(context.Background(), func(tx *Tx) error {
		return tx.InsertTask(&Task{ID: "t", Domain: "d", App: "a", Stream: "s", Start: now, End: now.Add(time.Hour), Created: now})
	})
	if err != nil {
		t.Fatal(err)
	}
	readTask(t, path)

	crashed := filepath.Join(t.TempDir(), "state.db")
	for _, ext := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + ext)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed+ext, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	readTask(t, crashed)

	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{"-wal", "-shm"} { // the readers kept them
		os.Remove(path + ext)
	}
	readTask(t, path)
	if names := listed(t, dir); len(names) != 1 {
		t.Errorf("reading a closed state left %v", names)
	}

	db, err = Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(context.Background(), func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO schema_migrations (name, applied) VALUES ('999_later.sql', 1)")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(path); err == nil {
		t.Error("a newer state was opened")
	}
	db.Close()
}

func TestLockHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if who, err := LockHolder(path); who != "" || err != nil {
		t.Fatal(who, err)
	}
	l, err := AcquireLock(path, "server one")
	if err != nil {
		t.Fatal(err)
	}
	if who, err := LockHolder(path); who != "server one" || err != nil {
		t.Fatal(who, err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if who, err := LockHolder(path); who != "" || err != nil {
		t.Fatal(who, err)
	}
}
