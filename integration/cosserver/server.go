package cosserver

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What a server started by hand uses, so that documents can name it.
const (
	DefaultAddress   = "127.0.0.1:9080"
	DefaultBucket    = "rec-1250000000"
	DefaultRegion    = "ap-guangzhou"
	DefaultSecretID  = "AKIDtryitwithoutanaccount0000000000"
	DefaultSecretKey = "notasecretbecausethisisonlyatest"
)

// Options of a server. The zero value keeps objects in memory and knows one
// pair of credentials, the default one.
type Options struct {
	Bucket    string // "" = DefaultBucket
	SecretID  string // "" = the default pair
	SecretKey string
	// Token is the session token that requests of the pair must carry; "" = none.
	Token string
	// Path stands in front of every key, e.g. "/bucket"; "" = none.
	Path string
	// Dir keeps the objects over a restart; "" = in memory.
	Dir string
	// PublicRead lets anyone read objects without a signature.
	PublicRead bool
	// MinPart is the smallest size of a part but the last; 0 = 1 MiB.
	MinPart int64
	// NoCRC leaves out x-cos-hash-crc64ecma, as S3 servers do.
	NoCRC bool
	// Latency is waited before each request is looked at.
	Latency time.Duration
	// Bandwidth limits all bodies that come in, in bytes per second; 0 = not.
	Bandwidth int64
	// ClockSkew is how far the server's clock is ahead.
	ClockSkew time.Duration
	// Lifecycle is the XML that ?lifecycle returns; "" = the bucket has no rule.
	Lifecycle string
	// Seed of the faults that come by chance.
	Seed uint64
	// OnRequest sees every entry of the log as it is made.
	OnRequest func(Request)
}

// Server is one bucket. It is an http.Handler; Start gives it a listener.
type Server struct {
	opts   Options
	data   *data
	faults faults
	log    requestLog
	meter  meter
	skew   atomic.Int64 // ns
	outage atomic.Bool

	mu   sync.Mutex
	keys map[string]secret

	server *http.Server
	url    string
	closed chan struct{} // by Close: ends what waits
	once   sync.Once
	conns  sync.Map // net.Conn to http.ConnState
}

type secret struct{ key, token string }

// New returns a server, with what Options.Dir holds.
func New(o Options) (*Server, error) {
	o.Bucket = cmp.Or(o.Bucket, DefaultBucket)
	o.MinPart = cmp.Or(o.MinPart, 1<<20)
	if o.SecretID == "" {
		o.SecretID, o.SecretKey = DefaultSecretID, DefaultSecretKey
	}
	o.Path = strings.TrimRight(o.Path, "/")
	if o.Path != "" && !strings.HasPrefix(o.Path, "/") {
		return nil, fmt.Errorf("path %q must begin with a slash", o.Path)
	}
	d, err := openData(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, data: d, keys: make(map[string]secret), closed: make(chan struct{})}
	s.log.tell = o.OnRequest
	s.faults.random = rand.New(rand.NewPCG(o.Seed, 0))
	s.meter.rate = o.Bandwidth
	s.skew.Store(int64(o.ClockSkew))
	s.SetKey(o.SecretID, o.SecretKey, o.Token)
	return s, nil
}

// Start listens on address ("" = a free port of 127.0.0.1) and serves until Close.
func (s *Server) Start(address string) error {
	l, err := net.Listen("tcp", cmp.Or(address, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	s.url = "http://" + l.Addr().String() + s.opts.Path
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ConnState: s.noteConn}
	go s.server.Serve(l) //nolint:errcheck // ends with Close
	return nil
}

func (s *Server) noteConn(c net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		s.conns.Delete(c)
		return
	}
	s.conns.Store(c, state)
}

// Close ends the listener and all connections.
func (s *Server) Close() error {
	s.once.Do(func() { close(s.closed) })
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// CloseIdle closes the connections that wait for a request, as servers do now
// and then. New ones are taken.
func (s *Server) CloseIdle() {
	s.conns.Range(func(c, state any) bool {
		if state == http.StateIdle {
			c.(net.Conn).Close()
		}
		return true
	})
}

// URL is the endpoint of a started server, with the path.
func (s *Server) URL() string { return s.url }

// SetKey adds a pair or changes it. With a token, requests must carry it.
func (s *Server) SetKey(secretID, secretKey, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[secretID] = secret{secretKey, token}
}

// RemoveKey forgets a pair.
func (s *Server) RemoveKey(secretID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, secretID)
}

func (s *Server) secretOf(id string) (secret, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.keys[id]
	return v, ok
}

// SetOutage drops every connection, also the running ones, until it is false.
func (s *Server) SetOutage(on bool) { s.outage.Store(on) }

// SetClockSkew changes how far the server's clock is ahead.
func (s *Server) SetClockSkew(d time.Duration) { s.skew.Store(int64(d)) }

// SetBandwidth changes the limit for bodies that come in; 0 = none.
func (s *Server) SetBandwidth(bytesPerSecond int64) { s.meter.set(bytesPerSecond) }

func (s *Server) now() time.Time { return time.Now().Add(time.Duration(s.skew.Load())) }

// meter is the bandwidth that all requests share.
type meter struct {
	mu   sync.Mutex
	rate int64
	next time.Time
}

func (m *meter) set(rate int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rate, m.next = rate, time.Time{}
}

func (m *meter) wait(n int) {
	m.mu.Lock()
	if m.rate <= 0 {
		m.mu.Unlock()
		return
	}
	if now := time.Now(); m.next.Before(now) {
		m.next = now
	}
	m.next = m.next.Add(time.Duration(float64(n) / float64(m.rate) * float64(time.Second)))
	pause := time.Until(m.next)
	m.mu.Unlock()
	time.Sleep(pause)
}
