package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

// receiver remembers what it was sent. answer decides about each request; it
// returns false if the event was not taken.
type receiver struct {
	answer func(id string, nth int, w http.ResponseWriter, r *http.Request) bool

	mu     sync.Mutex
	bodies map[string]string // by id, without t and sign
	posts  map[string]int
	order  map[string][]int64 // by recording: sequences as they were first taken
	faults []string
}

func newReceiver(answer func(id string, nth int, w http.ResponseWriter, r *http.Request) bool) *receiver {
	return &receiver{answer: answer, bodies: map[string]string{}, posts: map[string]int{}, order: map[string][]int64{}}
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id := r.Header.Get("X-Event-Id")
	v.mu.Lock()
	v.posts[id]++
	nth := v.posts[id]
	v.mu.Unlock()
	taken := v.answer == nil || v.answer(id, nth, w, r)
	v.note(id, text, r, taken)
	if taken && v.answer == nil {
		_, _ = w.Write([]byte(`{"code":0}`))
	}
}

func (v *receiver) note(id string, text []byte, r *http.Request, taken bool) {
	var m map[string]any
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := json.Unmarshal(text, &m); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		v.faults = append(v.faults, "bad request: "+string(text))
		return
	}
	delete(m, "t")
	delete(m, "sign")
	rest, _ := json.Marshal(m)
	if old, ok := v.bodies[id]; ok && old != string(rest) {
		v.faults = append(v.faults, "two bodies of "+id)
	}
	if !taken {
		return
	}
	if _, ok := v.bodies[id]; !ok {
		seq, _ := strconv.ParseInt(r.Header.Get("X-Event-Sequence"), 10, 64)
		rec := fmt.Sprint(m["session_id"], m["task_id"])
		v.order[rec] = append(v.order[rec], seq)
	}
	v.bodies[id] = string(rest)
}

func (v *receiver) taken() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.bodies)
}

func (v *receiver) has(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.bodies[id]
	return ok
}

func (v *receiver) postsOf(id string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.posts[id]
}

// requireAll checks that n events were taken, in order, none with two bodies.
func (v *receiver) requireAll(t *testing.T, n int) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	require.Empty(t, v.faults)
	require.Len(t, v.bodies, n)
	for rec, seqs := range v.order {
		for i, s := range seqs {
			require.EqualValues(t, i+1, s, "recording %s: %v", rec, seqs)
		}
	}
}

// pipes is a network inside the process, for tests with a fake clock.
type pipes struct {
	conns chan net.Conn
	quit  chan struct{}
	down  func() bool
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.quit:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if p.down != nil && p.down() {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	select {
	case p.conns <- b:
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// network serves h by host name without a real network.
type network map[string]*pipes

func serve(t *testing.T, handlers map[string]http.Handler) network {
	n := network{}
	for host, h := range handlers {
		p := &pipes{conns: make(chan net.Conn), quit: make(chan struct{})}
		srv := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		go func() { _ = srv.Serve(p) }()
		t.Cleanup(func() { close(p.quit); srv.Close() })
		n[host] = p
	}
	return n
}

func (n network) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	p := n[host]
	if p == nil {
		return nil, errors.New("no such host")
	}
	return p.dial(ctx, network, addr)
}

func openState(t *testing.T) *state.DB {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// run starts n and stops it at the end of the test.
func run(t *testing.T, n *Notifier) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { n.Run(context.Background()) })
	t.Cleanup(func() { n.Close(); wg.Wait() })
}

func subject(recording int64) event.Subject {
	return event.Subject{Recording: recording, Domain: "push.example.com", App: "live", Stream: fmt.Sprint("s", recording)}
}

// emit stores a status event of a recording and returns its id.
func emit(t testing.TB, n *Notifier, recording int64) string {
	t.Helper()
	id := state.NewEventID()
	emitAs(t, n, recording, id)
	return id
}

func emitAs(t testing.TB, n *Notifier, recording int64, id string) {
	t.Helper()
	e := event.Status(event.StatusFacts{Subject: subject(recording), What: event.Paused, Format: "mp4", Time: time.Now()})
	e.ID = id
	require.NoError(t, n.db.Update(context.Background(), func(tx *state.Tx) error { return n.Emit(tx, e) }))
}

func all(url string) Endpoint {
	return Endpoint{URL: url, Kinds: []state.EventKind{state.EventFile, state.EventStatus, state.EventAbnormal}, AllowPrivate: true}
}

func delivery(t *testing.T, n *Notifier, id string) state.Delivery {
	t.Helper()
	ds, err := state.EventDeliveries(context.Background(), n.db.Reader(), id)
	require.NoError(t, err)
	require.Len(t, ds, 1)
	return ds[0]
}
