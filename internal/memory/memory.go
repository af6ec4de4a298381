// Package memory is the budget for all media that the server holds in memory.
//
// Whoever holds media (a recording: its queue, timeline and open batches) has an
// Account and books what it holds, payload and overhead (UnitCost). Booking is two
// atomic additions; no lock is taken on the way of a unit.
//
//	used ▕████████████████████████▏──────────▏──────▏
//	     0                      low        high   limit
//
// Below high everybody books freely. Above it Fits refuses whoever holds more than
// an equal share, and the Warden asks the account that holds most to drop what
// waits, again and again, until low is reached. Above limit Fits refuses all. So
// what is held is at most the limit and one unit per publication that delivers
// just then.
package memory

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Overheads, as the Go runtime allocates: what a unit costs beside its payload.
const (
	perUnit = 320 // the message, the sample, their slots in slices that grow by doubling
	perPart = 64  // a slice header, and the rounding up of a small allocation
)

// UnitCost is what a unit or sample with this payload costs in memory, in bytes.
func UnitCost(payload [][]byte) int64 {
	n := int64(perUnit + perPart*len(payload))
	for _, p := range payload {
		n += int64(len(p))
	}
	return n
}

// pause is between two rounds of the warden while nothing can be dropped.
const pause = 50 * time.Millisecond

// Budget is safe for concurrent use. The zero value has no limit.
type Budget struct {
	limit   atomic.Int64 // 0 = none
	used    atomic.Int64
	members atomic.Int64 // accounts
	bell    chan struct{}
	dropped atomic.Int64

	mu       sync.Mutex // of accounts; never held while one of them is asked
	accounts map[*Account]struct{}
}

// New returns a budget of so many bytes; 0 = no limit.
func New(limit int64) *Budget {
	b := &Budget{bell: make(chan struct{}, 1), accounts: map[*Account]struct{}{}}
	b.limit.Store(limit)
	return b
}

// SetLimit changes the limit, in bytes; 0 = none.
func (b *Budget) SetLimit(limit int64) {
	b.limit.Store(limit)
	b.ring()
}

// Limit returns the limit in bytes; 0 = none.
func (b *Budget) Limit() int64 { return b.limit.Load() }

// Used returns the bytes that are booked.
func (b *Budget) Used() int64 { return b.used.Load() }

// Dropped returns how many units were dropped since the start because the budget
// was used up.
func (b *Budget) Dropped() int64 { return b.dropped.Load() }

func high(limit int64) int64 { return limit - limit/8 }
func low(limit int64) int64  { return limit - limit/4 }

func (b *Budget) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

// Account is what one recording holds. Its methods may be called by any goroutine.
type Account struct {
	budget *Budget
	used   atomic.Int64
	drop   func() int64
}

// Open opens an account. drop drops what waits and can be dropped, and returns the
// bytes that this set free; it is called by the Warden, must not block, and may
// call Add.
func (b *Budget) Open(drop func() int64) *Account {
	a := &Account{budget: b, drop: drop}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accounts[a] = struct{}{}
	b.members.Add(1)
	return a
}

// Close gives back all that is booked. Nothing may be booked after it.
func (a *Account) Close() {
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.accounts[a]; !ok {
		return
	}
	delete(b.accounts, a)
	b.members.Add(-1)
	b.used.Add(-a.used.Swap(0))
}

// Add books n bytes, which may be negative.
func (a *Account) Add(n int64) {
	if n == 0 {
		return
	}
	a.used.Add(n)
	used := a.budget.used.Add(n)
	if limit := a.budget.limit.Load(); n > 0 && limit > 0 && used > high(limit) {
		a.budget.ring()
	}
}

// Used returns the bytes that the account has booked.
func (a *Account) Used() int64 { return a.used.Load() }

// Fits tells whether there is room for n bytes more.
func (a *Account) Fits(n int64) bool {
	limit := a.budget.limit.Load()
	if limit <= 0 {
		return true
	}
	used := a.budget.used.Load() + n
	switch {
	case used <= high(limit):
		return true
	case used > limit:
		a.budget.ring()
		return false
	}
	return a.used.Load()+n <= limit/max(a.budget.members.Load(), 1)
}

// Refused counts units that were dropped because of the budget.
func (a *Account) Refused(units int64) { a.budget.dropped.Add(units) }

// Warden asks those who hold most to drop what waits, as often as the budget is
// used up, until ctx ends.
func (b *Budget) Warden(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.bell:
		}
		b.relieve()
		select { // whoever can't be dropped now will be written soon
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// relieve asks one account after the other, the largest first, until enough is free.
func (b *Budget) relieve() {
	limit := b.limit.Load()
	if limit <= 0 || b.used.Load() <= high(limit) {
		return
	}
	for _, a := range b.largest() {
		if b.used.Load() <= low(limit) {
			return
		}
		a.drop()
	}
}

// largest lists the accounts by what they hold, the largest first, without those
// that hold less than an equal share: they are not the cause.
func (b *Budget) largest() []*Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	type holding struct {
		a *Account
		n int64
	}
	share := b.used.Load() / max(int64(len(b.accounts)), 1)
	var all []holding
	for a := range b.accounts {
		if n := a.used.Load(); n >= share && n > 0 {
			all = append(all, holding{a, n})
		}
	}
	slices.SortFunc(all, func(x, y holding) int { return int(min(max(y.n-x.n, -1), 1)) })
	out := make([]*Account, len(all))
	for i, h := range all {
		out[i] = h.a
	}
	return out
}
