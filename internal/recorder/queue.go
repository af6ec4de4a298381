package recorder

import (
	"sync"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/memory"
	"github.com/live-recording/liverecord/internal/timeline"
)

const (
	// queueBytes bounds what waits for a recording, with its overhead: about a
	// minute of 4 Mb/s, so that a disk may stall for as long without a loss.
	queueBytes = 32 << 20
	// maxUnit bounds one unit with its overhead: the largest FLV tag. MediaMTX
	// itself takes access units of up to 8 MB from RTSP publishers.
	maxUnit = 16 << 20
	// spareItems is how long an empty queue may stay that was long once.
	spareItems = 1024
)

// message is what a recording's goroutine is told, in order.
type message struct {
	kind   messageKind
	unit   hooks.Unit
	cost   int64     // of the unit in memory
	at     time.Time // when the unit arrived
	begin  *beginning
	reason string
	done   chan struct{} // closed when the message was acted on; may be nil
}

type messageKind int

const (
	msgUnit     messageKind = iota
	msgBegin                // a publication begins
	msgEnd                  // it has ended
	msgStop                 // finish the recording, for reason
	msgShutdown             // the server stops: interrupt or finish
	msgDropped              // units were lost just here
)

// beginning is a publication that a recording is to record.
type beginning struct {
	pub       *hooks.Publication
	tracks    []hooks.Track
	fromStart bool
}

// queue hands units over to a recording. WriteUnit never blocks; if what waits
// exceeds the limit, or the memory of all recordings is used up, whole groups of
// pictures are dropped: everything from there to the next key frame that finds room.
type queue struct {
	bell    chan struct{}
	limit   int64
	account *memory.Account // of all that the recording holds; set by open

	mu       sync.Mutex
	items    []message
	cost     int64 // pushed and not yet done
	closed   bool
	dropping bool
	why      loss          // of dropping
	pressed  bool          // memory is short: the recording is to let go what it holds back
	video    []bool        // per track: is it video
	codecs   []hooks.Codec // per track
	dropped  losses
}

func newQueue(limit int64) *queue {
	return &queue{bell: make(chan struct{}, 1), limit: limit}
}

// open lets units in. They are booked on an account of the budget until close.
func (q *queue) open(b *memory.Budget) { q.account = b.Open(q.shed) }

// close drops what waits; nothing is let in after it.
func (q *queue) close() {
	q.mu.Lock()
	q.closed, q.items, q.cost = true, nil, 0
	q.mu.Unlock()
	q.account.Close()
}

// control pushes a message that is never dropped.
func (q *queue) control(m message) {
	q.mu.Lock()
	if m.kind == msgBegin {
		q.video, q.codecs, q.dropping = nil, nil, false
		for _, t := range m.begin.tracks {
			q.video = append(q.video, t.Codec.IsVideo())
			q.codecs = append(q.codecs, t.Codec)
		}
	}
	q.items = append(q.items, m)
	q.mu.Unlock()
	q.ring()
}

// WriteUnit implements hooks.Sink.
func (q *queue) WriteUnit(u hooks.Unit) {
	n := memory.UnitCost(u.Payload)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if u.Track < 0 || u.Track >= len(q.video) {
		q.lose(lostUnknown, 1)
		return
	}
	if q.refuse(&u, n) {
		q.lose(q.why, 1)
		return
	}
	first := len(q.items) == 0
	q.items = append(q.items, message{kind: msgUnit, unit: u, cost: n, at: time.Now()})
	q.cost += n
	q.account.Add(n)
	if first {
		q.ring()
	}
}

// lose counts units. Called with the lock.
func (q *queue) lose(why loss, n int64) {
	q.dropped[why] += n
	if why == lostMemory {
		q.account.Refused(n)
	}
}

// refuse decides whether a unit is dropped, and sets why. Called with the lock.
func (q *queue) refuse(u *hooks.Unit, n int64) bool {
	limit := q.limit
	if q.dropping {
		limit /= 2
	}
	why, refused := q.why, true
	switch {
	case n > maxUnit:
		why = lostHuge
	case q.cost+n > limit:
		why = lostSlow
	case !q.account.Fits(n):
		why = lostMemory
	default:
		refused = q.dropping && !q.resumesAt(u)
	}
	if refused && !q.dropping {
		q.items = append(q.items, message{kind: msgDropped})
		q.ring() // the next unit won't: it is not the first in the queue
	}
	q.dropping = refused
	q.why = why
	return refused
}

// shed drops the newer half of the units that wait, because memory is short, and
// returns what that sets free. What the recording has taken already is not touched.
func (q *queue) shed() (freed int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pressed = true
	waiting := int64(0)
	for i := range q.items {
		waiting += q.items[i].cost
	}
	kept, units, older := q.items[:0], int64(0), int64(0)
	for _, m := range q.items {
		if older += m.cost; m.kind == msgUnit && older > waiting/2 {
			freed += m.cost
			if units++; units > 1 {
				continue
			}
			m = message{kind: msgDropped}
		}
		kept = append(kept, m)
	}
	clear(q.items[len(kept):])
	q.items = kept
	if units > 0 {
		q.dropping, q.why = true, lostMemory
		q.lose(lostMemory, units)
		q.cost -= freed
		if !q.closed {
			q.account.Add(-freed)
		}
	}
	q.ring()
	return freed
}

// relieve tells whether memory is short since it was asked last.
func (q *queue) relieve() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	pressed := q.pressed
	q.pressed = false
	return pressed
}

// resumesAt: after a loss the stream is taken up again at a key frame; one
// without pictures anywhere.
func (q *queue) resumesAt(u *hooks.Unit) bool {
	if q.video[u.Track] {
		return timeline.AccessOf(q.codecs[u.Track], u.Payload) == timeline.Key
	}
	for _, v := range q.video {
		if v {
			return false
		}
	}
	return true
}

func (q *queue) ring() {
	select {
	case q.bell <- struct{}{}:
	default:
	}
}

// take returns what waits; the slice is the caller's until it calls again with
// it as spare.
func (q *queue) take(spare []message) []message {
	clear(spare)
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.items
	if cap(spare) > spareItems && len(out) < cap(spare)/4 {
		spare = nil
	}
	q.items = spare[:0]
	return out
}

// empty tells whether nothing waits: what comes from now on came later.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// did tells that a unit of this cost was acted on.
func (q *queue) did(cost int64) {
	q.mu.Lock()
	q.cost -= cost
	q.mu.Unlock()
	q.account.Add(-cost)
}

// lost returns the units dropped so far.
func (q *queue) lost() losses {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// waiting returns the bytes that were handed over and not yet acted on, with
// their overhead.
func (q *queue) waiting() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cost
}
