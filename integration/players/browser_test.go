package players

import (
	"context"
	"embed"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

//go:embed page
var page embed.FS

// types are the content types that a store answers with.
var types = map[string]string{
	".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t", ".m4s": "video/mp4", ".mp4": "video/mp4",
	".flv": "video/x-flv", ".js": "text/javascript", ".html": "text/html; charset=utf-8",
}

// site serves a folder of recordings below /rec/ and the players' pages.
type site struct {
	*httptest.Server
	reports  chan []byte
	steps    chan struct{} // one for each step that a page has done
	throttle atomic.Int64  // of FLV files, bytes per second; 0 = none
	ranges   chan string   // Range headers of FLV files
}

func newSite(t *testing.T, recordings string) *site {
	t.Helper()
	modules := nodeModules(t)
	s := &site{reports: make(chan []byte, 1), steps: make(chan struct{}, 100), ranges: make(chan string, 1000)}
	mux := http.NewServeMux()
	mux.Handle("/page/", http.FileServerFS(page))
	mux.Handle("/rec/", http.StripPrefix("/rec/", http.FileServer(http.Dir(recordings))))
	for name, file := range map[string]string{"hls.js": "hls.js/dist/hls.js", "mpegts.js": "mpegts.js/dist/mpegts.js"} {
		mux.HandleFunc("/lib/"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join(modules, file))
		})
	}
	mux.HandleFunc("POST /step", func(http.ResponseWriter, *http.Request) { s.steps <- struct{}{} })
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err == nil {
			s.reports <- b
		}
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ext := path.Ext(r.URL.Path)
		if typ := types[ext]; typ != "" {
			w.Header().Set("Content-Type", typ)
		}
		if ext == ".m3u8" {
			// Last-Modified counts whole seconds: after a change in the same
			// second a browser would be told that its copy is still right.
			w.Header().Set("Cache-Control", "no-store")
		}
		if ext == ".flv" {
			s.ranges <- r.Header.Get("Range")
			if rate := int(s.throttle.Load()); rate > 0 {
				w = &slow{ResponseWriter: w, ctx: r.Context(), rate: rate}
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// slow sends a body no faster than rate bytes per second.
type slow struct {
	http.ResponseWriter
	ctx  context.Context
	rate int
}

// Write implements io.Writer.
func (s *slow) Write(b []byte) (n int, err error) {
	const step = 8 << 10
	for len(b) > 0 && err == nil {
		select {
		case <-s.ctx.Done():
			return n, s.ctx.Err()
		case <-time.After(step * time.Second / time.Duration(s.rate)):
		}
		var k int
		k, err = s.ResponseWriter.Write(b[:min(step, len(b))])
		http.NewResponseController(s.ResponseWriter).Flush() //nolint:errcheck // as far as it can
		n, b = n+k, b[k:]
	}
	return n, err
}

// job is what play.js does.
type job struct {
	Player string `json:"player"` // hls, flv or file
	Src    string `json:"src"`    // below /rec/
	Steps  []step `json:"steps"`
}

// step is one thing to do; see play.js.
type step struct {
	Do   string  `json:"do"`
	To   float64 `json:"to"`
	For  float64 `json:"for"`
	Rate float64 `json:"rate,omitempty"`
}

// least is how many pictures must be decoded: a quarter of those that are due.
func (s step) least() int { return int(s.For * rate / 4) }

// MarshalJSON implements json.Marshaler.
func (s step) MarshalJSON() ([]byte, error) {
	type plain step
	return json.Marshal(struct {
		plain
		Least int `json:"least"`
	}{plain(s), s.least()})
}

// report is what play.js saw.
type report struct {
	Failure string
	Fatal   []string
	Errors  []string
	Steps   []stepReport
}

type stepReport struct {
	From, To, Duration float64
	Ended              bool
	Seen               [][2]float64 // pictures shown: time and number
	Decoded, Corrupted int
	Width              int
}

// session is a browser that plays.
type session struct {
	site *site
	job  job
	stop func()
}

// address is where a file of the recordings is found.
func (s *site) address(name string) string {
	return s.URL + "/rec/" + (&url.URL{Path: name}).EscapedPath()
}

// start opens a browser that does a job.
func (s *site) start(t *testing.T, j job) *session {
	t.Helper()
	j.Src = s.address(j.Src)
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return &session{s, j, chromium(t, s.URL+"/page/play.html#"+url.PathEscape(string(text)))}
}

// wait waits for the report.
func (s *session) wait(t *testing.T) (r report) {
	t.Helper()
	defer s.stop()
	if err := json.Unmarshal(s.site.report(t), &r); err != nil {
		t.Fatal(err)
	}
	if r.Failure != "" || len(r.Fatal) > 0 || len(r.Steps) != len(s.job.Steps) {
		t.Fatalf("%s: %d of %d steps: %s\nfatal: %s\nerrors: %s", s.job.Src, len(r.Steps), len(s.job.Steps), r.Failure,
			strings.Join(r.Fatal, "\n"), strings.Join(r.Errors, "\n"))
	}
	for _, e := range r.Errors {
		// The machine is busy or nothing came yet; seeks abort loads; a piece without
		// a key frame at its beginning adds nothing until the one before is there.
		if !strings.Contains(e, "Stall") && !strings.Contains(e, "aborted") && !strings.Contains(e, "bufferAppendNoProgress") {
			t.Errorf("%s: %s", s.job.Src, e)
		}
	}
	return r
}

// waitSteps waits until the page has done n steps more, or has failed.
func (s *site) waitSteps(n int) {
	for range n {
		select {
		case <-s.steps:
		case b := <-s.reports:
			s.reports <- b
			return
		case <-time.After(2 * time.Minute):
			return
		}
	}
}

// report waits for what a page sends at its end.
func (s *site) report(t *testing.T) []byte {
	t.Helper()
	select {
	case b := <-s.reports:
		return b
	case <-time.After(2 * time.Minute):
		t.Fatalf("the browser does not report")
		return nil
	}
}

// chromium opens a URL in a headless browser without a past.
func chromium(t *testing.T, address string, args ...string) (stop func()) {
	t.Helper()
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--mute-audio",
		"--autoplay-policy=no-user-gesture-required", "--user-data-dir=" + profile,
	}, args...)
	cmd := exec.Command(need(t, "chromium", "chromium"), append(all, address)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
		cmd.Wait()                                      //nolint:errcheck // it was killed
		os.RemoveAll(profile)                           //nolint:errcheck // below the system's folder for such
	})
	t.Cleanup(stop)
	return stop
}
