package notify

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

const (
	burst       = 10 * time.Second // reports of a kind that come so close together are one event
	abnormalGap = 2 * time.Minute  // between two events of one kind and stream
	maxTroubles = 10_000           // kinds × streams that are remembered at once
)

// Collector merges reports of trouble into abnormal events (341): at most one
// per kind and stream in two minutes, which says how often the trouble occurred.
// The first one goes out ten seconds after its first report. What was reported
// but not yet emitted is lost if the process is killed; the recording isn't.
type Collector struct {
	db   *state.DB
	emit func(*state.Tx, state.Event) error
	log  *slog.Logger
	bell chan struct{}

	dropped atomic.Uint64

	mu       sync.Mutex
	troubles map[troubleKey]*trouble
}

type troubleKey struct {
	domain, app, stream string
	kind                int
}

func keyOf(f event.AbnormalFacts) troubleKey {
	return troubleKey{f.Domain, f.App, f.Stream, f.Type}
}

type trouble struct {
	facts   event.AbnormalFacts // merged; Occurs 0 = nothing to tell
	due     time.Time           // when to tell
	earlier time.Time           // when it was told last
}

// NewCollector makes a collector that emits through n.
func NewCollector(n *Notifier) *Collector {
	return &Collector{db: n.db, emit: n.Emit, log: n.opt.Log, bell: make(chan struct{}, 1), troubles: map[troubleKey]*trouble{}}
}

// Report takes a report. It never blocks for long and may be called from any
// goroutine. Occurs 0 counts as 1; Time is when the trouble was seen.
func (c *Collector) Report(f event.AbnormalFacts) {
	f.Occurs = max(f.Occurs, 1)
	k := keyOf(f)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.troubles[k]
	if t == nil {
		if len(c.troubles) >= maxTroubles {
			c.dropped.Add(1)
			return
		}
		t = &trouble{}
		c.troubles[k] = t
	}
	if t.merge(f, now) {
		ring(c.bell)
	}
}

// Dropped counts the reports that were not taken because too many streams had
// trouble at once.
func (c *Collector) Dropped() uint64 { return c.dropped.Load() }

// merge adds a report; it returns true for the first one after the last event.
func (t *trouble) merge(f event.AbnormalFacts, now time.Time) (first bool) {
	if t.facts.Occurs == 0 {
		t.facts = f
		t.due = now.Add(burst)
		if next := t.earlier.Add(abnormalGap); next.After(t.due) {
			t.due = next
		}
		return true
	}
	f.Occurs += t.facts.Occurs
	if severity(t.facts.Level) > severity(f.Level) {
		f.Level = t.facts.Level
	}
	t.facts = f
	return false
}

func severity(level string) int {
	switch level {
	case event.Severe:
		return 2
	case event.Warning:
		return 1
	}
	return 0
}

// Run emits until ctx ends; then it emits at once all that was reported.
func (c *Collector) Run(ctx context.Context) {
	for {
		next, ready := c.take(time.Now(), ctx.Err() != nil)
		c.tell(ready)
		if ctx.Err() != nil {
			return
		}
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-c.bell:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// take removes what is to be told now, and forgets what was told long ago. It
// returns how long to wait for the next.
func (c *Collector) take(now time.Time, all bool) (next time.Duration, ready []event.AbnormalFacts) {
	next = abnormalGap
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, t := range c.troubles {
		switch {
		case t.facts.Occurs == 0 && now.Sub(t.earlier) >= abnormalGap:
			delete(c.troubles, k)
		case t.facts.Occurs == 0:
		case all || !t.due.After(now):
			ready = append(ready, t.facts)
			t.facts, t.earlier = event.AbnormalFacts{}, now
		default:
			next = min(next, t.due.Sub(now))
		}
	}
	return next, ready
}

// tell stores events. What can't be stored now is reported again.
func (c *Collector) tell(ready []event.AbnormalFacts) {
	if len(ready) == 0 {
		return
	}
	err := c.db.Update(context.Background(), func(tx *state.Tx) error {
		for _, f := range ready {
			if err := c.emit(tx, event.Abnormal(f)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.log.Error("events: abnormal events can't be stored", "error", err)
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range ready {
		t := c.troubles[keyOf(f)]
		if err != nil {
			newer := t.facts
			t.facts, t.due = f, now.Add(burst)
			if newer.Occurs > 0 {
				t.merge(newer, now)
			}
			continue
		}
		t.earlier = now // the gap counts from when it was stored
		if next := now.Add(abnormalGap); t.facts.Occurs > 0 && t.due.Before(next) {
			t.due = next
		}
	}
}
