package torture

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
)

// diary is an endpoint that notes the order in which events arrive, and can be
// down in several ways, one after the other.
type diary struct {
	url  string
	down atomic.Bool

	mu    sync.Mutex
	turn  int
	seen  map[string]bool
	order map[string][]int64 // sequences by recording, as they came first
}

func newDiary(t *testing.T) *diary {
	d := &diary{seen: map[string]bool{}, order: map[string][]int64{}}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	d.url = s.URL
	return d
}

// ServeHTTP implements http.Handler.
func (d *diary) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	text, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	if d.down.Load() {
		d.refuse(w, req)
		return
	}
	sequence, _ := strconv.ParseInt(req.Header.Get("X-Event-Sequence"), 10, 64)
	id, recording := req.Header.Get("X-Event-Id"), sessionOf(text)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.seen[id] {
		d.seen[id] = true
		d.order[recording] = append(d.order[recording], sequence)
	}
}

func (d *diary) refuse(w http.ResponseWriter, req *http.Request) {
	d.mu.Lock()
	d.turn++
	turn := d.turn
	d.mu.Unlock()
	switch turn % 3 {
	case 0:
		http.Error(w, "down", http.StatusInternalServerError)
	case 1:
		hangUp(w)
	default: // hangs for longer than anybody waits
		select {
		case <-req.Context().Done():
		case <-time.After(25 * time.Second):
		}
	}
}

func (d *diary) events() map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.seen)
}

// An endpoint that is down for minutes gets every event when it is back, those
// of one recording in order, and holds up no other endpoint.
func TestEndpointDown(t *testing.T) {
	scenario(t)
	away := pick(8*time.Second, 5*time.Minute)
	good, bad := newDiary(t), newDiary(t)
	h := newHouse(t, cosserver.Options{}, "templates: {a: {mp4: {}, aac: {}}}\nrules: [{template: a}]\n"+
		fmt.Sprintf("callbacks:\n  - {url: %q, events: [file, status]}\n  - {url: %q, key: secret, events: [file, status]}\n", good.url, bad.url))
	bad.down.Store(true)
	h.open()
	begun, n := time.Now(), 0
	for ; n < 6 || time.Since(begun) < away; n++ {
		f := h.feed(fmt.Sprintf("live/e%d", n), n, 0)
		f.play(time.Second, 4)
		f.Offline("")
		time.Sleep(pick(100*time.Millisecond, 2*time.Second))
	}
	h.untilStored(2*n, time.Minute)
	const perRecording = 6 // started, ended and stored, of two formats
	until(t, "the endpoint that works has all events", time.Minute, func() bool { return len(good.events()) == n*perRecording })
	if len(bad.events()) != 0 {
		t.Fatal("the endpoint that is down took events")
	}
	bad.down.Store(false)
	back := time.Now()
	until(t, "all events reach the endpoint that was down", 10*time.Minute, func() bool { return maps.Equal(bad.events(), good.events()) })
	for name, d := range map[string]*diary{"good": good, "bad": bad} {
		for recording, list := range d.order {
			for i := 1; i < len(list); i++ {
				if list[i] <= list[i-1] {
					t.Errorf("%s endpoint, recording %s: events came as %v", name, recording, list)
					break
				}
			}
		}
	}
	t.Logf("down for %s: %d events of %d recordings, all there %.1f s after it was back, in order", back.Sub(begun).Round(time.Second),
		len(bad.events()), n, time.Since(back).Seconds())
}

// sessionOf names the recording of an event: status events have session_id, file
// events of rules have it as task_id.
func sessionOf(text []byte) string {
	var b struct {
		SessionID string `json:"session_id"`
		TaskID    string `json:"task_id"`
	}
	_ = json.Unmarshal(text, &b) // an unreadable one has no recording
	return cmp.Or(b.SessionID, b.TaskID)
}
