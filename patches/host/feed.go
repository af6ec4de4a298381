package host

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/hooks"
)

// Reader reads a stream of one release of MediaMTX.
type Reader interface {
	// Tracks returns the current parameters of all tracks.
	Tracks() []hooks.Track

	// Start begins the delivery of units, from one goroutine at a time, until
	// Stop has returned. It may be called again after Stop.
	Start(deliver func(hooks.Unit))
	Stop()

	// Mark calls f on the delivering goroutine, after the units that are queued
	// now. It returns false if the queue is full.
	Mark(f func()) bool

	// Discarded counts the units that the queue of the running or the last
	// delivery had no room for.
	Discarded() uint64
}

const (
	// drainTime is how long the end of a publication waits for units that are
	// still queued. A sink only hands them over, so it takes microseconds; the
	// bound holds for a sink that is stuck.
	drainTime = time.Second
	drainStep = time.Millisecond
)

// feed implements hooks.Feed. mu serialises what starts and stops the delivery;
// the delivery itself does not take it.
type feed struct {
	server *Server
	path   string
	reader Reader

	mu        sync.Mutex
	running   bool
	closed    bool
	discarded uint64 // by deliveries that have ended
}

// Attach implements hooks.Feed.
func (f *feed) Attach(sink hooks.Sink) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.running || sink == nil {
		return
	}
	f.running = true
	f.reader.Start(f.deliverTo(sink))
}

// deliverTo keeps a panic of the sink from the server; after one, the sink gets
// no more units.
func (f *feed) deliverTo(sink hooks.Sink) func(hooks.Unit) {
	var broken atomic.Bool
	return func(u hooks.Unit) {
		if broken.Load() {
			return
		}
		if !f.server.guard("recording stopped", f.path, func() { sink.WriteUnit(u) }) {
			broken.Store(true)
		}
	}
}

// Detach implements hooks.Feed.
func (f *feed) Detach() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop()
}

func (f *feed) stop() {
	if !f.running {
		return
	}
	f.running = false
	f.reader.Stop()
	f.discarded += f.reader.Discarded()
}

// close delivers what is queued and ends the feed.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running {
		f.drain()
	}
	f.stop()
	f.closed = true
}

// drain waits until all that is queued was delivered: the queue of a reader
// throws away what it holds when it is stopped.
func (f *feed) drain() {
	done := make(chan struct{})
	deadline := time.Now().Add(drainTime)
	for !f.reader.Mark(func() { close(done) }) {
		if time.Now().After(deadline) {
			return
		}
		time.Sleep(drainStep)
	}
	t := time.NewTimer(time.Until(deadline))
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// Tracks implements hooks.Feed.
func (f *feed) Tracks() []hooks.Track { return f.reader.Tracks() }

// Discarded implements hooks.Feed.
func (f *feed) Discarded() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running {
		return f.discarded + f.reader.Discarded()
	}
	return f.discarded
}
