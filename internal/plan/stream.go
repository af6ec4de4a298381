package plan

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
)

// Stream is the identity that publications come under. Strangers chose it: it
// may hold anything, invalid UTF-8 included.
type Stream struct{ Domain, App, Name string }

// String is the notation of the command line, DOMAIN/APP/STREAM.
func (s Stream) String() string { return s.Domain + "/" + s.App + "/" + s.Name }

// ParseStream reads DOMAIN/APP/STREAM; the app may hold more slashes.
func ParseStream(text string) (Stream, error) {
	first, last := strings.IndexByte(text, '/'), strings.LastIndexByte(text, '/')
	if first <= 0 || last <= first+1 || last == len(text)-1 {
		return Stream{}, fmt.Errorf("%q is not of the form DOMAIN/APP/STREAM", text)
	}
	return Stream{
		Domain: strings.ToLower(text[:first]),
		App:    text[first+1 : last],
		Name:   text[last+1:],
	}, nil
}

// Identify finds out the stream that a publication belongs to (design §1.1).
//
// refused is the domain that the publisher claimed if c.Domains does not list
// it, else empty; the stream then has the default domain.
func Identify(p *hooks.Publication, c *config.Config) (s Stream, refused string) {
	s.Domain = normalHost(claimedHost(p))
	if s.Domain != "" && !listed(s.Domain, c.Domains) {
		s.Domain, refused = "", s.Domain
	}
	if s.Domain == "" {
		s.Domain = c.DefaultDomain
	}
	s.App, s.Name = splitPath(p.Path)
	if s.App == "" {
		s.App = c.DefaultApp
	}
	return s, refused
}

// claimedHost is the first of: query parameter, host, TLS server name.
func claimedHost(p *hooks.Publication) string {
	if p.Query != "" {
		// Broken pairs are skipped, whatever the error; the others count.
		q, _ := url.ParseQuery(p.Query)
		for _, name := range []string{"domain", "vhost"} {
			if v := q.Get(name); v != "" {
				return v
			}
		}
	}
	if p.Host != "" {
		return p.Host
	}
	return p.ServerName
}

// normalHost returns the lower-cased name without port and trailing dot; empty
// for what is no name: an IP address, localhost.
func normalHost(host string) string {
	host = strings.TrimSpace(host)
	if isIP(host) { // an IPv6 address that nobody put in brackets
		return ""
	}
	if rest, ok := strings.CutPrefix(host, "["); ok {
		host, _, _ = strings.Cut(rest, "]")
	} else {
		host, _, _ = strings.Cut(host, ":")
	}
	host = strings.ToLower(strings.TrimRight(host, "."))
	if host == "localhost" || isIP(host) {
		return ""
	}
	return host
}

// isIP also takes what only looks like an IPv4 address (127.1, 010.0.0.1, a
// bare number): clients dial such text as an address, and no domain name ends
// in a number.
func isIP(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	for i := range len(last) {
		if last[i] < '0' || last[i] > '9' {
			return false
		}
	}
	return true
}

func listed(domain string, patterns []string) bool {
	if len(patterns) == 0 {
		return true
	}
	for _, p := range patterns {
		if glob(strings.ToLower(p), domain) {
			return true
		}
	}
	return false
}

// splitPath splits at the last slash; a path without one has no app.
func splitPath(path string) (app, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}
