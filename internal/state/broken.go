package state

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// errBroken is damage that SQLite has no error for.
var errBroken = errors.New("the database is damaged")

// checkedSize bounds the states of which every page is looked at when they are
// opened: about two seconds on a slow disk. Of larger ones only those that are used.
const checkedSize = 256 << 20

// IsBroken tells whether an error means that the state file (or the disk below
// it) lost or mixed up what was written to it. A full disk, one that refuses
// writes, missing rights or a newer version are not among that: they may pass,
// and the file is whole.
func IsBroken(err error) bool {
	if errors.Is(err, errBroken) {
		return true
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	case sqlite3.SQLITE_IOERR:
		switch e.Code() {
		case sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA:
			return true
		}
	}
	return false
}

// notEmpty refuses a file that was emptied: SQLite would take it for a new one
// and nobody would be told. A log beside it may hold all that was written so far.
func notEmpty(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 {
		return nil //nolint:nilerr // absent is new; any other trouble shows when it is opened
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return nil
	}
	return fmt.Errorf("%w: the file is empty", errBroken)
}

// whole looks through the file, if that takes no time to speak of.
func whole(db *sql.DB, path string) error {
	if info, err := os.Stat(path); err != nil || info.Size() > checkedSize {
		return err
	}
	var verdict string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", errBroken, verdict)
	}
	return nil
}

const brokenInfix = ".broken-"

// SetAside renames a state file that is broken, with its log, to
// PATH.broken-20261126T101755Z, so that a new one can be made; it returns that
// name. Call it with the lock of the state, and no DB open.
func SetAside(path string, now time.Time) (aside string, err error) {
	aside = path + brokenInfix + now.UTC().Format("20060102T150405Z")
	for n := 2; exists(aside); n++ { // two in a second
		aside = fmt.Sprintf("%s%s%s-%d", path, brokenInfix, now.UTC().Format("20060102T150405Z"), n)
	}
	// The log goes first: a new state must never find the old one's.
	for _, ext := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+ext, aside+ext); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return aside, errors.Join(dir.Sync(), dir.Close())
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Aside lists the files that SetAside left beside a state, oldest first, without
// their logs.
func Aside(path string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []string
	prefix := filepath.Base(path) + brokenInfix
	for _, e := range entries {
		if name := e.Name(); strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			out = append(out, filepath.Join(filepath.Dir(path), name))
		}
	}
	slices.Sort(out)
	return out, nil
}

// OnDamage has f called, once, when a change fails because the file is broken.
// Call it while no Update is under way. f must not call db.
func (db *DB) OnDamage(f func(error)) { db.damaged = f }

// Damage is the first error by which the file turned out to be broken while it
// was open; nil if it did not.
func (db *DB) Damage() error {
	if e := db.damage.Load(); e != nil {
		return *e
	}
	return nil
}

// examine looks at the error of a change.
func (db *DB) examine(err error) {
	if IsBroken(err) && db.damage.CompareAndSwap(nil, &err) && db.damaged != nil {
		db.damaged(err)
	}
}

func (db *DB) isAbandoned() bool {
	select {
	case <-db.abandoned:
		return true
	default:
		return false
	}
}
