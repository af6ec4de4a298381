package plan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
)

func TestIdentifyDomain(t *testing.T) {
	for _, c := range []struct{ host, serverName, query, want string }{
		{"push.example.com", "", "", "push.example.com"},
		{"Push.Example.COM:1935", "", "", "push.example.com"},
		{"push.example.com.", "", "", "push.example.com"},
		{"push.example.com.:1935", "", "", "push.example.com"},
		{" push.example.com ", "", "", "push.example.com"},
		{"", "TLS.example.com", "", "tls.example.com"},
		{"push.example.com", "tls.example.com", "", "push.example.com"},
		{"push.example.com", "", "domain=Other.example&user=x", "other.example"},
		{"push.example.com", "", "vhost=v.example", "v.example"},
		{"push.example.com", "", "vhost=v.example&domain=d.example", "d.example"},
		{"push.example.com", "", "domain=&vhost=", "push.example.com"},
		{"push.example.com", "", "%zz&a;b&domain=d.example", "d.example"},
		{"push.example.com", "", "domain=%zz", "push.example.com"},
		{"push.example.com", "", "domain=127.0.0.1", "none"},
		{"push.example.com", "", "domain=d.example:8080", "d.example"},
		{"", "", "", "none"},
		{":1935", "", "", "none"},
		{".", "", "", "none"},
		{"localhost", "", "", "none"},
		{"LocalHost.:8554", "", "", "none"},
		{"192.168.1.10", "", "", "none"},
		{"192.168.1.10:1935", "", "", "none"},
		{"127.1:1935", "", "", "none"},
		{"010.0.0.1", "", "", "none"},
		{"2130706433", "", "", "none"},
		{"::1", "", "", "none"},
		{"[::1]", "", "", "none"},
		{"[2001:db8::1]:1935", "", "", "none"},
		{"fe80::1%eth0", "", "", "none"},
		{"[fe80::1%25eth0]:1", "", "", "none"},
		{"[", "", "", "none"},
		{"[x", "", "", "x"},
		{"a:b:c", "", "", "a"},
		{"../../etc", "", "", "../../etc"}, // data; Key makes it harmless
		{"BÜCHER.example", "", "", "bücher.example"},
		{"my_host", "", "", "my_host"},
	} {
		p := &hooks.Publication{Path: "live/cam1", Host: c.host, ServerName: c.serverName, Query: c.query}
		s, refused := Identify(p, &config.Config{DefaultDomain: "none", DefaultApp: "live"})
		require.Equal(t, Stream{c.want, "live", "cam1"}, s, "%+v", c)
		require.Empty(t, refused)
	}
}

func TestIdentifyListedDomains(t *testing.T) {
	c := &config.Config{DefaultDomain: "none", Domains: []string{"push.example.com", "*.Example.org"}}
	for host, want := range map[string]Stream{
		"push.example.com:1935": {Domain: "push.example.com"},
		"A.example.org":         {Domain: "a.example.org"},
		"example.org":           {Domain: "none", Name: "example.org"},
		"evil.example":          {Domain: "none", Name: "evil.example"},
		"127.0.0.1":             {Domain: "none"},
		"":                      {Domain: "none"},
	} {
		s, refused := Identify(&hooks.Publication{Path: "x", Host: host}, c)
		require.Equal(t, want.Domain, s.Domain, host)
		require.Equal(t, want.Name, refused, host)
	}
	s, refused := Identify(&hooks.Publication{Path: "x", Host: "push.example.com", Query: "domain=evil.example"}, c)
	require.Equal(t, "none", s.Domain)
	require.Equal(t, "evil.example", refused)
}

func TestIdentifyPath(t *testing.T) {
	for path, want := range map[string]Stream{
		"live/room/7": {"d", "live/room", "7"},
		"live/cam1":   {"d", "live", "cam1"},
		"cam1":        {"d", "app", "cam1"},
		"/cam1":       {"d", "app", "cam1"},
		"":            {"d", "app", ""},
		"/":           {"d", "app", ""},
		"live/":       {"d", "live", ""},
		"//":          {"d", "/", ""},
		"../..":       {"d", "..", ".."},
		"a\x00/\xff":  {"d", "a\x00", "\xff"},
	} {
		s, _ := Identify(&hooks.Publication{Path: path}, &config.Config{DefaultDomain: "d", DefaultApp: "app"})
		require.Equal(t, want, s, "%q", path)
	}
}

func TestParseStream(t *testing.T) {
	s, err := ParseStream("Push.example.com/live/room/7")
	require.NoError(t, err)
	require.Equal(t, Stream{"push.example.com", "live/room", "7"}, s)
	require.Equal(t, "push.example.com/live/room/7", s.String())
	for _, bad := range []string{"", "a", "a/b", "/b/c", "a/b/", "a//", "//"} {
		_, err := ParseStream(bad)
		require.ErrorContains(t, err, "DOMAIN/APP/STREAM", bad)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add("live/room/7", "[::1]:1935", "domain=a", "tls.example")
	f.Fuzz(func(t *testing.T, path, host, query, server string) {
		s, refused := Identify(&hooks.Publication{Path: path, Host: host, Query: query, ServerName: server},
			&config.Config{DefaultDomain: "d", DefaultApp: "app", Domains: []string{"a*"}})
		if s.Domain == "" || s.App == "" || refused != "" && s.Domain != "d" || s.Domain != "d" && s.Domain[0] != 'a' {
			t.Fatalf("%q refused %q", s, refused)
		}
	})
}
