package splice

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// receiver is an operator's endpoint.
type receiver struct {
	server *httptest.Server

	mu   sync.Mutex
	seen map[string]bool
	got  []event
}

// event is what the tests look at of a notification.
type event struct {
	At      time.Time `json:"-"`
	Type    int       `json:"event_type"`
	Status  string    `json:"record_event"`
	Detail  string    `json:"record_detail"`
	Format  string    `json:"file_format"`
	Session string    `json:"session_id"`
	Ext     string    `json:"callback_ext"`
	URL     string    `json:"video_url"`
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{seen: map[string]bool{}}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) config() string {
	return "callbacks: [{url: " + r.server.URL + "/events, events: [file, status]}]\n"
}

// ServeHTTP implements http.Handler. An event that comes again is not counted.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	e := event{At: time.Now()}
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if id := req.Header.Get("X-Event-Id"); !r.seen[id] {
		r.seen[id] = true
		r.got = append(r.got, e)
	}
}

// recording is which recording an event belongs to.
func (e *event) recording() string {
	var ext struct {
		Session string `json:"session_id"`
	}
	if json.Unmarshal([]byte(e.Ext), &ext) == nil && ext.Session != "" {
		return ext.Session
	}
	return e.Session
}

// format is mp4, flv, hls or aac.
func (e *event) format() string {
	var d struct {
		FileFormat int `json:"file_format"`
	}
	if json.Unmarshal([]byte(e.Detail), &d) == nil && d.FileFormat > 0 {
		return []string{"", "flv", "hls", "mp4", "aac"}[d.FileFormat]
	}
	return e.Format
}

// name is what happened: file, or the end of record_….
func (e *event) name() string {
	if e.Type == 100 {
		return "file"
	}
	return strings.TrimPrefix(e.Status, "record_")
}

// of lists what happened to one format, in order.
func (r *receiver) of(format string) (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.got {
		if e.format() == format {
			names = append(names, e.name())
		}
	}
	return names
}

// all returns what came so far.
func (r *receiver) all() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// wait waits until a format's file was told, n times.
func (r *receiver) wait(t *testing.T, format, name string, n int) event {
	t.Helper()
	var last event
	lab.Eventually(t, name+" of "+format, func() bool {
		found := 0
		for _, e := range r.all() {
			if e.format() == format && e.name() == name {
				found, last = found+1, e
			}
		}
		return found >= n
	})
	return last
}

// oneChain checks that all events are of one recording, that each format was
// paused and resumed so often, in turn, and that one file came of each.
func (r *receiver) oneChain(t *testing.T, joins int, formats ...string) {
	t.Helper()
	for _, f := range formats {
		r.wait(t, f, "file", 1)
		r.wait(t, f, "ended", 1)
	}
	for _, f := range formats {
		want := []string{"start_succeeded"}
		for range joins {
			want = append(want, "paused", "resumed")
		}
		got := slices.DeleteFunc(r.of(f), func(n string) bool { return n == "ended" || n == "file" })
		if len(got) > 0 && got[len(got)-1] == "paused" { // the last window, in which nobody came
			got = got[:len(got)-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s was told as %v", f, r.of(f))
		}
		if n := count(r.of(f), "file"); n != 1 {
			t.Errorf("%d file events of %s", n, f)
		}
	}
	r.oneRecording(t)
}

func (r *receiver) oneRecording(t *testing.T) {
	t.Helper()
	all := r.all()
	for i := range all {
		if all[i].recording() != all[0].recording() {
			t.Errorf("events of two recordings: %+v and %+v", all[0], all[i])
			return
		}
	}
}

func count(names []string, name string) (n int) {
	for _, x := range names {
		if x == name {
			n++
		}
	}
	return n
}
