package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// OpenReadOnly opens the state for reading, beside a running server or without
// one, and changes nothing in it: Update fails with ErrClosed. fs.ErrNotExist if
// there is none yet. A state of another version of the program is an error.
func OpenReadOnly(path string) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	dsn := "file:" + escapePath(path) + "?_pragma=busy_timeout(10000)&mode=ro"
	if closed(path) {
		dsn += "&immutable=1" // else SQLite would create files beside it
	}
	r, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	r.SetMaxOpenConns(4)
	if err := sameSchema(r); err != nil {
		r.Close()
		return nil, fmt.Errorf("state %s: %w", path, err)
	}
	w, err := sql.Open("sqlite", dsn) // never used: no goroutine takes what Update sends
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("state: %w", err)
	}
	db := &DB{write: w, read: r, quit: make(chan struct{}), done: make(chan struct{})}
	db.once.Do(func() { close(db.quit) })
	close(db.done)
	return db, nil
}

// closed tells whether the last server ended in peace and none runs: then all is
// in the one file.
func closed(path string) bool {
	_, err := os.Stat(path + "-wal")
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	holder, err := LockHolder(path)
	return err == nil && holder == ""
}

// sameSchema compares the migrations that were applied with those of the program.
func sameSchema(db *sql.DB) error {
	if err := refuseNewer(db, knownMigrations()); err != nil {
		return err
	}
	var n int
	if err := db.QueryRowContext(context.Background(), "SELECT COUNT(*) FROM schema_migrations").Scan(&n); err != nil {
		return err
	}
	if n < len(knownMigrations()) {
		return errors.New("it was written by an older version; start this version's server once, which brings it up to date")
	}
	return nil
}

func knownMigrations() map[string]bool {
	known := map[string]bool{}
	entries, _ := fs.ReadDir(migrations, "migrations") // embedded: it is there
	for _, e := range entries {
		known[e.Name()] = true
	}
	return known
}

// LockHolder tells who holds the lock of AcquireLock, in its own words; empty if
// nobody does. It changes nothing.
func LockHolder(statePath string) (string, error) {
	path := statePath + ".lock"
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close() // and with it the lock, if we got it
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return "", nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return "", fmt.Errorf("lock %s: %w", path, err)
	}
	text, err := os.ReadFile(path)
	if who := strings.TrimSpace(string(text)); err != nil || who != "" {
		return who, err
	}
	return "a server that is starting", nil
}
