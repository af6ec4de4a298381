// Package hang is for work that may never end: a system call on a disk that
// hangs (a network mount whose server is away) can't be broken off. Such work
// runs on goroutines of its own, and whoever waits for it waits a bounded time.
//
//	Group     goroutines that somebody waits for, but not for ever
//	Question  a question to a disk: at most one is under way, and whoever asks
//	          meanwhile gets the last answer
//	Try       one call, one goroutine, a bounded wait
package hang

import (
	"errors"
	"sync"
	"time"
)

// ErrNoAnswer tells that the work has not ended in time. It goes on.
var ErrNoAnswer = errors.New("the disk does not answer")

// Group counts goroutines. The zero value is ready. Go and Wait may be called in
// any order.
type Group struct {
	mu   sync.Mutex
	n    int
	zero chan struct{} // closed when n becomes 0; nil while it is
	then []func()
}

// Go runs f on a goroutine of the group.
func (g *Group) Go(f func()) {
	g.mu.Lock()
	if g.n++; g.zero == nil {
		g.zero = make(chan struct{})
	}
	g.mu.Unlock()
	go func() {
		defer g.done()
		f()
	}()
}

func (g *Group) done() {
	g.mu.Lock()
	if g.n--; g.n > 0 {
		g.mu.Unlock()
		return
	}
	zero, then := g.zero, g.then
	g.zero, g.then = nil, nil
	g.mu.Unlock()
	for _, f := range then {
		f()
	}
	close(zero)
}

// Wait waits until no goroutine of the group runs, for at most so long. It
// returns whether that is so.
func (g *Group) Wait(atMost time.Duration) bool {
	g.mu.Lock()
	zero := g.zero
	g.mu.Unlock()
	if zero == nil {
		return true
	}
	t := time.NewTimer(atMost)
	defer t.Stop()
	select {
	case <-zero:
		return true
	case <-t.C:
		return false
	}
}

// Then calls f once no goroutine of the group runs: at once, or on the last of
// them. So nobody needs to wait for one that hangs.
func (g *Group) Then(f func()) {
	g.mu.Lock()
	if g.n > 0 {
		g.then = append(g.then, f)
		g.mu.Unlock()
		return
	}
	g.mu.Unlock()
	f()
}

// Answer is what a Question got last. A zero time: it never got one.
type Answer[T any] struct {
	Value T
	Err   error
	At    time.Time
}

// Question asks f, which may hang. Make it with Ask.
type Question[T any] struct {
	f func() (T, error)

	mu    sync.Mutex
	last  Answer[T]
	ended chan struct{} // of the call that is under way; nil = none is
	since time.Time     // when that began
}

// Ask makes a Question. f is called on a goroutine of its own, never twice at once.
func Ask[T any](f func() (T, error)) *Question[T] { return &Question[T]{f: f} }

// Get returns an answer. One that is younger than fresh will do; else f is
// asked, and given patience from the moment on in which it was called: whoever
// comes later does not wait again. If f has not answered by then, Get returns
// the last answer, and for how long f has not answered, which is 0 otherwise.
func (q *Question[T]) Get(fresh, patience time.Duration) (a Answer[T], hangs time.Duration) {
	q.mu.Lock()
	if q.ended == nil {
		if !q.last.At.IsZero() && time.Since(q.last.At) <= fresh {
			defer q.mu.Unlock()
			return q.last, 0
		}
		q.ended, q.since = make(chan struct{}), time.Now()
		go q.ask(q.ended)
	}
	ended, since := q.ended, q.since
	q.mu.Unlock()
	if left := patience - time.Since(since); left > 0 {
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-ended:
		case <-t.C:
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended == ended {
		return q.last, time.Since(since)
	}
	return q.last, 0
}

func (q *Question[T]) ask(ended chan struct{}) {
	v, err := q.f()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = Answer[T]{v, err, time.Now()}
	q.ended = nil
	close(ended)
}

// Try calls f and waits for it for at most so long; then the error is
// ErrNoAnswer, and what f returns later is given to late, which may be nil.
func Try[T any](atMost time.Duration, f func() (T, error), late func(T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	var mu sync.Mutex
	left := false
	done := make(chan result, 1)
	go func() {
		v, err := f()
		mu.Lock()
		defer mu.Unlock()
		if !left {
			done <- result{v, err}
		} else if late != nil {
			late(v, err)
		}
	}()
	t := time.NewTimer(atMost)
	defer t.Stop()
	select {
	case r := <-done:
		return r.v, r.err
	case <-t.C:
	}
	mu.Lock()
	defer mu.Unlock()
	select {
	case r := <-done: // in the last instant
		return r.v, r.err
	default:
	}
	left = true
	var none T
	return none, ErrNoAnswer
}
