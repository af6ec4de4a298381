package takeover

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
)

// endpoint stands in the data folder as the address of undelivered events, so
// it can't change from run to run. Nobody else listens there.
const endpoint = "127.95.11.21:18321"

// recording is the configuration of all fixtures. Files of "wait" can be
// resumed for ten years after the kill.
const recording = `templates:
  nothing: {}
  finish: {mp4: {store: cos}, flv: {store: local}, hls: {store: cos, segment: 2s}, aac: {store: local}}
  other: {mp4: {store: local}, flv: {store: cos}, hls: {store: local, segment: 2s, container: fmp4}}
  wait: {mp4: {store: cos, splice: 3650d}, flv: {store: local, splice: 3650d}, hls: {store: cos, segment: 2s, splice: 3650d}, aac: {store: local, splice: 3650d}}
rules:
  - {app: live, stream: finish, template: finish}
  - {app: live, stream: other, template: other}
  - {app: live, stream: ended, template: finish}
  - {app: live, stream: wait, template: wait}
callbacks: [{url: "http://` + endpoint + `/events", key: secret, events: [file, status]}]
`

// source has a constant bit rate made of filler, so that parts of an upload are
// full after seconds and a fixture is small all the same.
var source = lab.Kind{
	Video: "-c:v libx264 -preset ultrafast -threads 1 -pix_fmt yuv420p -sc_threshold 0 -g 25 -bf 0 " +
		"-b:v 5M -minrate 5M -maxrate 5M -bufsize 1M -x264-params nal-hrd=cbr:filler=1",
	Audio:   "-c:a aac -b:a 64k -ar 44100 -ac 2",
	Seconds: 20, Size: "64x36",
}

func start(t *testing.T, dir string) (*lab.Server, *cosserver.Server) {
	t.Helper()
	c := lab.StartCOS(t, cosserver.Options{Dir: dir + "/bucket", PublicRead: true})
	return lab.Start(t, lab.Options{Dir: dir + "/server", Recording: recording, COS: c}), c
}

// event is what the test looks at of a notification.
type event struct {
	Type   int    `json:"event_type"`
	Status string `json:"record_event"`
	Stream string `json:"stream_id"`
	Format string `json:"file_format"`
}

// receiver is the operator's endpoint. Events that come again count once.
type receiver struct {
	mu   sync.Mutex
	got  map[string]event
	fail []string
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: map[string]event{}}
	l, err := net.Listen("tcp", endpoint)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go s.Serve(l) //nolint:errcheck // ends with Close
	t.Cleanup(func() { s.Close() })
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var e event
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.fail = append(r.fail, err.Error()+": "+string(body))
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.got[req.Header.Get("X-Event-Id")] = e
}

// count tells how many events of a kind came for a stream: "file", or the end of
// a record_… status.
func (r *receiver) count(stream, name string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.got {
		is := strings.TrimPrefix(e.Status, "record_")
		if e.Type == 100 {
			is = "file"
		}
		if e.Stream == stream && is == name {
			n++
		}
	}
	return n
}

func (r *receiver) refused() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fail
}
