package api

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/view"
)

func listen(t *testing.T, c config.API, h http.Handler) *Listener {
	t.Helper()
	l, err := Listen(c, h, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close(context.Background())) })
	return l
}

func TestClientCallsAServer(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Operator = &fakeOperator{}; o.Now = nil })
	l := listen(t, config.API{Address: "127.0.0.1:0"}, w)
	c := &Client{BaseURL: "http://" + l.Addr.String(), SecretID: testID, SecretKey: testKey}
	var made struct{ TemplateId int64 }
	require.NoError(t, c.Call(context.Background(), "CreateLiveRecordTemplate", map[string]any{"TemplateName": "a"}, &made))
	require.Equal(t, int64(1), made.TemplateId)
	var list []view.Recording
	require.NoError(t, c.Operate(context.Background(), "LrList", nil, &list))
	require.Len(t, list, 1)
	require.Equal(t, "a", list[0].Stream)
	var e *Error
	require.ErrorAs(t, c.Call(context.Background(), "Foo", nil, nil), &e)
	require.Equal(t, codeInvalidAction, e.Code)
	require.Len(t, e.RequestID, 36)
	c.SecretKey = "x"
	require.ErrorAs(t, c.Operate(context.Background(), "LrList", nil, &list), &e)
	require.Equal(t, codeSignatureFailure, e.Code)

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	c.BaseURL = other.URL
	require.ErrorContains(t, c.Call(context.Background(), "Foo", nil, nil), "404")
}

func TestMountsHostsAndPanics(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.HostAllowed = func(h string) bool { return h == "good" } })
	w.Handle("/console/", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, "console") }))
	w.Handle("/panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	get := func(host, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = host
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		return rec
	}
	require.Equal(t, "console", get("good", "/console/x").Body.String())
	require.Equal(t, http.StatusNotFound, get("good", "/other").Code)
	require.Equal(t, http.StatusMisdirectedRequest, get("evil", "/console/").Code)
	rec := get("evil", "/")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Contains(t, rec.Body.String(), codeInvalidRequest)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { get("good", "/panic") })
	require.Contains(t, w.log.String(), "boom")
}

func TestHostPolicy(t *testing.T) {
	c := testConfig()
	c.API.Address = "127.0.0.1:9995"
	local := HostPolicy(c)
	for host, want := range map[string]bool{"127.0.0.1:9995": true, "localhost:9995": true, "LOCALHOST": true, "[::1]:9995": true, "127.0.0.1": true,
		"rec.example.com": true, "evil.example.com": false, "evil.example.com:9995": false, "10.0.0.1": false, "": false, "localhost.evil.com": false} {
		require.Equal(t, want, local(host), host)
	}
	c.API.Address = ":9995"
	require.True(t, HostPolicy(c)("any.example.com"))
	require.False(t, HostPolicy(c)(""))
}

func TestSlowHeadersAndTooManyConnectionsAreCutOff(t *testing.T) {
	var n int
	var mu sync.Mutex
	cut := limitConnections(2)
	conns := make([]net.Conn, 3)
	for i := range conns {
		a, b := net.Pipe()
		defer b.Close()
		conns[i] = a
		cut(a, http.StateNew)
		if a.SetDeadline(time.Now()) != nil { // closed
			mu.Lock()
			n++
			mu.Unlock()
		}
	}
	require.Equal(t, 1, n)
	cut(conns[2], http.StateClosed)
	cut(conns[0], http.StateClosed)
	a, b := net.Pipe()
	defer b.Close()
	cut(a, http.StateNew)
	require.NoError(t, a.SetDeadline(time.Now()))

	w := newWorld(t)
	l := listen(t, config.API{Address: "127.0.0.1:0"}, w)
	c, err := net.Dial("tcp", l.Addr.String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("a", 100<<10)+"\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, res.StatusCode)
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	api := config.API{Address: "127.0.0.1:0", TLSCert: filepath.Join(dir, "c.pem"), TLSKey: filepath.Join(dir, "k.pem")}
	require.NoError(t, os.WriteFile(api.TLSCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(api.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
	w := newWorld(t, func(o *Options) { o.Now = nil })
	l := listen(t, api, w)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	c := &Client{BaseURL: "https://" + l.Addr.String(), SecretID: testID, SecretKey: testKey,
		HTTP: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}}
	require.NoError(t, c.Call(context.Background(), "DescribeLiveRecordRules", nil, nil))

	api.TLSKey = api.TLSCert
	_, err = Listen(api, w, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "api.tls")
	_, err = Listen(config.API{Address: "127.0.0.1:bad"}, w, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "api.address")
}

func TestCredentials(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	_, err := ReadCredentials(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	var wg sync.WaitGroup
	got := make([]config.Credential, 8)
	for i := range got {
		wg.Go(func() {
			c, err := EnsureCredentials(dir)
			require.NoError(t, err)
			got[i] = c
		})
	}
	wg.Wait()
	path := filepath.Join(dir, CredentialsFile)
	for _, c := range got {
		require.Equal(t, got[0], c)
	}
	require.Len(t, got[0].SecretKey, 40)
	require.NoError(t, os.Chmod(path, 0o644))
	c, err := EnsureCredentials(dir)
	require.NoError(t, err)
	require.Equal(t, got[0], c)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
	require.NoError(t, os.WriteFile(path, []byte("secretID: x\n"), 0o600))
	_, err = EnsureCredentials(dir)
	require.ErrorContains(t, err, "secretKey")
}
