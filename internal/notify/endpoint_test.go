package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/state"
)

func TestSignatureVectors(t *testing.T) { // made with Python's hashlib and hmac
	now := time.Unix(1770031217, 999)
	body := stamp([]byte(`{"a":1}`), []string{"key1", "old"}, now)
	require.Equal(t, `{"a":1,"sign":"2f639b88f6f1a8e7ee03b96df98195e5","t":1770031817}`, string(body))
	require.Equal(t, "t=1770031217,v1=0fa9f4dd86af2823104718e4a03fdd60bf46035590485b9a63d31cdb8bdc9388,v1=dc306a6a646ca072c12b0a4b085771f0ebad430cdc1e10894a59129a0af1099c", signature(body, []string{"key1", "old"}, now))
	require.Equal(t, `{"a":1}`, string(stamp([]byte(`{"a":1}`), nil, now)))
	require.Equal(t, `{"x":1}`, string(withFields([]byte(`{}`), `"x":1`)))
}

func TestFilters(t *testing.T) {
	file, abnormal := state.EventFile, state.EventAbnormal
	for _, c := range []struct {
		ep   Endpoint
		e    state.Event
		want bool
	}{
		{Endpoint{}, state.Event{Kind: file}, true},
		{Endpoint{}, state.Event{Kind: abnormal}, false},
		{Endpoint{Kinds: []state.EventKind{abnormal}}, state.Event{Kind: abnormal}, true},
		{Endpoint{Kinds: []state.EventKind{abnormal}}, state.Event{Kind: file}, false},
		{Endpoint{Kinds: []state.EventKind{abnormal}, Levels: []string{"error"}}, state.Event{Kind: abnormal, Level: "info"}, false},
		{Endpoint{Kinds: []state.EventKind{abnormal}, Levels: []string{"error"}}, state.Event{Kind: abnormal, Level: "error"}, true},
		{Endpoint{Domain: "A.example.com"}, state.Event{Kind: file, Domain: "a.example.com"}, true},
		{Endpoint{Domain: "a.example.com"}, state.Event{Kind: file, Domain: "b.example.com"}, false},
		{Endpoint{Domain: "*.example.com", App: "live/*"}, state.Event{Kind: file, Domain: "b.example.com", App: "live/room"}, true},
		{Endpoint{Domain: "*.example.com", App: "live/*"}, state.Event{Kind: file, Domain: "b.example.com", App: "live"}, false},
	} {
		require.Equal(t, c.want, len(newRouter([]Endpoint{c.ep}).match(&c.e)) == 1, "%+v", c)
	}
	for _, c := range []struct {
		p, s string
		want bool
	}{
		{"*", "", true}, {"a*b*c", "abc", true}, {"a*b*c", "a--b-b--c", true}, {"a*b*c", "acb", false}, {"ab*ba", "aba", false},
		{"a", "ab", false}, {"**", "x", true}, {strings.Repeat("*a", 50) + "b", strings.Repeat("a", 5000), false},
	} {
		require.Equal(t, c.want, like(c.p, c.s), "%s %s", c.p, c.s)
	}
}

func TestIdentityAndHosts(t *testing.T) {
	a := Endpoint{URL: "https://Ops.example.com/x?token=secret", Keys: []string{"1"}}
	b := a
	b.Keys, b.Kinds, b.CAFile = []string{"2"}, []state.EventKind{state.EventFile}, "ca.pem"
	require.Equal(t, a.ID(), b.ID())
	require.Regexp(t, `^ops\.example\.com-[0-9a-f]{8}$`, a.ID())
	require.Len(t, newRouter([]Endpoint{a, b, a}).ids(), 3)
	b.App = "live"
	require.NotEqual(t, a.ID(), b.ID())

	yaml := []config.Callback{{URL: "https://10.0.0.1:8443/a", Events: []string{"file", "status"}, Keys: []string{"k"}, Domain: "d"}}
	require.True(t, NamedHost(yaml, "https://10.0.0.1:8443/other"))
	require.False(t, NamedHost(yaml, "https://10.0.0.1/other"))
	got := FromConfig(yaml)
	require.Equal(t, []Endpoint{{URL: "https://10.0.0.1:8443/a", Keys: []string{"k"}, Domain: "d", AllowPrivate: true,
		Kinds: []state.EventKind{"file", "status"}}}, got)
	require.NoError(t, got[0].Check())
	require.Error(t, Endpoint{URL: "http://ops.example.com/"}.Check())
	require.Error(t, Endpoint{URL: "ftp://ops.example.com/", AllowPrivate: true}.Check())
	require.Error(t, Endpoint{URL: "https://:1/", AllowPrivate: true}.Check())
}

