package notify

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// counters count since the start of the process.
type counters struct{ delivered, failed, parked atomic.Uint64 }

// EndpointStats is what metrics and listings show of an endpoint.
type EndpointStats struct {
	ID      string
	Host    string
	Waiting int       // deliveries
	Parked  int       // deliveries
	Oldest  time.Time // when the longest waiting one was queued, zero = none waits
	Failing bool      // the latest attempt failed

	Delivered uint64 // since the start
	Failed    uint64 // attempts, since the start
	GivenUp   uint64 // parked, since the start
}

// Snapshot returns the state of all configured endpoints, in their order.
func (n *Notifier) Snapshot(ctx context.Context) ([]EndpointStats, error) {
	queues, err := state.EndpointQueues(ctx, n.db.Reader())
	if err != nil {
		return nil, err
	}
	r := n.router.Load()
	out := make([]EndpointStats, len(r.matchers))
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, m := range r.matchers {
		s := &out[i]
		s.ID, s.Host = m.id, m.Host()
		for _, q := range queues {
			if q.Endpoint == m.id {
				s.Waiting, s.Parked, s.Oldest = q.Waiting, q.Parked, q.Oldest
			}
		}
		if w := n.workers[m.id]; w != nil {
			s.Delivered, s.Failed, s.GivenUp = w.stats.delivered.Load(), w.stats.failed.Load(), w.stats.parked.Load()
			s.Failing = w.failing()
		}
	}
	return out, nil
}

func (w *worker) failing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failures > 0
}

// succeeded counts, and tells once that an endpoint is back.
func (w *worker) succeeded() {
	w.stats.delivered.Add(1)
	w.mu.Lock()
	n := w.failures
	w.failures = 0
	w.mu.Unlock()
	if n > 0 {
		w.n.opt.Log.Info("events: the endpoint takes events again", "endpoint", w.id, "failed", n)
	}
}

// failed counts, tells the first of a row of failures, and what was parked at
// most every ten minutes.
func (w *worker) failed(d *state.Delivery) {
	w.stats.failed.Add(1)
	w.mu.Lock()
	w.failures++
	first, parked := w.failures == 1, uint64(0)
	if d.State == state.DeliveryParked {
		w.stats.parked.Add(1)
		w.parked++
		if time.Since(w.told) > 10*time.Minute {
			parked, w.parked, w.told = w.parked, 0, time.Now()
		}
	}
	w.mu.Unlock()
	if first {
		w.n.opt.Log.Warn("events: the endpoint does not take an event; it is tried again",
			"endpoint", w.id, "event", d.Event, "error", d.Error)
	}
	if parked > 0 {
		w.n.opt.Log.Warn("events: parked; see `mediamtx record events`, and --resend",
			"endpoint", w.id, "events", parked, "latest", d.Event, "error", d.Error)
	}
}
