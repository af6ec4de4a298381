package fileserver

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/store/local"
)

// A growing playlist that changes twice within a second is sent again, not
// reported as unchanged.
func TestChangedWithinASecond(t *testing.T) {
	dir := t.TempDir()
	s, err := local.New(config.Store{Name: "local", Dir: dir}, 0)
	if err != nil {
		t.Fatal(err)
	}
	h := &Handler{Stores: func() []*local.Store { return []*local.Store{s} },
		Pairs: []config.Credential{{SecretID: "id", SecretKey: "key"}}}
	get := func(tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/recordings/live.m3u8", nil)
		r.SetBasicAuth("id", "key")
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
			r.Header.Set("If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	second := time.Now().Truncate(time.Second)
	write := func(text string, at time.Time) {
		file := filepath.Join(dir, "live.m3u8")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write("one", second)
	first := get("")
	tag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || tag == "" {
		t.Fatalf("%d, ETag %q", first.Code, tag)
	}
	if w := get(tag); w.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", w.Code)
	}
	write("two", second.Add(time.Millisecond))
	if w := get(tag); w.Code != http.StatusOK || w.Body.String() != "two" {
		t.Errorf("changed: %d %q", w.Code, w.Body)
	}
}

// The link of a playlist is enough to play it: its segments have links in it, for
// themselves alone, that end when its own does.
func TestPlaylistLink(t *testing.T) {
	dir := t.TempDir()
	s, err := local.New(config.Store{Name: "local", Dir: dir}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "a b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"live.m3u8":     "#EXTM3U\n#EXT-X-MAP:URI=\"a%20b/init0.mp4\"\n#EXTINF:2.0,\na%20b/000000.m4s\n#EXT-X-ENDLIST\n",
		"a b/init0.mp4": "init", "a b/000000.m4s": "piece", "other.mp4": "other",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret := []byte("secret")
	h := &Handler{Stores: func() []*local.Store { return []*local.Store{s} }, Secret: secret}
	get := func(address string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/recordings/"+address, nil))
		return w
	}
	list := get("live.m3u8?" + local.Sign("live.m3u8", time.Now().Add(time.Hour), secret).Encode()).Body.String()
	links := regexp.MustCompile(`a%20b/[^"\n]+`).FindAllString(list, -1)
	if len(links) != 2 || strings.Count(list, "\n") != 5 {
		t.Fatalf("links %q in\n%s", links, list)
	}
	for i, want := range []string{"init", "piece"} {
		if w := get(links[i]); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %q", links[i], w.Code, w.Body)
		}
	}
	_, query, _ := strings.Cut(links[0], "?")
	for _, other := range []string{"other.mp4?" + query, "a%20b/000000.m4s?" + query, "a%20b/000000.m4s"} {
		if w := get(other); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", other, w.Code)
		}
	}
}

// Who has neither a link nor a key pair gets nothing, and is not told what is there.
func TestWhoMayRead(t *testing.T) {
	dir := t.TempDir()
	s, err := local.New(config.Store{Name: "local", Dir: dir}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.mp4"), []byte("movie"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := []byte("secret")
	h := &Handler{Stores: func() []*local.Store { return []*local.Store{s} }, Pairs: []config.Credential{{SecretID: "id", SecretKey: "key"}}, Secret: secret}
	link := func(key string, life time.Duration) string {
		return "?" + local.Sign(key, time.Now().Add(life), secret).Encode()
	}
	for name, c := range map[string]struct {
		method, url, id, key string
		want                 int
	}{
		"nobody":            {"GET", "a.mp4", "", "", 401},
		"nobody, no object": {"GET", "b.mp4", "", "", 401},
		"wrong key":         {"GET", "a.mp4", "id", "kez", 401},
		"wrong id":          {"GET", "a.mp4", "ie", "key", 401},
		"pair":              {"GET", "a.mp4", "id", "key", 200},
		"pair, no object":   {"GET", "b.mp4", "id", "key", 404},
		"pair, outside":     {"GET", "../a.mp4", "id", "key", 404},
		"link":              {"GET", "a.mp4" + link("a.mp4", time.Hour), "", "", 200},
		"link, HEAD":        {"HEAD", "a.mp4" + link("a.mp4", time.Hour), "", "", 200},
		"link, over":        {"GET", "a.mp4" + link("a.mp4", -time.Hour), "", "", 401},
		"link of another":   {"GET", "a.mp4" + link("b.mp4", time.Hour), "", "", 401},
		"write":             {"PUT", "a.mp4", "id", "key", 405},
	} {
		r := httptest.NewRequest(c.method, "/recordings/"+c.url, nil)
		if c.id != "" {
			r.SetBasicAuth(c.id, c.key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
		if c.want == 200 && (w.Header().Get("Content-Type") != "video/mp4" || w.Header().Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// So many reads that hang are enough: more get an answer at once.
func TestReadsAreBounded(t *testing.T) {
	h := &Handler{Stores: func() []*local.Store { return nil }, Pairs: []config.Credential{{SecretID: "id", SecretKey: "key"}}}
	get := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/recordings/a.mp4", nil)
		r.SetBasicAuth("id", "key")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	h.busy.Store(maxReading)
	if w := get(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d %v", w.Code, w.Header())
	}
	h.busy.Store(maxReading - 1)
	if w := get(); w.Code != http.StatusNotFound || h.busy.Load() != maxReading-1 {
		t.Errorf("the last one: %d, %d are busy", w.Code, h.busy.Load())
	}
}
