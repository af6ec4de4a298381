// Package notify tells events to the operator's HTTP endpoints.
//
// # From a fact to an endpoint
//
// Whoever writes a fact into the state emits the event that tells it in the same
// transaction:
//
//	db.Update(ctx, func(tx *state.Tx) error {
//		if err := tx.UpdateFile(file); err != nil {
//			return err
//		}
//		return notifier.Emit(tx, event.File(facts))
//	})
//
// So there is no fact without its event and no event without its fact, whatever
// instant the process dies at. Emit also decides which endpoints the event goes
// to, and stores that (one delivery each) in the same transaction. Deciding later
// would need a mark "decided" and would let a reload between fact and dispatch
// change the addressees; decided here, a reload holds for the events after it,
// and what is queued for an endpoint stays queued while its key, its kinds or
// its CA change. An endpoint is known by address and filters (Endpoint.ID). What
// waits for one that is no longer configured is parked after three days.
// Without any endpoint events are stored all the same, for the history.
//
// # One endpoint's queue
//
// Each endpoint has a worker that owns its queue, so a dead one delays no other.
// The events of one recording are a lane: one after the other, in order. A few
// lanes go in parallel. An attempt that fails holds back its own lane only; the
// pause before the next one grows and is stored. See package state for how due
// lanes are found without reading what waits behind them, and lane.go for how an
// attempt's outcome is judged. A lane takes a few events at a time, so memory
// does not depend on how much waits.
//
// # Twice is possible
//
// An event may arrive twice: if the process dies, or the answer gets lost. It then
// has the same X-Event-Id and the same body but for t and sign.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

// Options are for tests and for the plugin; the zero value will do.
type Options struct {
	Log       *slog.Logger
	UserAgent string
	Parallel  int           // lanes of one endpoint at once, 8 if 0
	History   time.Duration // how long events are kept, 14 days if 0
	MaxEvents int           // how many events are kept at most (what waits is always kept), 100 000 if 0

	// Dial replaces the network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Notifier stores events and delivers them. Safe for concurrent use.
type Notifier struct {
	db     *state.DB
	opt    Options
	router atomic.Pointer[router]
	poked  chan struct{} // an event was emitted, perhaps not committed yet

	mu      sync.Mutex
	workers map[string]*worker // by endpoint id
	ctx     context.Context    // of the workers; nil until Run
	closed  bool
	looked  time.Time // at the clock, by patientSince
	patient time.Time // see patientSince

	stop context.CancelFunc // ends Run
	quit context.Context
	done sync.WaitGroup // Run
}

// New makes a notifier. Emit and Resend work at once; nothing is sent before Run.
func New(db *state.DB, endpoints []Endpoint, opt Options) *Notifier {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.UserAgent == "" {
		opt.UserAgent = "live-recording"
	}
	if opt.Parallel <= 0 {
		opt.Parallel = 8
	}
	if opt.History <= 0 {
		opt.History = 14 * 24 * time.Hour
	}
	if opt.MaxEvents <= 0 {
		opt.MaxEvents = 100_000
	}
	n := &Notifier{db: db, opt: opt, poked: make(chan struct{}, 1), workers: map[string]*worker{}}
	n.quit, n.stop = context.WithCancel(context.Background())
	n.SetEndpoints(endpoints)
	return n
}

// Emit stores e in the transaction of its fact, queued for the endpoints that
// want it at this moment. An event with an ID that is stored already is left as
// it is. Delivery begins after the commit, without a further call.
func (n *Notifier) Emit(tx *state.Tx, e state.Event) error {
	if e.Type == event.TypeStatus {
		seq, err := tx.NextEventSequence(e.Recording)
		if err != nil {
			return err
		}
		e.Body = withFields(e.Body, `"seq":"`+strconv.FormatInt(seq, 10)+`"`)
	}
	if err := tx.AddEvent(e, n.router.Load().match(&e)...); err != nil {
		return err
	}
	ring(n.poked)
	return nil
}

// Wake makes all workers look at their queues. It is needed only after a change
// to the tables that did not come through Emit or Resend.
func (n *Notifier) Wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range n.workers {
		ring(w.bell)
	}
}

// SetEndpoints replaces the endpoints: events emitted from now on go to these.
// What is queued for an endpoint that stays is kept, and sent with its new keys.
func (n *Notifier) SetEndpoints(endpoints []Endpoint) {
	r := newRouter(endpoints)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.router.Store(r)
	for id, w := range n.workers {
		if r.find(id) == nil {
			w.end()
			delete(n.workers, id)
		}
	}
	for _, m := range r.matchers {
		if w, ok := n.workers[m.id]; ok {
			w.set(m.Endpoint)
			continue
		}
		w := newWorker(n, m.id, m.Endpoint)
		n.workers[m.id] = w
		if n.ctx != nil && !n.closed {
			w.start(n.ctx)
		}
	}
}

// Run delivers until ctx or Close ends it. It is called once.
func (n *Notifier) Run(ctx context.Context) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return
	}
	n.done.Add(1)
	defer n.done.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.quit, cancel)()
	n.ctx = ctx
	n.looked = time.Now()
	n.patient = n.looked
	for _, w := range n.workers {
		w.start(ctx)
	}
	n.mu.Unlock()

	var own sync.WaitGroup
	own.Go(func() { n.guard(ctx, "events janitor", n.janitor) })
	n.guard(ctx, "events doorbell", n.watch)
	own.Wait()

	n.mu.Lock()
	n.closed = true
	workers := n.workers
	n.workers = map[string]*worker{}
	n.mu.Unlock()
	for _, w := range workers {
		w.wait()
	}
}

// patientSince is the start of Run, or of the latest jump of the clock: then what
// was queued before only seems to be old. now has a monotonic reading.
func (n *Notifier) patientSince(now time.Time) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if jumped(n.looked.Round(0), now.Round(0), now.Sub(n.looked)) {
		n.patient = now
	}
	n.looked = now
	return n.patient
}

// jumped tells whether the wall clock went from one time to another while another
// span has passed.
func jumped(from, to time.Time, passed time.Duration) bool {
	return (to.Sub(from) - passed).Abs() > clockJump
}

// Close ends Run and waits for it. Attempts under way get a moment to end.
// Events that were not delivered are on disk.
func (n *Notifier) Close() {
	n.mu.Lock()
	if n.ctx == nil {
		n.closed = true
	}
	n.mu.Unlock()
	n.stop()
	n.done.Wait()
}

// watch rings the workers after the commit of what was emitted: an empty change
// that is queued behind an emitted event returns after that event's commit.
func (n *Notifier) watch(ctx context.Context) {
	for {
		select {
		case <-n.poked:
		case <-ctx.Done():
			return
		}
		if err := n.db.Update(ctx, func(*state.Tx) error { return nil }); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("events: the state can't be written", "error", err)
		}
		n.Wake()
	}
}

// guard runs f, and again after a pause if it panics: a bug here must not take
// the server with it.
func (n *Notifier) guard(ctx context.Context, name string, f func(context.Context)) {
	for !n.survived(name, func() { f(ctx) }) {
		if !sleep(ctx, time.Second) {
			return
		}
	}
}

// survived runs f and tells whether it returned.
func (n *Notifier) survived(name string, f func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			n.opt.Log.Error("panic in "+name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
	return true
}

// ring rings a doorbell.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
