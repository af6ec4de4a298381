package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/config"
)

// maxConnections is how many there may be at once; more are closed.
const maxConnections = 1024

// Listener serves a handler at api.address.
type Listener struct {
	Addr   net.Addr
	server *http.Server
	done   chan struct{}
}

// Listen serves h at the address of the configuration, with TLS if it names a
// certificate, until Close. Headers and bodies must come in time. Answers may
// take as long as they like, since recordings are served too: a handler that
// writes little sets a deadline of its own, as the API does.
func Listen(c config.API, h http.Handler, logger *slog.Logger) (*Listener, error) {
	server := &http.Server{
		Handler:           withBodyDeadline(h),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10, // above the 32 KB of a query
		ConnState:         limitConnections(maxConnections),
		ErrorLog:          slogErrors(logger),
	}
	if c.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("api.tls: %w", err)
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("api.address: %w", err)
	}
	out := &Listener{Addr: l.Addr(), server: server, done: make(chan struct{})}
	go func() {
		defer close(out.done)
		if server.TLSConfig != nil {
			err = server.ServeTLS(l, "", "")
		} else {
			err = server.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			logger.Error("api: no longer served", "error", err)
		}
	}()
	return out, nil
}

// Close waits for requests until ctx ends, then breaks them off.
func (l *Listener) Close(ctx context.Context) error {
	err := l.server.Shutdown(ctx)
	if err != nil {
		err = l.server.Close()
	}
	<-l.done
	return err
}

// withBodyDeadline lets no client send a body drop by drop.
func withBodyDeadline(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTimeout))
		}
		h.ServeHTTP(w, r)
	})
}

func slogErrors(logger *slog.Logger) *log.Logger {
	return slog.NewLogLogger(logger.Handler(), slog.LevelDebug) // handshakes that failed and the like
}

// limitConnections closes the connections that are too many.
func limitConnections(most int64) func(net.Conn, http.ConnState) {
	var n atomic.Int64
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if n.Add(1) > most {
				c.Close() // counted down as closed, like any other
			}
		case http.StateClosed, http.StateHijacked:
			n.Add(-1)
		}
	}
}

// HostPolicy returns what tells whether a Host header is one of ours. A listener
// that only this machine can reach goes by its address, by localhost and by the
// hosts in the base URLs of local stores (a proxy may bring these); any other
// name was made to point here by a stranger's web page. A listener for other
// machines goes by any name.
func HostPolicy(c *config.Config) func(host string) bool {
	own, _, err := net.SplitHostPort(c.API.Address)
	if ip, ipErr := netip.ParseAddr(own); err != nil || !strings.EqualFold(own, "localhost") && (ipErr != nil || !ip.Unmap().IsLoopback()) {
		return func(host string) bool { return host != "" }
	}
	names := map[string]bool{"localhost": true, strings.ToLower(own): true}
	for _, s := range c.Stores {
		if u, err := url.Parse(s.BaseURL); s.Type == "local" && err == nil {
			names[strings.ToLower(u.Hostname())] = true
		}
	}
	return func(host string) bool {
		u := url.URL{Host: host}
		name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		ip, err := netip.ParseAddr(name)
		return name != "" && (names[name] || err == nil && ip.Unmap().IsLoopback())
	}
}
