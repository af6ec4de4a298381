package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"
)

const (
	attemptTimeout = 20 * time.Second // until the answer's status, as in the original
	answerLimit    = 64 << 10         // bytes of an answer that are read
)

// newClient makes the client of one endpoint. It uses no proxy and follows no
// redirect: an event goes to the address that the operator wrote, or nowhere.
func newClient(e Endpoint, opt Options) (*http.Client, error) {
	roots, err := loadRoots(e.CAFile)
	if err != nil {
		return nil, err
	}
	dial := opt.Dial
	if dial == nil {
		d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
		if !e.AllowPrivate {
			d.Control = refusePrivate
		}
		dial = d.DialContext
	}
	return &http.Client{
		Timeout:       attemptTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			MaxConnsPerHost:        opt.Parallel,
			MaxIdleConnsPerHost:    opt.Parallel,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: answerLimit,
			DisableCompression:     true,
		},
	}, nil
}

// loadRoots returns the system's roots and those of a PEM file; nil = the
// system's only.
func loadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("caFile: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("caFile %s holds no certificate in PEM form", file)
	}
	return pool, nil
}

var errPrivate = errors.New("the address lies in a private network; name its host in recording.yml under callbacks to allow it")

// refusePrivate looks at the address that is really dialled, after name
// resolution, so that a name can't lead elsewhere between check and use.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return errPrivate
	}
	if !public(ap.Addr().WithZone("").Unmap()) {
		return errPrivate
	}
	return nil
}

// special are networks that are neither private in the sense of RFC 1918 nor
// someone else's server: RFC 6890 and what embeds IPv4 addresses in IPv6.
var special = func() (out []netip.Prefix) {
	for _, p := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64",
		"2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() { // excludes loopback, link-local, multicast
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// bare strips the URL, which may hold secrets, off an error of net/http.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return errors.New("no answer in time")
		}
		return u.Err
	}
	return err
}
