package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/state"
)

// Endpoint is one address that receives events.
type Endpoint struct {
	URL    string   // http or https; may hold secrets, and is never logged
	Keys   []string // signing keys, newest first; none = unsigned
	Kinds  []state.EventKind
	Levels []string // of abnormal events; none = all
	Domain string   // pattern with '*'; empty = any
	App    string   // pattern with '*'; empty = any
	CAFile string   // PEM file of further roots; empty = the system's only

	// AllowPrivate lets the address be plain http and lie in a private network.
	// It is true for what stands in YAML, and for what the API made only if YAML
	// names that host too (see NamedHost): who may call the API must not thereby
	// reach what the server's network trusts.
	AllowPrivate bool
}

// ID names an endpoint in the state and in metrics: its host and a hash of
// address and filters. It does not change with keys, kinds or CA.
func (e Endpoint) ID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", e.URL, e.Domain, e.App))
	return e.Host() + "-" + hex.EncodeToString(sum[:4])
}

// Host is the part of the address that may be shown.
func (e Endpoint) Host() string {
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" {
		return "unknown"
	}
	return strings.ToLower(u.Host)
}

// Check tells what is wrong with an endpoint's address.
func (e Endpoint) Check() error {
	u, err := url.Parse(e.URL)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("the URL of the endpoint is not valid")
	case u.Scheme == "https", u.Scheme == "http" && e.AllowPrivate:
		return nil
	case u.Scheme == "http":
		return errors.New("an endpoint set through the API must use https; or name its host in recording.yml under callbacks")
	}
	return errors.New("the URL of an endpoint must begin with https:// or http://")
}

// FromConfig returns the endpoints of recording.yml.
func FromConfig(callbacks []config.Callback) []Endpoint {
	out := make([]Endpoint, 0, len(callbacks))
	for _, c := range callbacks {
		e := Endpoint{URL: c.URL, Keys: c.Keys, Domain: c.Domain, App: c.App, CAFile: c.CAFile, AllowPrivate: true}
		for _, k := range c.Events {
			e.Kinds = append(e.Kinds, state.EventKind(k))
		}
		out = append(out, e)
	}
	return out
}

// NamedHost tells whether recording.yml names the host (and port) of an address.
func NamedHost(callbacks []config.Callback, address string) bool {
	host := Endpoint{URL: address}.Host()
	return slices.ContainsFunc(callbacks, func(c config.Callback) bool { return Endpoint{URL: c.URL}.Host() == host })
}

// router is an immutable set of endpoints.
type router struct{ matchers []matcher }

type matcher struct {
	Endpoint
	id string
}

func newRouter(endpoints []Endpoint) *router {
	r := &router{}
	for _, e := range endpoints {
		e.Domain = strings.ToLower(e.Domain)
		id := e.ID()
		for n := 2; r.find(id) != nil; n++ { // the same address twice, with other kinds
			id = fmt.Sprintf("%s-%d", e.ID(), n)
		}
		r.matchers = append(r.matchers, matcher{e, id})
	}
	return r
}

func (r *router) find(id string) *matcher {
	for i := range r.matchers {
		if r.matchers[i].id == id {
			return &r.matchers[i]
		}
	}
	return nil
}

func (r *router) ids() []string {
	var out []string
	for _, m := range r.matchers {
		out = append(out, m.id)
	}
	return out
}

// match returns the ids of the endpoints that want e.
func (r *router) match(e *state.Event) []string {
	var out []string
	for _, m := range r.matchers {
		if m.wants(e) {
			out = append(out, m.id)
		}
	}
	return out
}

func (m *matcher) wants(e *state.Event) bool {
	if len(m.Kinds) == 0 && e.Kind != state.EventFile || len(m.Kinds) > 0 && !slices.Contains(m.Kinds, e.Kind) {
		return false
	}
	if e.Kind == state.EventAbnormal && len(m.Levels) > 0 && !slices.Contains(m.Levels, e.Level) {
		return false
	}
	return (m.Domain == "" || like(m.Domain, strings.ToLower(e.Domain))) && (m.App == "" || like(m.App, e.App))
}

// like matches s with a pattern in which '*' stands for any text.
func like(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	last := len(parts) - 1
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1:last] {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return strings.HasSuffix(s, parts[last])
}
