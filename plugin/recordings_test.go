package plugin

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/store/local"
	"github.com/live-recording/liverecord/internal/upload"
)

// A growing playlist that changes twice within a second is read anew, not said
// to be unchanged.
func TestRecordingsChangedWithinASecond(t *testing.T) {
	dir := t.TempDir()
	s, err := local.New(config.Store{Name: "local", Dir: dir}, 0)
	if err != nil {
		t.Fatal(err)
	}
	h := &recordings{places: &places{targets: map[string]*upload.Target{"local": {Local: s}}},
		pairs: []config.Credential{{SecretID: "id", SecretKey: "key"}}}
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
