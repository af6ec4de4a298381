package memory

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// holder holds what it books until it is asked to drop it.
type holder struct {
	*Account
	asked int
}

func open(b *Budget) *holder {
	h := &holder{}
	h.Account = b.Open(func() int64 {
		h.asked++
		n := h.Used()
		h.Add(-n)
		return n
	})
	return h
}

func TestWhoHoldsMostDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(1000)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go b.Warden(ctx)
		hog, other, third := open(b), open(b), open(b)
		other.Add(100)
		third.Add(200)
		for range 60 {
			if hog.Fits(10) {
				hog.Add(10)
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if hog.asked != 0 || b.Used() > 1000 {
			t.Errorf("asked %d times with %d of 1000 in use", hog.asked, b.Used())
		}
		hog.Add(200) // one unit that no question came before
		time.Sleep(time.Second)
		synctest.Wait()
		if hog.asked == 0 || other.asked+third.asked > 0 || hog.Used() != 0 || b.Used() != 300 {
			t.Errorf("asked %d, %d and %d times; %d in use", hog.asked, other.asked, third.asked, b.Used())
		}
	})
}

// Above the high mark only who holds less than an equal share is let in; above
// the limit nobody.
func TestFits(t *testing.T) {
	b := New(800)
	hog, small := open(b), open(b)
	hog.Add(690)
	for _, c := range []struct {
		a    *holder
		n    int64
		want bool
	}{{hog, 10, true}, {hog, 11, false}, {small, 110, true}, {small, 111, false}} {
		if got := c.a.Fits(c.n); got != c.want {
			t.Errorf("with %d held, %d more: %v", c.a.Used(), c.n, got)
		}
	}
	if free := New(0).Open(nil); !free.Fits(1 << 40) {
		t.Error("a budget without a limit refuses")
	}
}

func TestAllIsGivenBack(t *testing.T) {
	b := New(1 << 20)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			a := open(b)
			defer a.Close()
			for i := range int64(1000) {
				a.Add(i % 100)
				a.Add(-(i % 50))
			}
		})
	}
	wg.Wait()
	if b.Used() != 0 || b.members.Load() != 0 || len(b.accounts) != 0 {
		t.Errorf("%d bytes of %d accounts are left", b.Used(), b.members.Load())
	}
}

func TestMachine(t *testing.T) {
	root := t.TempDir() + "/"
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(root+name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(n int64) {
		t.Helper()
		if got := machine(root); got != n {
			t.Errorf("%d, not %d", got, n)
		}
	}
	want(fallback)
	put("proc/meminfo", "MemTotal:       16316412 kB\nMemFree: 1 kB\n")
	want(16316412 << 10)
	put("sys/fs/cgroup/memory.max", "max\n")
	want(16316412 << 10)
	put("sys/fs/cgroup/memory.max", "536870912\n")
	want(512 << 20)
}

func BenchmarkBook(bm *testing.B) {
	b := New(1 << 30)
	bm.RunParallel(func(p *testing.PB) {
		a := b.Open(nil)
		for p.Next() {
			if a.Fits(1000) {
				a.Add(1000)
				a.Add(-1000)
			}
		}
	})
}
