package notify

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

const (
	idle       = 30 * time.Second // a look at the queue without a doorbell, for changes of other processes
	closeGrace = 2 * time.Second  // for attempts under way at Close
	readPause  = 5 * time.Second  // after the state could not be read
)

// worker owns the queue of one endpoint.
type worker struct {
	n    *Notifier
	id   string
	bell chan struct{}

	mu       sync.Mutex
	endpoint Endpoint
	client   *http.Client // nil: to be made
	failures uint64       // since the last success
	parked   uint64       // not logged yet
	told     time.Time    // when parking was logged last

	hold      atomic.Pointer[time.Time] // the endpoint asked for a pause until then; not moved when the clock is set
	stats     counters
	soft      context.CancelFunc // no more attempts
	hard      context.CancelFunc // and those under way are cut off
	done      sync.WaitGroup
	unhealthy bool // the state can't be read; owned by dispatch
}

func newWorker(n *Notifier, id string, e Endpoint) *worker {
	return &worker{n: n, id: id, endpoint: e, bell: make(chan struct{}, 1)}
}

// set replaces the endpoint's keys, kinds and so on.
func (w *worker) set(e Endpoint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endpoint = e
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	w.client = nil // a CA file may have new content
}

// start runs the worker until ctx or end.
func (w *worker) start(ctx context.Context) {
	ctx, w.soft = context.WithCancel(ctx)
	attempts, hard := context.WithCancel(context.WithoutCancel(ctx))
	w.hard = hard
	w.done.Go(func() {
		stop := context.AfterFunc(ctx, func() { time.AfterFunc(closeGrace, hard) })
		defer stop()
		w.n.guard(ctx, "events worker", func(ctx context.Context) { w.dispatch(ctx, attempts) })
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.client != nil {
			w.client.CloseIdleConnections()
		}
	})
}

// end stops the worker at once and waits for it.
func (w *worker) end() {
	if w.soft == nil {
		return
	}
	w.soft()
	w.hard()
	w.done.Wait()
}

// wait waits for a worker whose context has ended; attempts get their grace.
func (w *worker) wait() {
	w.done.Wait()
	if w.hard != nil {
		w.hard()
	}
}

// dispatch starts a lane for each recording whose next event is due, a few at
// once. It is the only one to start lanes, so a lane never runs twice.
func (w *worker) dispatch(ctx, attempts context.Context) {
	busy := map[int64]bool{}
	done := make(chan int64)
	defer func() {
		for len(busy) > 0 {
			delete(busy, <-done)
		}
	}()
	for ctx.Err() == nil {
		next := w.fill(ctx, busy, func(recording int64) {
			defer func() { done <- recording }()
			w.n.survived("events lane", func() { w.lane(ctx, attempts, recording) })
		})
		timer := time.NewTimer(time.Until(next))
		select {
		case <-w.bell:
		case r := <-done:
			delete(busy, r)
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// fill starts what may start and returns when to look again at the latest.
func (w *worker) fill(ctx context.Context, busy map[int64]bool, run func(recording int64)) time.Time {
	now := time.Now()
	next := now.Add(idle)
	if len(busy) >= w.n.opt.Parallel {
		return next
	}
	if hold := w.held(); hold.After(now) {
		return hold
	}
	// Lanes under way are still due in the state; there are less than Parallel.
	lanes, err := state.DueLanes(ctx, w.n.db.Reader(), w.id, now, tooFar(now), 2*w.n.opt.Parallel)
	if err != nil {
		return w.unreadable(ctx, err)
	}
	for _, r := range lanes {
		if !busy[r] && len(busy) < w.n.opt.Parallel {
			busy[r] = true
			go run(r)
		}
	}
	due, err := state.NextDue(ctx, w.n.db.Reader(), w.id, now)
	if err != nil {
		return w.unreadable(ctx, err)
	}
	w.unhealthy = false
	if !due.IsZero() && due.Before(next) {
		next = due
	}
	return next
}

// held is until when the endpoint asked for a pause; zero = it did not.
func (w *worker) held() time.Time {
	if t := w.hold.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

func (w *worker) unreadable(ctx context.Context, err error) time.Time {
	if ctx.Err() == nil && !w.unhealthy {
		w.unhealthy = true
		w.n.opt.Log.Error("events: the state can't be read", "error", err)
	}
	return time.Now().Add(readPause)
}

// connection returns the endpoint as it is now, and its client.
func (w *worker) connection() (Endpoint, *http.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.endpoint.Check(); err != nil {
		return w.endpoint, nil, err
	}
	if w.client == nil {
		c, err := newClient(w.endpoint, w.n.opt)
		if err != nil {
			return w.endpoint, nil, err
		}
		w.client = c
	}
	return w.endpoint, w.client, nil
}