func TestPublicAddresses(t *testing.T) {
	for _, s := range []string{"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0",
		"224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
		"2002:7f00:1::", "::127.0.0.1", "ff02::1"} {
		require.ErrorIs(t, refusePrivate("tcp", net.JoinHostPort(s, "443"), nil), errPrivate, s)
	}
	require.ErrorIs(t, refusePrivate("tcp", "[fe80::1%eth0]:443", nil), errPrivate)
	for _, s := range []string{"1.1.1.1", "119.28.0.1", "2606:4700::1111"} {
		require.NoError(t, refusePrivate("tcp", netip.AddrPortFrom(netip.MustParseAddr(s), 443).String(), nil), s)
	}
}

// once sends one event to an endpoint and returns what came of it.
func once(t *testing.T, e Endpoint, log io.Writer) outcome {
	t.Helper()
	n := New(openState(t), []Endpoint{e}, Options{Log: slog.New(slog.NewTextHandler(log, nil))})
	w := n.workers[e.ID()]
	o := w.attempt(context.Background(), &state.Event{ID: "i", Sequence: 3, Body: []byte(`{"a":1}`)})
	d := state.Delivery{Event: "i", Queued: time.Now()}
	w.judge(&d, o)
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	return o
}

func TestAPrivateNetworkIsNotReachedThroughTheAPI(t *testing.T) {
	hit := false
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit = true }))
	defer srv.Close()
	for _, host := range []string{"127.0.0.1", "localhost"} { // a name that leads inside is the same
		_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
		e := all("https://" + net.JoinHostPort(host, port) + "/")
		e.AllowPrivate = false
		require.ErrorContains(t, once(t, e, io.Discard).err, "private network")
	}
	require.False(t, hit)
}

func TestPrivateCA(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	srv.StartTLS()
	defer srv.Close()
	e := all(srv.URL)
	require.ErrorContains(t, once(t, e, io.Discard).err, "certificate")
	e.CAFile = filepath.Join(t.TempDir(), "ca.pem")

	n := New(openState(t), []Endpoint{e}, Options{})
	w, ev := n.workers[e.ID()], &state.Event{ID: "i", Body: []byte(`{}`)}
	require.ErrorContains(t, w.attempt(context.Background(), ev).err, "caFile")
	require.NoError(t, os.WriteFile(e.CAFile, []byte("nothing"), 0o600))
	require.ErrorContains(t, w.attempt(context.Background(), ev).err, "no certificate")
	require.NoError(t, os.WriteFile(e.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600))
	require.NoError(t, w.attempt(context.Background(), ev).err, "repaired without a reload")
	w.client.CloseIdleConnections()
}

func TestRedirectIsNotFollowedAndProxyNotAsked(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	defer elsewhere.Close()
	t.Setenv("HTTP_PROXY", elsewhere.URL)
	for _, code := range []int{301, 302, 303, 307, 308} {
		srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, code))
		o := once(t, all(srv.URL), io.Discard)
		srv.Close()
		require.Equal(t, code, o.status)
		require.ErrorContains(t, o.err, "set url to where it leads")
	}
}

func TestLongAnswerIsReadOnlySoFar(t *testing.T) {
	sent := make(chan int, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := 0
		for range 64 << 10 { // 64 MiB
			k, err := w.Write(make([]byte, 1024))
			n += k
			if err != nil {
				break
			}
		}
		sent <- n
	}))
	defer srv.Close()
	require.NoError(t, once(t, all(srv.URL), io.Discard).err)
	require.Less(t, <-sent, 32<<20)
}

func TestSecretsOfAnAddressAreNeitherLoggedNorStored(t *testing.T) {
	var log bytes.Buffer
	for _, address := range []string{
		"http://user:SECRET@127.0.0.1:1/SECRET?token=SECRET", "https://127.0.0.1:1/SECRET", "http://no-such-host.invalid/SECRET",
		"http://127.0.0.1:99999/SECRET", "http://[::1/SECRET",
	} {
		n := New(openState(t), []Endpoint{all(address)}, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		w := n.workers[all(address).ID()]
		d := state.Delivery{Event: "i", Queued: time.Now()}
		w.judge(&d, w.attempt(context.Background(), &state.Event{ID: "i", Body: []byte(`{}`)}))
		require.Equal(t, state.DeliveryState(""), d.State)
		require.NotEmpty(t, d.Error)
		require.NotContains(t, d.Error+w.id, "SECRET")
	}
	require.NotEmpty(t, log.String())
	require.NotContains(t, log.String(), "SECRET")
}
