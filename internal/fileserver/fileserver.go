// Package fileserver serves the objects of local stores at /recordings/KEY: to
// whoever has a signed link, or signs in with a key pair of the API. The segments
// of a playlist get links of their own in it, so that the playlist's link is enough
// to play it.
package fileserver

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/local"
)

// Handler serves /recordings/.
type Handler struct {
	Stores func() []*local.Store // in which an object is looked for
	Pairs  []config.Credential   // that may sign in
	Secret []byte                // signs links

	busy atomic.Int32
}

const (
	// maxReading is how many objects are read at once. Each read of a disk that
	// hangs holds a thread, and a process has 10,000 of them.
	maxReading = 512
	// readPatience is how long a store may take to open an object.
	readPatience = 5 * time.Second
)

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.busy.Add(1); h.busy.Load() > maxReading {
		h.busy.Add(-1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many recordings are being read, or a disk does not answer", http.StatusServiceUnavailable)
		return
	}
	defer h.busy.Add(-1)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	key := strings.TrimPrefix(r.URL.Path, "/recordings/")
	if err := h.allowed(r, key); err != nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="recordings", charset="UTF-8"`)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if !fs.ValidPath(key) { // no key of ours
		http.NotFound(w, r)
		return
	}
	f, err := h.find(key)
	switch {
	case errors.Is(err, hang.ErrNoAnswer):
		http.Error(w, "the disk of a store does not answer", http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, "the object can't be read", http.StatusInternalServerError)
	case f == nil:
		http.NotFound(w, r)
	default:
		defer f.Close()
		h.serve(w, r, key, f)
	}
}

// find opens the object of the first store that has it; nil if none does. A
// store whose disk hangs keeps nobody from the objects of the others.
func (h *Handler) find(key string) (*os.File, error) {
	var silent error
	for _, s := range h.Stores() {
		h.busy.Add(1)
		f, err := hang.Try(readPatience, func() (*os.File, error) {
			defer h.busy.Add(-1)
			return s.Open(context.Background(), key)
		}, func(f *os.File, err error) {
			if err == nil {
				f.Close()
			}
		})
		switch {
		case errors.Is(err, hang.ErrNoAnswer):
			silent = err
		case store.KindOf(err) == store.KindNotFound:
		default:
			return f, err
		}
	}
	return nil, silent
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, key string, f *os.File) {
	info, err := f.Stat()
	if err != nil {
		http.Error(w, "the object can't be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType(key))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "private, no-cache")
	// Last-Modified counts seconds: a player would be told that its copy of a
	// growing playlist is still right when it changed twice within one.
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	content := io.ReadSeeker(f)
	if strings.HasSuffix(key, ".m3u8") && r.URL.Query().Has("sign") {
		text, err := signPlaylist(f, key, r.URL.Query(), h.Secret)
		if err != nil {
			http.Error(w, "the playlist can't be read", http.StatusInternalServerError)
			return
		}
		content = strings.NewReader(text)
	}
	http.ServeContent(w, r, "", info.ModTime(), content)
}

var errSignIn = errors.New("sign in with a key pair of the API, or use a signed link")

// allowed checks the link, or else the sign-in. The segments of a playlist have
// links of their own in it (signPlaylist).
func (h *Handler) allowed(r *http.Request, key string) error {
	if id, secret, ok := r.BasicAuth(); ok {
		for _, p := range h.Pairs {
			if same(id, p.SecretID) && same(secret, p.SecretKey) {
				return nil
			}
		}
		return errSignIn
	}
	if q := r.URL.Query(); q.Has("sign") {
		return local.Verify(key, q, h.Secret, time.Now())
	}
	return errSignIn
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

var contentTypesByExt = map[string]string{
	"mp4": "video/mp4", "m4s": "video/mp4", "flv": "video/x-flv", "aac": "audio/aac", "ts": "video/mp2t",
	"m3u8": "application/vnd.apple.mpegurl",
}

// contentType goes by the extension; what we did not write is not for display.
func contentType(key string) string {
	if t, ok := contentTypesByExt[key[strings.LastIndexByte(key, '.')+1:]]; ok {
		return t
	}
	return "application/octet-stream"
}
