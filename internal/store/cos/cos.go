package cos

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/store"
)

var _ store.Remote = (*Store)(nil)

// Options are what the configuration does not say. The zero value is right.
type Options struct {
	// Stall is how long a request may stand still; 0 = 30 s.
	Stall time.Duration
	// CompleteStall is the same for Complete, which joins parts in silence on
	// some servers; 0 = 5 min.
	CompleteStall time.Duration
	// CompleteTimeout bounds Complete as a whole; 0 = 30 min.
	CompleteTimeout time.Duration
	// Transport sends the signed requests; nil = a transport tuned for uploads.
	// Tests put something in between here. It is not closed.
	Transport http.RoundTripper
}

// Store is a bucket. Its methods may be called concurrently.
type Store struct {
	cfg    config.Store
	opts   Options
	bucket *url.URL // with the path of the endpoint, without trailing slash
	client *sdk.Client
	wire   *transport
	keys   *credentials
	idle   func() // closes idle connections
}

// New returns the store that cfg describes. It sends nothing; whether the
// credentials are good, Diagnose and the first request tell.
func New(cfg config.Store, opts Options) (*Store, error) {
	bucket, err := bucketURL(cfg)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", cfg.Name, err)
	}
	opts.Stall = cmp.Or(opts.Stall, 30*time.Second)
	opts.CompleteStall = cmp.Or(opts.CompleteStall, 5*time.Minute)
	opts.CompleteTimeout = cmp.Or(opts.CompleteTimeout, 30*time.Minute)
	s := &Store{cfg: cfg, opts: opts, bucket: bucket, idle: func() {}}
	if opts.Transport == nil {
		t := newHTTPTransport(cfg.Concurrency)
		opts.Transport, s.idle = t, t.CloseIdleConnections
	}
	s.keys = newCredentials(cfg)
	s.wire = &transport{
		prefix: strings.TrimSuffix(bucket.Path, "/"),
		keys:   s.keys,
		pace:   newPace(cfg.Bandwidth),
		next:   opts.Transport,
	}
	// The SDK drops the path of the URL and sets CheckRedirect of a client
	// that has none, so it gets a client and a URL of its own.
	root := &url.URL{Scheme: bucket.Scheme, Host: bucket.Host}
	s.client = sdk.NewClient(&sdk.BaseURL{BucketURL: root}, &http.Client{
		Transport:     s.wire,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	s.client.Conf.EnableCRC = false // ours does not fail where a server has none
	s.client.Conf.RetryOpt.Count = 1
	return s, nil
}

// bucketURL returns the address of the bucket.
func bucketURL(cfg config.Store) (*url.URL, error) {
	if cfg.Endpoint == "" {
		if cfg.Bucket == "" || cfg.Region == "" {
			return nil, fmt.Errorf("bucket and region are needed, or an endpoint")
		}
		return url.Parse("https://" + cfg.Bucket + ".cos." + cfg.Region + ".myqcloud.com")
	}
	u, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("endpoint %q: want http(s)://host[:port][/path] and nothing else", u.Redacted())
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// newHTTPTransport returns a transport for many large bodies to one host.
func newHTTPTransport(concurrency int) *http.Transport {
	conns := max(2*concurrency, 16)
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns:        conns,
		MaxIdleConnsPerHost: conns,
		// Below what servers and load balancers allow, so that we seldom
		// write into a connection that they have just closed.
		IdleConnTimeout:    30 * time.Second,
		DisableCompression: true, // objects are read as they are
		WriteBufferSize:    64 << 10,
	}
}

// Close gives up idle connections. Requests under way go on.
func (s *Store) Close() { s.idle() }

// SetCredentials replaces the credentials from the next request on.
// A secretKeyFile that changes later replaces them again.
func (s *Store) SetCredentials(secretID, secretKey, sessionToken string) {
	s.keys.set(pair{secretID, secretKey, sessionToken})
}

// SetBandwidth changes the limit for the bodies of all uploads together, in
// bytes per second; 0 = none. It counts at once, for running requests too.
func (s *Store) SetBandwidth(bytesPerSecond int64) { s.wire.pace.set(bytesPerSecond) }

// MinPart is the smallest size of any part but the last, in bytes.
func (s *Store) MinPart() int64 { return store.MinPartSize }

// Clock returns how far the server's clock was ahead of ours at its last
// answer that had a Date; 0 if there was none.
func (s *Store) Clock() time.Duration { return time.Duration(s.wire.skew.Load()) }

// begin returns the context that carries what the transport must know.
func (s *Store) begin(ctx context.Context, c *call) context.Context {
	if c.stall == 0 {
		c.stall = s.opts.Stall
	}
	return context.WithValue(ctx, callKey{}, c)
}
