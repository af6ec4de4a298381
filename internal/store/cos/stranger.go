package cos

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/store"
)

// stranger is an answer that does not come from COS. COS puts x-cos-request-id
// and "Server: tencent-cos" into every answer (document/product/436/7729), also
// behind a CDN. A captive portal, a web front end or a broken proxy does not,
// and its 200 or 404 says nothing about an object.
type stranger struct {
	status     int
	kind       string // content type, "" if it told none
	server     string
	location   string // of a redirect
	retryAfter time.Duration
}

func strangeAnswer(resp *http.Response) error {
	h := resp.Header
	if h.Get("X-Cos-Request-Id") != "" || strings.HasPrefix(strings.ToLower(h.Get("Server")), "tencent-cos") {
		return nil
	}
	s := &stranger{status: resp.StatusCode, kind: h.Get("Content-Type"), server: h.Get("Server"),
		retryAfter: retryAfter(h.Get("Retry-After"))}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		s.location = h.Get("Location")
	}
	return s
}

func (s *stranger) Error() string {
	text := fmt.Sprintf("HTTP status %d without x-cos-request-id", s.status)
	for _, x := range []struct{ name, value string }{{"type", s.kind}, {"server", s.server}, {"redirect to", s.location}} {
		if x.value != "" {
			text += fmt.Sprintf(", %s %.100q", x.name, x.value)
		}
	}
	return text
}

// judge fills in what it means for us.
func (s *stranger) judge(e *store.Error) {
	e.Kind, e.Code, e.Status, e.RetryAfter = store.KindNotStore, "NotTheStore", s.status, s.retryAfter
	e.Remedy = "something that is not COS answered: log in to the network's portal, or correct endpoint, DNS or proxy; " +
		"it is retried until the store itself answers"
}
