package notify

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

// deadEndpoint takes connections and never answers.
func deadEndpoint(t testing.TB) Endpoint {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return all("http://" + l.Addr().String() + "/")
}

// queueMany stores events of 3 KB each, before anything is sent.
func queueMany(t testing.TB, n *Notifier, recordings, each int) {
	for r := range recordings {
		require.NoError(t, n.db.Update(context.Background(), func(tx *state.Tx) error {
			for i := range each {
				e := event.File(event.FileFacts{Subject: subject(int64(r + 1)), File: int64(i), Format: "mp4", URL: strings.Repeat("u", 2048)})
				if err := n.Emit(tx, e); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func TestTenThousandEventsNeedNoMemoryAndADeadEndpointDelaysNobody(t *testing.T) {
	const recordings, each = loadRecordings, 100
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var mu sync.Mutex
	seen, peak := map[string]int{}, uint64(0)
	count := 0
	drained := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seq := r.Header.Get("X-Event-Sequence")
		seen[seq]++
		if count++; count%1000 == 0 {
			peak = max(peak, heap())
		}
		if count == recordings*each {
			close(drained)
		}
	}))
	defer srv.Close()
	n := New(openState(t), []Endpoint{deadEndpoint(t), all(srv.URL)}, Options{})
	queueMany(t, n, recordings, each)
	before := heap()
	run(t, n)
	select {
	case <-drained:
	case <-time.After(5 * time.Minute):
		t.Fatal("not drained")
	}
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, seen, each)
	for seq, n := range seen {
		require.Equal(t, recordings, n, "sequence %s", seq)
	}
	require.Less(t, peak, before+12<<20, "the bodies together are more than 25 MB")
	s, err := n.Snapshot(context.Background())
	require.NoError(t, err)
	require.Equal(t, recordings*each, s[0].Waiting)
}

func BenchmarkDrain(b *testing.B) {
	for _, recordings := range []int{1, 100} {
		b.Run(fmt.Sprintf("recordings=%d", recordings), func(b *testing.B) {
			left := make(chan struct{}, b.N+recordings)
			srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { left <- struct{}{} }))
			defer srv.Close()
			db, err := state.Open(filepath.Join(b.TempDir(), "state.db"))
			require.NoError(b, err)
			defer db.Close()
			n := New(db, []Endpoint{all(srv.URL)}, Options{})
			queueMany(b, n, recordings, (b.N+recordings-1)/recordings)
			b.ResetTimer()
			go n.Run(context.Background())
			for range b.N {
				<-left
			}
			b.StopTimer()
			n.Close()
		})
	}
}
