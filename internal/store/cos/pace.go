package cos

import (
	"context"
	"sync"
	"time"
)

// pace limits the bytes per second of everybody who waits on it, first come,
// first served. Up to a quarter of a second may be caught up in a burst.
type pace struct {
	mu   sync.Mutex
	rate int64     // bytes per second, 0 = no limit
	next time.Time // when the bytes granted so far have passed
}

func newPace(rate int64) *pace { return &pace{rate: max(rate, 0)} }

func (p *pace) set(rate int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate, p.next = max(rate, 0), time.Time{}
}

// wait returns when n bytes may pass, or with the error of ctx.
func (p *pace) wait(ctx context.Context, n int) error {
	pause := p.grant(n)
	if pause <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *pace) grant(n int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate == 0 {
		return 0
	}
	now := time.Now()
	if earliest := now.Add(-time.Second / 4); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	return p.next.Sub(now)
}
