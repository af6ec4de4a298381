package recorder

import (
	"sync"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/timeline"
)

// queueBytes bounds the payload that waits for a recording: about a minute of
// 4 Mb/s, so that a disk may stall for as long without a loss.
const queueBytes = 32 << 20

// message is what a recording's goroutine is told, in order.
type message struct {
	kind   messageKind
	unit   hooks.Unit
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

// queue hands units over to a recording. push never blocks; if the bytes
// waiting exceed the limit, whole groups of pictures are dropped: everything
// from there to the next key frame that finds room.
type queue struct {
	bell chan struct{}

	mu       sync.Mutex
	items    []message
	bytes    int64 // pushed and not yet done
	limit    int64
	dropping bool
	video    []bool        // per track: is it video
	codecs   []hooks.Codec // per track
	dropped  int64         // units dropped so far
}

func newQueue(limit int64) *queue {
	return &queue{bell: make(chan struct{}, 1), limit: limit}
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
	n := int64(u.Size())
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse(&u, n) {
		q.dropped++
		return
	}
	first := len(q.items) == 0
	q.items = append(q.items, message{kind: msgUnit, unit: u, at: time.Now()})
	q.bytes += n
	if first {
		q.ring()
	}
}

// refuse decides whether a unit is dropped. Called with the lock.
func (q *queue) refuse(u *hooks.Unit, n int64) bool {
	if u.Track < 0 || u.Track >= len(q.video) {
		return true
	}
	if !q.dropping {
		if q.bytes+n <= q.limit {
			return false
		}
		q.dropping = true
		q.items = append(q.items, message{kind: msgDropped})
		q.ring() // the next unit won't: it is not the first in the queue
		return true
	}
	if q.bytes+n > q.limit/2 || !q.resumesAt(u) {
		return true
	}
	q.dropping = false
	return false
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
	q.items = spare[:0]
	return out
}

// empty tells whether nothing waits: what comes from now on came later.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// did tells that a unit was acted on.
func (q *queue) did(u *hooks.Unit) {
	n := int64(u.Size())
	q.mu.Lock()
	q.bytes -= n
	q.mu.Unlock()
}

// lost returns the number of units dropped so far.
func (q *queue) lost() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

// waiting returns the bytes that were handed over and not yet acted on.
func (q *queue) waiting() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
