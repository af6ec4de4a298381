package notify

import (
	"context"
	"math/rand"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

// These tests run by a fake clock, so that hours and days pass in no time.

func TestBadReceiverGetsEverythingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewSource(1)) //nolint:gosec // a test
		var dice sync.Mutex
		bad := newReceiver(func(_ string, _ int, w http.ResponseWriter, r *http.Request) bool {
			dice.Lock()
			n := rnd.Intn(12)
			dice.Unlock()
			switch n {
			case 0:
				w.WriteHeader(500)
			case 1:
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(429)
			case 2: // hangs
				<-r.Context().Done()
			case 3: // resets
				c, _, _ := w.(http.Hijacker).Hijack()
				c.Close()
			case 4: // dies between receive and answer
				c, _, _ := w.(http.Hijacker).Hijack()
				c.Close()
				return true
			case 5: // is told, and told to come back
				w.Header().Set("Location", "http://elsewhere/")
				w.WriteHeader(302)
			default:
				return true
			}
			return false
		})
		good := newReceiver(nil)
		net := serve(t, map[string]http.Handler{"bad": bad, "good": good})
		n := New(openState(t), []Endpoint{all("http://bad/"), all("http://good/")}, Options{Dial: net.dial})
		run(t, n)
		const recordings, each = 12, 15
		for range each {
			for r := range int64(recordings) {
				emit(t, n, r+1)
			}
		}
		time.Sleep(10 * time.Second)
		good.requireAll(t, recordings*each)
		time.Sleep(12 * time.Hour)
		bad.requireAll(t, recordings*each)
		s, err := n.Snapshot(context.Background())
		require.NoError(t, err)
		require.Equal(t, uint64(recordings*each), s[0].Delivered)
		require.Positive(t, s[0].Failed)
		require.Zero(t, s[0].Waiting+s[0].Parked+s[1].Waiting+s[1].Parked)
		require.Zero(t, s[1].Failed)
	})
}

func TestDownForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newReceiver(nil)
		net := serve(t, map[string]http.Handler{"ops": v})
		var up atomic.Bool
		net["ops"].down = func() bool { return !up.Load() }
		n := New(openState(t), []Endpoint{all("http://ops/")}, Options{Dial: net.dial})
		run(t, n)
		for i := range 30 {
			emit(t, n, int64(i%5))
			time.Sleep(2 * time.Minute)
		}
		require.Zero(t, v.taken())
		up.Store(true)
		time.Sleep(longestPause * 12 / 10)
		v.requireAll(t, 30)
		id := emit(t, n, 1)
		time.Sleep(100 * time.Millisecond)
		require.True(t, v.has(id), "at once, without a doorbell from outside")
	})
}

func TestDownForDaysIsParkedAndSentOnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newReceiver(nil)
		net := serve(t, map[string]http.Handler{"ops": v})
		var up atomic.Bool
		net["ops"].down = func() bool { return !up.Load() }
		n := New(openState(t), []Endpoint{all("http://ops/")}, Options{Dial: net.dial})
		run(t, n)
		first, second := emit(t, n, 1), emit(t, n, 1)
		time.Sleep(patience - time.Minute)
		d := delivery(t, n, first)
		require.Equal(t, state.DeliveryWaiting, d.State)
		require.InDelta(t, 870, d.Attempts, 100)
		time.Sleep(10 * time.Minute)
		require.Equal(t, state.DeliveryParked, delivery(t, n, first).State)
		d = delivery(t, n, second)
		require.Equal(t, state.DeliveryParked, d.State, "what waited behind it has the same age")
		require.Equal(t, 1, d.Attempts)
		fresh := emit(t, n, 1)
		time.Sleep(time.Hour)
		require.Equal(t, state.DeliveryWaiting, delivery(t, n, fresh).State)

		up.Store(true)
		time.Sleep(10 * time.Minute)
		require.Equal(t, 1, v.taken())
		s, err := n.Snapshot(context.Background())
		require.NoError(t, err)
		require.Equal(t, 2, s[0].Parked)
		k, err := n.ResendParked(context.Background(), s[0].ID)
		require.NoError(t, err)
		require.Equal(t, 2, k)
		time.Sleep(time.Second)
		require.Equal(t, 3, v.taken())
		v.mu.Lock()
		require.Equal(t, []int64{3, 1, 2}, v.order["1<nil>"])
		v.mu.Unlock()

		require.NoError(t, n.Resend(context.Background(), first))
		time.Sleep(time.Second)
		require.Equal(t, 2, v.postsOf(first), "also what was delivered")
		require.ErrorIs(t, n.Resend(context.Background(), "none"), state.ErrNotFound)
	})
}

func TestRefusedForEverIsParkedAndHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poison := state.NewEventID()
		v := newReceiver(func(id string, _ int, w http.ResponseWriter, _ *http.Request) bool {
			if id == poison {
				w.WriteHeader(400)
			}
			return id != poison
		})
		net := serve(t, map[string]http.Handler{"ops": v})
		n := New(openState(t), nil, Options{Dial: net.dial})
		n.SetEndpoints([]Endpoint{all("http://ops/")})
		run(t, n)
		emitAs(t, n, 1, poison)
		behind := emit(t, n, 1)
		for r := range int64(40) {
			emit(t, n, r+2)
		}
		time.Sleep(time.Second)
		require.Equal(t, 40, v.taken(), "other recordings do not wait")
		time.Sleep(15 * time.Minute)
		require.Equal(t, 41, v.taken())
		require.True(t, v.has(behind))
		d := delivery(t, n, poison)
		require.Equal(t, state.DeliveryParked, d.State)
		require.Equal(t, 400, d.Status)
		time.Sleep(24 * time.Hour)
		require.Equal(t, mostRefusals, v.postsOf(poison))
	})
}

func TestThrottledEndpointIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		header func() string
		wait   time.Duration
	}{
		"seconds": {func() string { return "600" }, 10 * time.Minute},
		"date":    {func() string { return time.Now().Add(15 * time.Minute).UTC().Format(http.TimeFormat) }, 15 * time.Minute},
		"bounded": {func() string { return "99999999999" }, longestWish},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var posts atomic.Int64
				v := newReceiver(func(_ string, _ int, w http.ResponseWriter, _ *http.Request) bool {
					if posts.Add(1) == 1 {
						w.Header().Set("Retry-After", c.header())
						w.WriteHeader(429)
						return false
					}
					return true
				})
				net := serve(t, map[string]http.Handler{"ops": v})
				n := New(openState(t), []Endpoint{all("http://ops/")}, Options{Dial: net.dial})
				run(t, n)
				emit(t, n, 1)
				time.Sleep(time.Second)
				emit(t, n, 2)
				time.Sleep(c.wait - 5*time.Second)
				require.EqualValues(t, 1, posts.Load())
				time.Sleep(10 * time.Second)
				require.Equal(t, 2, v.taken())
			})
		})
	}
}

func TestReloadKeepsTheQueueAndTakesNewKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ok atomic.Bool
		var signed atomic.Value
		v := newReceiver(func(_ string, _ int, w http.ResponseWriter, r *http.Request) bool {
			if !ok.Load() {
				w.WriteHeader(503)
				return false
			}
			signed.Store(r.Header.Get("X-Signature"))
			return true
		})
		other := newReceiver(nil)
		net := serve(t, map[string]http.Handler{"ops": v, "other": other})
		n := New(openState(t), []Endpoint{all("http://ops/")}, Options{Dial: net.dial})
		run(t, n)
		emit(t, n, 1)
		time.Sleep(time.Second)
		rotated := all("http://ops/")
		rotated.Keys = []string{"new", "old"}
		n.SetEndpoints([]Endpoint{all("http://other/")})
		emit(t, n, 1)
		time.Sleep(time.Minute)
		require.Zero(t, v.taken())
		require.Equal(t, 1, other.taken(), "what was emitted before goes to those of before")
		ok.Store(true)
		n.SetEndpoints([]Endpoint{all("http://other/"), rotated})
		time.Sleep(longestPause)
		require.Equal(t, 1, v.taken())
		require.Regexp(t, `^t=\d+,v1=[0-9a-f]{64},v1=[0-9a-f]{64}$`, signed.Load())
	})
}

func TestRemovedEndpointIsParkedAndHistoryPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(openState(t), []Endpoint{all("http://nowhere/")}, Options{Dial: network{}.dial})
		run(t, n)
		id := emit(t, n, 1)
		n.SetEndpoints(nil)
		quiet := emit(t, n, 2)
		time.Sleep(patience + 2*janitorPause)
		require.Equal(t, state.DeliveryParked, delivery(t, n, id).State)
		entries, err := view.Events(context.Background(), n.db.Reader(), view.EventFilter{})
		require.NoError(t, err)
		require.Len(t, entries, 2)
		require.Equal(t, quiet, entries[0].ID)
		require.Empty(t, entries[0].Deliveries)
		entries, err = view.Events(context.Background(), n.db.Reader(), view.EventFilter{State: state.DeliveryParked, Recording: 1})
		require.NoError(t, err)
		require.Len(t, entries, 1)
		require.ErrorContains(t, n.Resend(context.Background(), id), "no endpoint")
		time.Sleep(12 * 24 * time.Hour)
		entries, err = view.Events(context.Background(), n.db.Reader(), view.EventFilter{})
		require.NoError(t, err)
		require.Empty(t, entries)
	})
}

func TestPausesGrowAndAreStored(t *testing.T) {
	for i := 1; i <= 2000; i++ {
		want := min(time.Second<<min(i-1, 20), longestPause)
		p := pause(i)
		require.GreaterOrEqual(t, p, want*8/10)
		require.LessOrEqual(t, p, want*12/10)
	}
	synctest.Test(t, func(t *testing.T) {
		var posts atomic.Int64
		v := newReceiver(func(_ string, _ int, w http.ResponseWriter, _ *http.Request) bool {
			posts.Add(1)
			w.WriteHeader(500)
			return false
		})
		net := serve(t, map[string]http.Handler{"ops": v})
		db := openState(t)
		for range 20 { // restarts don't make it knock more often
			n := New(db, []Endpoint{all("http://ops/")}, Options{Dial: net.dial})
			done := make(chan struct{})
			go func() { defer close(done); n.Run(context.Background()) }()
			if posts.Load() == 0 {
				emit(t, n, 1)
			}
			time.Sleep(30 * time.Second)
			n.Close()
			<-done
		}
		require.Less(t, posts.Load(), int64(13), strconv.Itoa(int(posts.Load())))
	})
}
