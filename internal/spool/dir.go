// Package spool holds growing files: an append-only body, and beside it a
// journal that says what is in it and proves it whole.
//
// What is written to a File survives the death of the process at any instant;
// what was synced (the Dir does so every SyncEvery, and Close at the end) survives
// a power loss. After a crash Dir.Open compares the journal with the body: a torn
// tail is cut off, a damaged range within the body is noted and left out, and all
// else is kept. A file that can't be understood is set aside (see SetAside); an
// error of the disk leaves it as it is. Nothing that holds something is deleted.
//
// A Dir is one folder on one disk: the spool proper for remote stores, and a
// hidden folder inside each local store, so that finishing a file is a rename.
// A Dir has a budget and a floor of free space; Append fails rather than break
// them. The floor is what finishing a file may use, so that a full disk still
// lets running files end well.
package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/internal/hang"
)

// SyncEvery bounds what a power loss can take.
const SyncEvery = 4 * time.Second

const (
	bodyExt    = ".body"
	journalExt = ".idx"
	// manyDirty: from here on one sync of the file system is cheaper than one per file.
	manyDirty = 8
	// freeEvery bounds how often the free space is asked for, freePatience how long
	// an answer is waited for before the last one has to do.
	freeEvery    = 500 * time.Millisecond
	freePatience = time.Second
	// hangs is how long a disk may not answer before it counts as one that hangs.
	hangs = 5 * time.Second
	// asideEvery is how often it is looked how many files are set aside: operators delete them.
	asideEvery = time.Minute
)

// LockName is the file in the folder by which a server makes sure that it is
// the only one there. Dir itself does not lock: it is also opened for reading.
const LockName = "server.lock"

var (
	// ErrFull tells that the spool has reached spool.maxSize.
	ErrFull = errors.New("the spool is full (spool.maxSize)")
	// ErrLow tells that the disk has less than spool.minFree left.
	ErrLow = errors.New("the disk is nearly full (spool.minFree)")
	// ErrHangs tells that the disk does not answer.
	ErrHangs = errors.New("the disk does not answer; look at the disk, or at the network mount and its server")
)

// Dir is an open spool folder. Safe for concurrent use.
type Dir struct {
	path   string
	root   *os.Root
	handle *os.File // for statfs and syncfs

	max, minFree int64
	used         atomic.Int64
	free         *hang.Question[int64]
	aside        atomic.Int64 // files that were set aside, as last counted

	mu      sync.Mutex
	live    map[string]*File
	held    map[string]int64 // body bytes on the disk, per file
	suspect map[string]bool
	unread  map[string]bool // of an earlier run, and not examined yet
	sick    error

	flushes chan flush
	quit    chan struct{}
	flushed chan struct{} // closed when there are no more syncs at the ends of files
	loops   atomic.Int32  // goroutines that use the folder; the last one lets it go
	done    chan error    // the result of that; of capacity 1
}

// Open opens (and creates) the folder. max bounds the bytes of all bodies in
// it, minFree is the free space of the disk that Append leaves alone; 0 = no
// bound. syncFailed is told when a periodic sync fails.
func Open(path string, max, minFree int64, syncFailed func(error)) (*Dir, error) {
	if err := makeFolder(path); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	h, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("spool: %w", err)
	}
	d := &Dir{path: path, root: root, handle: h, max: max, minFree: minFree,
		live: map[string]*File{}, held: map[string]int64{}, suspect: map[string]bool{}, unread: map[string]bool{},
		flushes: make(chan flush, 64), quit: make(chan struct{}), flushed: make(chan struct{}), done: make(chan error, 1)}
	d.free = hang.Ask(func() (int64, error) { return freeBytes(d.handle) })
	if err := d.measure(); err != nil {
		h.Close()
		root.Close()
		return nil, fmt.Errorf("spool: %w", err)
	}
	d.loops.Store(2)
	go d.syncLoop(syncFailed)
	go d.flushLoop()
	return d, nil
}

// makeFolder makes a folder and those above it, and makes their names durable: a
// folder that a power cut takes away takes its files along.
func makeFolder(path string) error {
	path = filepath.Clean(path)
	if s, err := os.Stat(path); err == nil && s.IsDir() {
		return nil
	}
	above := filepath.Dir(path)
	if above != path {
		if err := makeFolder(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if s, err := os.Stat(path); err != nil || !s.IsDir() {
		return errors.Join(err, &os.PathError{Op: "mkdir", Path: path, Err: errors.New("not a folder")})
	}
	h, err := os.Open(above)
	if err != nil {
		return err
	}
	return errors.Join(h.Sync(), h.Close())
}

// closePatience is how long Close waits for a sync that is under way.
const closePatience = time.Second / 2

// Close stops the periodic sync and lets go of the folder. Files are closed by
// their owners. Where the disk hangs it returns ErrHangs, and the folder is let
// go as soon as the disk answers.
func (d *Dir) Close() error {
	close(d.quit)
	t := time.NewTimer(closePatience)
	defer t.Stop()
	select {
	case err := <-d.done:
		return err
	case <-t.C:
		return fmt.Errorf("%s: %w", d.path, ErrHangs)
	}
}

// leave is called by each loop at its end.
func (d *Dir) leave() {
	if d.loops.Add(-1) == 0 {
		d.done <- errors.Join(d.handle.Close(), d.root.Close())
	}
}

// Path is the folder.
func (d *Dir) Path() string { return d.path }

// BodyPath is where the body of a file lies, relative to nothing: for stores
// that finish a file by renaming it.
func (d *Dir) BodyPath(name string) string { return filepath.Join(d.path, name+bodyExt) }

// BodyName is the body's base name in the folder.
func BodyName(name string) string { return name + bodyExt }

// Used is the number of body bytes that the folder holds.
func (d *Dir) Used() int64 { return d.used.Load() }

// Limit is the budget, 0 = none.
func (d *Dir) Limit() int64 { return d.max }

// startRoom is what must be free for a new file, so that a full folder is not
// filled with files of no length. It is less where the budget is small.
const startRoom = 4 << 20

// Create begins a file. The name must be new and a plain file name.
func (d *Dir) Create(name string, h Header) (*File, error) {
	room := int64(startRoom)
	if d.max > 0 {
		room = min(room, d.max/8)
	}
	if err := d.check(room); err != nil {
		return nil, err
	}
	f, err := create(d, name, h)
	if err != nil {
		return nil, err
	}
	if err := d.prove(f); err != nil {
		f.discard()
		return nil, err
	}
	d.mu.Lock()
	d.live[name] = f
	d.mu.Unlock()
	return f, nil
}

// Live returns the file if it is open for appending.
func (d *Dir) Live(name string) (*File, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.live[name]
	return f, ok
}

// forget is called by File.Close: from then on the file is at rest.
func (d *Dir) forget(f *File) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live[f.name] == f {
		delete(d.live, f.name)
	}
}

// Names lists the files of the folder, oldest name first.
func (d *Dir) Names() ([]string, error) {
	entries, err := d.entries()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if n, ok := strings.CutSuffix(e.Name(), journalExt); ok {
			out = append(out, n)
		}
	}
	sort.Strings(out)
	return out, nil
}

