package recorder

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func newLedger(quit chan struct{}) *ledger {
	return &ledger{log: slog.New(slog.DiscardHandler), quit: quit}
}

// The state can't be written for a minute: all is written afterwards, in order.
func TestLedgerInsists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(make(chan struct{}))
		well := time.Now().Add(time.Minute)
		var got []string
		for i := range 5 {
			l.add("x", func() error {
				if time.Now().Before(well) {
					return errors.New("disk full")
				}
				got = append(got, fmt.Sprint(i))
				return nil
			})
		}
		if l.wait(10 * time.Second) {
			t.Fatal("it was written although it can't be")
		}
		if !l.wait(0) || !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
			t.Fatal(got)
		}
	})
}

// A server that stops waits a bounded time; what follows is never written.
func TestLedgerEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quit := make(chan struct{})
		l := newLedger(quit)
		hung := make(chan struct{})
		l.add("x", func() error { <-hung; return nil })
		l.add("y", func() error { t.Error("out of order"); return nil })
		begun := time.Now()
		time.AfterFunc(time.Hour, func() { close(quit) })
		if l.wait(0) {
			t.Fatal("it is done")
		}
		if d := time.Since(begun) - time.Hour; d != ledgerGrace {
			t.Fatal(d)
		}
		close(hung)
		l.add("z", func() error { t.Error("after the end"); return nil })
	})
}
