// Package rate bounds how often something may happen that a stranger can cause.
package rate

import "time"

// Bucket holds Burst tokens at first, and gets another one every Every, up to
// Burst. It is used by one goroutine.
type Bucket struct {
	Burst int
	Every time.Duration

	used int
	at   time.Time // when used was right
}

// Take takes a token; false if there is none. A clock that goes back counts as
// one that stands still.
func (b *Bucket) Take(now time.Time) bool {
	if b.used == 0 || now.Before(b.at) {
		b.at = now
	}
	if n := int(now.Sub(b.at) / b.Every); n > 0 {
		b.used = max(0, b.used-n)
		b.at = b.at.Add(time.Duration(n) * b.Every)
		if b.used == 0 {
			b.at = now
		}
	}
	if b.used >= b.Burst {
		return false
	}
	b.used++
	return true
}
