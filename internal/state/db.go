// Package state is the memory of the recorder: which recordings, files, parts,
// events, templates, rules and tasks exist. It is one SQLite file.
//
// All changes go through one writer goroutine, which groups them: the changes
// that arrive while a transaction is open share its commit (one fsync). Update
// returns after that commit, so what the caller then does to the outside world
// is always preceded by a durable row. Reads run on connections of their own
// and see the last commit.
//
// Each table has its file in this package and its migration in migrations/.
package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/live-recording/liverecord/internal/hang"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	groupWindow = 10 * time.Millisecond // how long a transaction waits for company
	groupMax    = 2000                  // changes in one transaction
)

var (
	// ErrClosed is returned by Update after Close.
	ErrClosed = errors.New("state is closed")
	// ErrNewer tells that the state is not broken, but not for this version.
	ErrNewer = errors.New("it was written by a newer version")
)

// DB is the open state. Safe for concurrent use.
type DB struct {
	write *sql.DB
	read  *sql.DB
	ops   chan op
	quit  chan struct{}
	copy  string // folder of a copy, removed by Close
	done  chan struct{}
	once  sync.Once

	abandoned chan struct{} // closed when nobody waits for the writer any more
	abandon   sync.Once
	closeErr  error // of the files; read it after done
	lock      atomic.Pointer[Lock]
	damage    atomic.Pointer[error]
	damaged   func(error)
}

// Tx is a transaction inside Update.
type Tx struct{ *sql.Tx }

type op struct {
	f      func(*Tx) error
	urgent bool
	done   chan error
}

// Open opens or creates the state file and brings its schema up to date. IsBroken
// tells whether the error means that the file is damaged, see SetAside. A state
// of a newer version is left as it is, and the error is ErrNewer.
func Open(path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	if err := notEmpty(path); err != nil {
		return nil, fmt.Errorf("state %s: %w", path, err)
	}
	if err := touchPrivate(path); err != nil {
		return nil, err
	}
	// unix-excl keeps the index of the WAL in our memory instead of a mapped file:
	// a page fault on a disk that hangs would hang the whole process, because Go's
	// garbage collector waits for it. The price is that no other process can open
	// the file meanwhile, see OpenReadOnly.
	const pragmas = "?vfs=unix-excl&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_pragma=foreign_keys(0)"
	dsn := "file:" + escapePath(path) + pragmas
	w, err := sql.Open("sqlite", dsn+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	w.SetMaxOpenConns(1)
	if err = whole(w, path); err == nil {
		err = migrate(w)
	}
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("state %s: %w", path, err)
	}
	r, err := sql.Open("sqlite", dsn)
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("state: %w", err)
	}
	r.SetMaxOpenConns(4)
	db := &DB{write: w, read: r, ops: make(chan op, 256), quit: make(chan struct{}), done: make(chan struct{}), abandoned: make(chan struct{})}
	go db.run()
	return db, nil
}

// touchPrivate creates the file 0600: it holds keys and names of strangers.
func touchPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return f.Close()
}

func escapePath(p string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(p)
}

// Close commits what is under way and closes the file.
func (db *DB) Close() error {
	db.once.Do(func() { close(db.quit) })
	if db.ops == nil { // without a writer
		db.abandon.Do(db.closeFiles)
	}
	<-db.done
	return db.closeErr
}

// CloseWithin is Close that waits for at most so long. If the disk does not
// answer by then it returns hang.ErrNoAnswer: whoever waits for an Update gets
// ErrClosed, and the file is closed as soon as the disk answers.
func (db *DB) CloseWithin(patience time.Duration) error {
	db.once.Do(func() { close(db.quit) })
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-db.done:
		return db.closeErr
	case <-t.C:
		db.abandon.Do(func() {
			close(db.abandoned)
			for _, pool := range []*sql.DB{db.read, db.write} {
				go pool.Close() //nolint:errcheck // frees who waits for a connection; closeFiles closes again
			}
		})
		return hang.ErrNoAnswer
	}
}

// Own gives the lock of the state to db, which releases it after the file is closed.
func (db *DB) Own(l *Lock) { db.lock.Store(l) }

// closeFiles is the last thing that the writer does.
func (db *DB) closeFiles() {
	db.closeErr = errors.Join(db.read.Close(), db.write.Close())
	if db.copy != "" {
		db.closeErr = errors.Join(db.closeErr, os.RemoveAll(db.copy))
	}
	db.closeErr = errors.Join(db.closeErr, db.lock.Load().Release())
	close(db.done)
}

