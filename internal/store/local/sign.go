package local

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strconv"
	"time"
)

// Why Verify refuses.
var (
	ErrExpired      = errors.New("the link has expired")
	ErrBadSignature = errors.New("the link is not signed by this server")
)

// Sign returns the query that lets whoever has the link read key until expires:
// expires=<unix seconds>&sign=<hex HMAC-SHA256(secret, key LF expires)>.
func Sign(key string, expires time.Time, secret []byte) url.Values {
	at := strconv.FormatInt(expires.Unix(), 10)
	return url.Values{"expires": {at}, "sign": {mac(key, at, secret)}}
}

// SignedURL is URL with a query of Sign.
func (s *Store) SignedURL(key string, expires time.Time, secret []byte) string {
	return s.URL(key) + "?" + Sign(key, expires, secret).Encode()
}

// Verify returns nil if query lets its bearer read key now.
func Verify(key string, query url.Values, secret []byte, now time.Time) error {
	at := query.Get("expires")
	if !hmac.Equal([]byte(mac(key, at, secret)), []byte(query.Get("sign"))) {
		return ErrBadSignature
	}
	unix, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return ErrBadSignature
	}
	if now.After(time.Unix(unix, 0)) {
		return ErrExpired
	}
	return nil
}

func mac(key, at string, secret []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(key + "\n" + at))
	return hex.EncodeToString(h.Sum(nil))
}
