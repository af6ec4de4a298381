package hang

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestGroupWaitsForATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		if !g.Wait(0) {
			t.Error("an empty group is waited for")
		}
		hung := make(chan struct{})
		g.Go(func() {})
		g.Go(func() { <-hung })
		if g.Wait(time.Hour) {
			t.Error("nobody waited for the one that hangs")
		}
		after := false
		g.Then(func() { after = true })
		if after {
			t.Error("Then came too early")
		}
		close(hung)
		if !g.Wait(time.Hour) || !after {
			t.Error("the group has not ended")
		}
		after = false
		if g.Then(func() { after = true }); !after {
			t.Error("Then of a group that has ended")
		}
	})
}

func TestQuestionIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		answers := make(chan int)
		q := Ask(func() (int, error) { calls.Add(1); return <-answers, nil })
		go func() { answers <- 7 }()
		if a, hangs := q.Get(time.Second, time.Second); a.Value != 7 || hangs != 0 {
			t.Fatal(a, hangs)
		}
		if a, _ := q.Get(time.Second, time.Second); a.Value != 7 || calls.Load() != 1 {
			t.Fatal(a)
		}
		time.Sleep(2 * time.Second)
		for i := range 10 { // it hangs: only the first one waits
			begun := time.Now()
			a, hangs := q.Get(time.Second, time.Second)
			want := time.Duration(0)
			if i == 0 {
				want = time.Second
			}
			if waited := time.Since(begun); a.Value != 7 || hangs < time.Second || waited != want || calls.Load() != 2 {
				t.Fatalf("%d: %v after %v, hangs %v, %d calls", i, a, waited, hangs, calls.Load())
			}
		}
		answers <- 8
		synctest.Wait()
		if a, hangs := q.Get(time.Second, 0); a.Value != 8 || hangs != 0 {
			t.Fatal(a, hangs)
		}
	})
}

func TestTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if v, err := Try(time.Second, func() (int, error) { return 1, nil }, nil); v != 1 || err != nil {
			t.Error(v, err)
		}
		hung, late := make(chan struct{}), 0
		_, err := Try(time.Second, func() (int, error) { <-hung; return 2, nil }, func(v int, _ error) { late = v })
		if !errors.Is(err, ErrNoAnswer) || late != 0 {
			t.Error(err, late)
		}
		close(hung)
		synctest.Wait()
		if late != 2 {
			t.Error("what came late is lost")
		}
	})
}