// Update runs f in a transaction, shared with others that come at the same time,
// and returns when it is durable. If f returns an error, f's changes alone are
// undone and the error is returned. f may be run once only, must be quick and
// must not call db.
func (db *DB) Update(ctx context.Context, f func(*Tx) error) error {
	return db.send(ctx, op{f: f, done: make(chan error, 1)})
}

// UpdateNow is Update for callers that somebody waits for: it commits at once.
func (db *DB) UpdateNow(ctx context.Context, f func(*Tx) error) error {
	return db.send(ctx, op{f: f, urgent: true, done: make(chan error, 1)})
}

func (db *DB) send(ctx context.Context, o op) error {
	select {
	case db.ops <- o:
	case <-db.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-db.done:
		select {
		case err := <-o.done:
			return err
		default:
		}
	case <-db.abandoned:
	}
	return ErrClosed
}

// Reader gives read access. The caller closes rows; writes through it fail or
// contend with the writer: don't.
func (db *DB) Reader() *sql.DB { return db.read }

func (db *DB) run() {
	defer db.closeFiles()
	for {
		select {
		case o := <-db.ops:
			db.group(o)
		case <-db.quit:
			for {
				select {
				case <-db.abandoned: // what was not begun never happens: its callers were told so
					return
				case o := <-db.ops:
					db.group(o)
				default:
					return
				}
			}
		}
	}
}

// group runs first and what arrives with it in one transaction.
func (db *DB) group(first op) {
	if db.isAbandoned() {
		first.done <- ErrClosed
		return
	}
	tx, err := db.write.Begin()
	if err != nil {
		db.examine(err)
		first.done <- err
		return
	}
	t := &Tx{tx}
	var waiting []op
	timer := time.NewTimer(groupWindow)
	defer timer.Stop()
	run := func(o op) {
		if err := savepoint(t, o.f); err != nil {
			db.examine(err)
			o.done <- err
			return
		}
		waiting = append(waiting, o)
	}
	run(first)
	urgent := first.urgent
	for !urgent && len(waiting) < groupMax {
		select {
		case o := <-db.ops:
			run(o)
			urgent = o.urgent
			continue
		case <-timer.C:
		}
		break
	}
	for more := true; more && len(waiting) < groupMax; { // company that is here already is free
		select {
		case o := <-db.ops:
			run(o)
		default:
			more = false
		}
	}
	if err = tx.Commit(); err != nil {
		db.examine(err)
		_ = tx.Rollback()
	}
	for _, o := range waiting {
		o.done <- err
	}
}

// savepoint runs f so that its failure (or panic) undoes only its own changes.
func savepoint(t *Tx, f func(*Tx) error) (err error) {
	if _, err := t.Exec("SAVEPOINT one"); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("state: panic in a transaction: %v", p)
		}
		if err != nil {
			_, _ = t.Exec("ROLLBACK TO one")
		}
		_, _ = t.Exec("RELEASE one")
	}()
	return f(t)
}

// migrate applies the numbered files that were not applied yet, each in a
// transaction of its own.
func migrate(db *sql.DB) error {
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY, applied BIGINT NOT NULL)"); err != nil {
		return err
	}
	if err := refuseNewer(db, knownMigrations()); err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	for _, n := range names {
		base := filepath.Base(n)
		if err := apply(db, n, base); err != nil {
			return fmt.Errorf("migration %s: %w", base, err)
		}
	}
	return nil
}

func apply(db *sql.DB, file, name string) error {
	var n int
	if err := db.QueryRow("SELECT COUNT(*) FROM schema_migrations WHERE name = ?", name).Scan(&n); err != nil || n > 0 {
		return err
	}
	text, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if _, err := tx.Exec(string(text)); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT INTO schema_migrations (name, applied) VALUES (?, ?)", name, time.Now().UnixNano()); err != nil {
		return err
	}
	return tx.Commit()
}

// refuseNewer stops an older program from working on a newer state.
func refuseNewer(db *sql.DB, known map[string]bool) error {
	rows, err := db.Query("SELECT name FROM schema_migrations")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return err
		}
		if !known[n] {
			return fmt.Errorf("%w (%s); run that version, or move the file away", ErrNewer, n)
		}
	}
	return rows.Err()
}
