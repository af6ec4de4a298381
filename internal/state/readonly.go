package state

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenReadOnly opens the state for reading, beside a running server or without
// one, and changes nothing in it: Update fails with ErrClosed. Beside a server it
// is a copy of this instant, because the server alone may open its file.
// fs.ErrNotExist if there is none yet. A state of another version of the program
// is an error.
func OpenReadOnly(path string) (db *DB, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	db = &DB{quit: make(chan struct{}), done: make(chan struct{})}
	db.once.Do(func() { close(db.quit) })                      // no goroutine takes what Update sends
	dsn := "file:" + escapePath(path) + "?mode=ro&immutable=1" // else SQLite would create files beside it
	if !closed(path) {
		if db.copy, err = snapshot(path); err != nil {
			return nil, fmt.Errorf("state %s: %w", path, err)
		}
		dsn = "file:" + escapePath(filepath.Join(db.copy, copyName)) + "?_pragma=query_only(1)"
	}
	for _, pool := range []**sql.DB{&db.read, &db.write} {
		if *pool, err = sql.Open("sqlite", dsn); err != nil {
			_ = os.RemoveAll(db.copy)
			return nil, fmt.Errorf("state: %w", err)
		}
	}
	db.read.SetMaxOpenConns(4)
	if err := sameSchema(db.read); err != nil {
		return nil, errors.Join(fmt.Errorf("state %s: %w", path, err), db.Close())
	}
	return db, nil
}

const copyName = "state.db"

// snapshot copies a state that is in use into a folder of its own. The log is
// copied last: whatever changes in the database file while it is read stands in
// the log too, unless the log began anew meanwhile, which its header shows.
func snapshot(path string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "liverecord-state-"); err != nil {
		return "", err
	}
	for range 10 {
		before := logHeader(path)
		err = errors.Join(copyFile(path, filepath.Join(dir, copyName)), copyFile(path+"-wal", filepath.Join(dir, copyName+"-wal")))
		if err == nil && bytes.Equal(before, logHeader(path)) {
			return dir, nil
		}
	}
	_ = os.RemoveAll(dir)
	return "", cmp.Or(err, errors.New("it changes too fast to be copied"))
}

// logHeader holds salts that change whenever the log starts again.
func logHeader(path string) []byte {
	f, err := os.Open(path + "-wal")
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 32)
	n, _ := io.ReadFull(f, head)
	return head[:n]
}

// copyFile copies a file; one that does not exist becomes an empty one.
func copyFile(from, to string) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err == nil {
		_, err = io.Copy(out, in)
		in.Close()
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, out.Close())
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