func (d *Dir) entries() ([]os.DirEntry, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// Remove deletes a file that is not open. A missing one is no error.
func (d *Dir) Remove(name string) error {
	if err := d.remove(name + bodyExt); err != nil {
		return err
	}
	d.forgetHeld(name)
	for _, ext := range []string{bodyExt, journalExt} {
		if err := d.remove(name + ext + newExt); err != nil {
			return err
		}
	}
	return d.remove(name + journalExt) // the last: a body without one has lost it
}

// remove deletes one file of the folder, if it is there.
func (d *Dir) remove(file string) error {
	if err := d.root.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (d *Dir) forgetHeld(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used.Add(-d.held[name])
	delete(d.held, name)
	delete(d.suspect, name)
	delete(d.unread, name)
}

// Free returns the free bytes of the disk, at most freeEvery old. While the disk
// does not answer it returns the last answer, without waiting for more than a
// second once.
func (d *Dir) Free() (int64, error) {
	a, _ := d.free.Get(freeEvery, freePatience)
	if a.At.IsZero() {
		return 0, fmt.Errorf("%s: %w", d.path, ErrHangs)
	}
	return a.Value, a.Err
}

// admit books n bytes for a file, or says why there is no room.
func (d *Dir) admit(name string, n int64) error {
	if err := d.check(n); err != nil {
		return err
	}
	d.book(name, n)
	return nil
}

// check says why there is no room for n bytes; nil if there is.
func (d *Dir) check(n int64) error {
	if d.minFree > 0 {
		free, err := d.Free()
		if err != nil {
			return err
		}
		if free < d.minFree+n {
			return ErrLow
		}
	}
	if d.max > 0 && d.used.Load()+n > d.max {
		return ErrFull
	}
	return nil
}

// Room tells why nothing could be appended now; nil if it could. It never waits
// for the disk for more than a second.
func (d *Dir) Room() error {
	if _, silent := d.free.Get(freeEvery, freePatience); silent > hangs {
		return ErrHangs
	}
	free, err := d.Free()
	switch {
	case err != nil:
		return err
	case d.minFree > 0 && free < d.minFree:
		return ErrLow
	case d.max > 0 && d.used.Load() >= d.max:
		return ErrFull
	}
	return d.Sick()
}

// book counts n more (or fewer) bytes of a file.
func (d *Dir) book(name string, n int64) {
	d.used.Add(n)
	d.mu.Lock()
	d.held[name] += n
	d.mu.Unlock()
}

// measure counts what an earlier run left. A punched hole does not count, nor
// does space that the file system allocated ahead.
func (d *Dir) measure() error {
	entries, err := d.entries()
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), bodyExt)
		if !ok {
			continue
		}
		d.unread[name] = true
		if s, err := d.root.Stat(e.Name()); err == nil {
			d.book(name, min(s.Size(), allocated(s)))
		}
	}
	return nil
}

func (d *Dir) syncLoop(failed func(error)) {
	defer d.leave()
	t := time.NewTicker(SyncEvery)
	defer t.Stop()
	d.countAsides()
	counted := time.Now()
	for {
		select {
		case <-t.C:
			if time.Since(counted) > asideEvery {
				d.countAsides()
				counted = time.Now()
			}
			if err := d.syncDirty(); err != nil && failed != nil {
				failed(fmt.Errorf("%s: %w", d.path, err))
			}
		case <-d.quit:
			return
		}
	}
}

// syncDirty syncs what was appended since the last time.
func (d *Dir) syncDirty() error {
	d.mu.Lock()
	var dirty []*File
	for _, f := range d.live {
		if f.dirty.Swap(false) {
			dirty = append(dirty, f)
		}
	}
	d.mu.Unlock()
	if d.Sick() != nil {
		d.probe()
	}
	if len(dirty) >= manyDirty {
		err := syncFS(d.handle)
		if err != nil {
			d.fell(fmt.Errorf("sync: %w", err), dirty...)
		}
		return err
	}
	var errs []error
	if slices.ContainsFunc(dirty, func(f *File) bool { return !f.named.Load() }) {
		if err := d.handle.Sync(); err != nil {
			err = fmt.Errorf("sync: %w", err)
			d.fell(err, dirty...)
			return err
		}
		for _, f := range dirty {
			f.named.Store(true)
		}
	}
	for _, f := range dirty {
		if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
