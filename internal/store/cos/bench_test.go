package cos_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/store/cos"
)

// BenchmarkUploadPart sends parts of 5 MiB over loopback, without TLS, to a
// server that throws them away.
func BenchmarkUploadPart(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"x"`)
	}))
	defer server.Close()
	s, err := cos.New(config.Store{Endpoint: server.URL, SecretID: "id", SecretKey: "key"}, cos.Options{})
	if err != nil {
		b.Fatal(err)
	}
	body := make([]byte, 5<<20)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.UploadPart(b.Context(), "k.mp4", "id", 2, bytes.NewReader(body), int64(len(body))); err != nil {
			b.Fatal(err)
		}
	}
}
