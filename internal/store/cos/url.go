package cos

import (
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/tencentyun/cos-go-sdk-v5"
)

// URL returns the address of an object for notifications. With signURL it may
// be read for that long by whoever has it; else the bucket's own rights decide.
// A temporary token ends the life of a signed address with its own.
func (s *Store) URL(key string) string {
	u := *s.bucket
	u.Path = s.wire.prefix + "/" + key
	u.RawPath = escapePath(s.wire.prefix) + "/" + escapePath(key)
	if s.cfg.SignURL <= 0 {
		return u.String()
	}
	k, err := s.keys.current()
	if err != nil {
		return u.String() // better a plain address than none
	}
	req := &http.Request{Method: http.MethodGet, URL: &u, Host: u.Host, Header: make(http.Header)}
	// Without the token: it must not be among the signed headers, which
	// nobody who follows a link sends.
	sdk.AddAuthorizationHeader(k.id, k.key, "", req, sdk.NewAuthTime(s.cfg.SignURL))
	u.RawQuery = queryOf(req.Header.Get("Authorization"), k.token)
	return u.String()
}

// queryOf turns a q-sign header into a query.
func queryOf(authorization, token string) string {
	var q []string
	for pair := range strings.SplitSeq(authorization, "&") {
		name, value, _ := strings.Cut(pair, "=")
		q = append(q, name+"="+url.QueryEscape(value))
	}
	if token != "" {
		q = append(q, "x-cos-security-token="+url.QueryEscape(token))
	}
	return strings.Join(q, "&")
}
