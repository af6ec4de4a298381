package recorder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// ledgerGrace is how long after Close a recording still tries to write down what
// it has to; then that is left to the recovery of the next start.
const ledgerGrace = 5 * time.Second

// retryPause is between two tries to write to the state.
const retryPause = 2 * time.Second

// ledger is what a recording has to do outside of its goroutine, one thing after
// the other: sync files at their end, and write to the state. What fails is tried
// again until it succeeds, and what follows waits, so that the state tells things
// in the order in which they happened. The recording does not wait: its samples
// would, too.
type ledger struct {
	log  *slog.Logger
	quit <-chan struct{} // the recorder closes

	mu    sync.Mutex
	queue []entry // the first one is under way
	busy  bool
	over  bool      // the grace has passed; nothing is written any more
	until time.Time // the end of the grace; zero until the recorder closes
}

// entry is one thing to do. It may be done twice.
type entry struct {
	what string
	do   func() error
}

// add does something after all that was added before. do belongs to the ledger:
// it must not touch what the recording goes on changing.
func (l *ledger) add(what string, do func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.queue = append(l.queue, entry{what, do})
	if !l.busy {
		l.busy = true
		go l.work()
	}
}

// wait returns when all that was added is done: true. It gives up after limit, if
// that is not 0, and, for good, when the recorder has been closing for the grace.
func (l *ledger) wait(limit time.Duration) bool {
	done := make(chan struct{})
	l.add("", func() error { close(done); return nil })
	var timeout, grace <-chan time.Time
	if limit > 0 {
		timeout = time.After(limit)
	}
	quit := l.quit
	for {
		select {
		case <-done:
			return true
		case <-timeout:
			return false
		case <-quit:
			quit, grace = nil, time.After(time.Until(l.deadline()))
		case <-grace:
			l.abandon()
			return false
		}
	}
}

// deadline is when the grace ends, however many wait for it.
func (l *ledger) deadline() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until.IsZero() {
		l.until = time.Now().Add(ledgerGrace)
	}
	return l.until
}

// abandon leaves what is not done to the next start.
func (l *ledger) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over && len(l.queue) > 1 {
		l.log.Error("not all could be written to the state; the next start finds it in the spool", "left", len(l.queue)-1)
	}
	l.over, l.queue = true, nil
}

func (l *ledger) work() {
	for {
		e, ok := l.first()
		if !ok {
			return
		}
		l.insist(e)
		l.mu.Lock()
		if len(l.queue) > 0 {
			l.queue = l.queue[1:]
		}
		l.mu.Unlock()
	}
}

func (l *ledger) first() (entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.busy = false
		return entry{}, false
	}
	return l.queue[0], true
}

// insist tries until it succeeds.
func (l *ledger) insist(e entry) {
	for n := 0; ; n++ {
		err := e.do()
		switch {
		case err == nil:
			if n > 0 {
				l.log.Info("the state can be written again", "what", e.what, "attempts", n+1)
			}
			return
		case errors.Is(err, state.ErrNotFound), errors.Is(err, state.ErrClosed):
			l.log.Error("the state can't be written", "what", e.what, "error", err)
			return
		case n == 0 && !errors.Is(err, spool.ErrHangs):
			l.log.Error("the state can't be written, will be retried", "what", e.what, "error", err)
		}
		if l.ended() {
			return
		}
		time.Sleep(retryPause)
	}
}

func (l *ledger) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// store writes the row as it is now, and what f adds, in one transaction. f is
// given a copy of the row: it may run later.
func (rec *recording) store(f func(*state.Tx, *state.RecordingRow) error) {
	row := rec.row
	rec.ledger.add("the recording", func() error {
		err := rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
			if err := tx.UpdateRecording(&row); err != nil {
				return err
			}
			return f(tx, &row)
		})
		if err == nil {
			rec.r.o.Wake()
		}
		return err
	})
}
