package recorder

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// What an earlier run left may not be readable when the server starts: a disk
// answers EIO, has no room for the copy that a repair makes, or is mounted
// read-only. It is tried again while the server runs, whatever the reason. Only a
// file of which the disk can read nothing is given up in the end, and set aside.
const (
	firstAgain = time.Second
	mostAgain  = time.Minute
	// unreadables is how often a file that can't be read is tried: for about a minute.
	unreadables = 6
)

// again is the list of files that are to be taken up once more.
type again struct {
	mu      sync.Mutex
	files   map[leftover]*attempt
	running bool
}

// leftover is a file of an earlier run: the store whose folder it is in, and its name
// there. Without a name it is all that the state does not know there.
type leftover struct{ store, name string }

type attempt struct {
	due   time.Time
	tries int
}

// takeUpLater has a file of an earlier run taken up again after a while.
func (r *Recorder) takeUpLater(f leftover, err error) {
	if r.report != nil { // one attempt: whoever makes it decides
		r.report(f, err)
		return
	}
	a := &r.again
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.files[f] != nil {
		return
	}
	if a.files == nil {
		a.files = map[leftover]*attempt{}
	}
	a.files[f] = &attempt{due: time.Now().Add(firstAgain)}
	if !a.running {
		a.running = true
		r.running.Go(r.takeUpAgain)
	}
}

// takeUpAgain tries until all is taken up, or the recorder closes.
func (r *Recorder) takeUpAgain() {
	for {
		f, wait, ok := r.again.first()
		if !ok {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-r.quit:
			t.Stop()
			return
		}
		r.again.done(f, r.takeUpOnce(context.Background(), f, r.again.last(f)))
	}
}

// first is the file that is due first; false if there is none.
func (a *again) first() (f leftover, wait time.Duration, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var due time.Time
	for x, try := range a.files {
		if !ok || try.due.Before(due) {
			f, due, ok = x, try.due, true
		}
	}
	a.running = ok
	return f, time.Until(due), ok
}

// last tells whether a file that can't be read is given up after the next attempt.
func (a *again) last(f leftover) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.files[f].tries+1 >= unreadables
}

// done notes an attempt.
func (a *again) done(f leftover, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		delete(a.files, f)
		return
	}
	try := a.files[f]
	try.tries++
	try.due = time.Now().Add(min(firstAgain<<min(try.tries, 10), mostAgain))
}

// takeUpOnce takes up one file. With last it is set aside if the disk still can't
// read it.
func (r *Recorder) takeUpOnce(ctx context.Context, f leftover, last bool) error {
	p, err := r.o.Place(f.store)
	if err == nil {
		err = r.guarded(func() error { return r.takeUpFile(ctx, p, f) })
	}
	switch {
	case err == nil:
		r.o.Log.Info("a file of an earlier run was taken up", "store", f.store, "file", f.name)
		r.o.Wake()
	case last && f.name != "" && errors.Is(err, syscall.EIO):
		if err = r.setAsideByName(ctx, p, f.name, fmt.Errorf("%w: the disk can't read it: %w", spool.ErrBad, err)); err == nil {
			r.o.Wake()
		}
	}
	return err
}

// guarded turns a panic into an error.
func (r *Recorder) guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.o.Log.Error("taking up a file failed", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	return f()
}

// takeUpFile finishes a file that no recording has open.
func (r *Recorder) takeUpFile(ctx context.Context, p Place, f leftover) (err error) {
	if f.name == "" {
		return r.adoptFolder(ctx, f.store, p)
	}
	if _, live := p.Dir.Live(f.name); live {
		return nil
	}
	files, err := state.Files(ctx, r.o.DB.Reader(), "WHERE spool=?", f.name)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return r.adoptFile(ctx, p, f.name)
	}
	row := files[0]
	if row.State != state.FileOpen && row.State != state.FileWaiting {
		return nil // package upload has it
	}
	owner, err := state.RecordingByID(ctx, r.o.DB.Reader(), row.Recording)
	if err != nil {
		return err
	}
	one := New(r.o)
	one.quit, one.only = r.quit, row.ID
	one.report = func(_ leftover, e error) { err = e }
	if e := one.finishIn(ctx, owner, row.Store); e != nil {
		return e
	}
	return err
}
