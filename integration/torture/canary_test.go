package torture

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// canary measures what the machine itself is worth while a test runs: how long
// a small write with fsync takes on the disk that the server uses, and how late a
// timer comes. A shared machine stops for seconds now and then; what a recorder
// loses by a kill is a second plus that.
type canary struct {
	mu     sync.Mutex
	breath []breath
	quit   chan struct{}
	done   sync.WaitGroup
}

type breath struct {
	from, to time.Time
}

const canaryPause = 50 * time.Millisecond

func newCanary(t *testing.T) *canary {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "canary"))
	if err != nil {
		t.Fatal(err)
	}
	c := &canary{quit: make(chan struct{})}
	c.done.Go(func() {
		defer f.Close()
		for {
			from := time.Now()
			select {
			case <-c.quit:
				return
			case <-time.After(canaryPause):
			}
			if _, err := f.WriteAt(make([]byte, 4096), 0); err == nil {
				_ = f.Sync()
			}
			c.mu.Lock()
			c.breath = append(c.breath, breath{from.Add(canaryPause), time.Now()})
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		close(c.quit)
		c.done.Wait()
	})
	return c
}

// worst is the longest stop of the machine in some time before an instant.
func (c *canary) worst(at time.Time, before time.Duration) (d time.Duration) {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.breath {
		if b.to.After(at.Add(-before)) && b.from.Before(at) {
			d = max(d, b.to.Sub(b.from))
		}
	}
	return d
}
