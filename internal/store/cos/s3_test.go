//go:build torture

package cos_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/storetest"
)

// TestForeignServer runs the suite against versitygw, an S3 server that we did
// not write:
//
//	GOBIN=$PWD/build/tools go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
//	go test -tags torture -run TestForeignServer ./internal/store/cos
//
// The transport below makes S3 of COS: the protocols differ in header names
// and signatures. LIVERECORD_VERSITYGW names another binary.
func TestForeignServer(t *testing.T) {
	binary := os.Getenv("LIVERECORD_VERSITYGW")
	if binary == "" {
		binary = "../../../build/tools/versitygw"
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("%v; install it as the comment of this test says", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bucket"), 0o700))
	cmd := exec.Command(binary, "--access", "id", "--secret", "key", "--port", address, "--quiet", "posix", dir)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 20*time.Second, 50*time.Millisecond)

	s, err := cos.New(config.Store{
		Name: "s3", Type: "cos", Endpoint: "http://" + address + "/bucket", SecretID: "id", SecretKey: "key", Concurrency: 8,
	}, cos.Options{Transport: s3Transport{"id", "key"}})
	require.NoError(t, err)
	storetest.Objects(t, s, nil)
	storetest.Remote(t, s, storetest.Traits{GapsAllowed: true, CompleteTwice: true, NoCRC: true, Part: 5 << 20})
}

// s3Transport translates COS requests into S3's and back.
type s3Transport struct{ id, key string }

func (x s3Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	header := make(http.Header)
	for name, values := range req.Header {
		switch {
		case name == "Authorization" || name == "Host":
		case strings.HasPrefix(name, "X-Cos-"):
			header[http.CanonicalHeaderKey("X-Amz-"+name[len("X-Cos-"):])] = values
		default:
			header[name] = values
		}
	}
	req.Header = header
	x.sign(req, time.Now().UTC())
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	for name, values := range resp.Header {
		if rest, ok := strings.CutPrefix(name, "X-Amz-"); ok {
			resp.Header["X-Cos-"+rest] = values
		}
	}
	if resp.Header.Get("X-Cos-Request-Id") == "" {
		resp.Header.Set("X-Cos-Request-Id", "s3") // not every server of S3 sends one
	}
	return resp, nil
}

// sign is AWS Signature Version 4 with an unsigned payload.
func (x s3Transport) sign(req *http.Request, now time.Time) {
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	req.Header.Set("X-Amz-Date", stamp)
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	path := s3Escape(req.URL.Path, true)
	req.URL.RawPath = path
	var query []string
	for name, values := range req.URL.Query() {
		for _, v := range values {
			query = append(query, s3Escape(name, false)+"="+s3Escape(v, false))
		}
	}
	slices.Sort(query)
	req.URL.RawQuery = strings.Join(query, "&")
	names := []string{"host"}
	for name := range req.Header {
		if strings.HasPrefix(name, "X-Amz-") {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	canonical := ""
	for _, name := range names {
		value := req.Header.Get(name)
		if name == "host" {
			value = req.URL.Host
		}
		canonical += name + ":" + strings.TrimSpace(value) + "\n"
	}
	list := strings.Join(names, ";")
	text := strings.Join([]string{req.Method, path, req.URL.RawQuery, canonical, list, "UNSIGNED-PAYLOAD"}, "\n")
	digest := sha256.Sum256([]byte(text))
	scope := day + "/us-east-1/s3/aws4_request"
	key := []byte("AWS4" + x.key)
	for _, step := range []string{day, "us-east-1", "s3", "aws4_request"} {
		key = s3MAC(key, step)
	}
	signature := s3MAC(key, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hex.EncodeToString(digest[:]))
	req.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		x.id, scope, list, signature))
}

func s3MAC(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func s3Escape(s string, path bool) string {
	s = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	if path {
		s = strings.ReplaceAll(s, "%2F", "/")
	}
	return s
}
