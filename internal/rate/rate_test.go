package rate

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	b := Bucket{Burst: 3, Every: time.Second}
	now := time.Unix(1_000_000, 0)
	taken := func(d time.Duration) (n int) {
		for end := now.Add(d); !now.After(end); now = now.Add(10 * time.Millisecond) {
			if b.Take(now) {
				n++
			}
		}
		return n
	}
	if n := taken(0); n != 1 {
		t.Errorf("%d at once", n)
	}
	if n := taken(10 * time.Second); n < 12 || n > 13 { // 2 left, and one a second
		t.Errorf("%d in ten seconds", n)
	}
	now = now.Add(time.Hour)
	if n := taken(500 * time.Millisecond); n != 3 {
		t.Errorf("%d after a long pause, not 3", n)
	}
	now = now.Add(-2 * time.Hour)
	if n := taken(2 * time.Second); n < 1 || n > 3 {
		t.Errorf("%d after the clock went back", n)
	}
}
