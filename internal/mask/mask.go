// Package mask hides the secrets that publishers put into their addresses: the
// values of pass, password, token, jwt and txSecret (design §1.6). It is used
// before such text is stored, logged or sent. In doubt it hides too much.
//
// Text and JSON make harmless whatever strangers typed before it is logged or
// shown: the log, the command line (with `record doctor`) and the API use them.
package mask

import (
	"net/url"
	"regexp"
	"strings"
)

// Hidden stands in place of a secret.
const Hidden = "***"

// secret finds the name of a secret with what follows a name. The name may be
// the tail of a longer one (access_token).
var secret = regexp.MustCompile(`(?i)(^|[^a-z0-9])(pass|password|token|jwt|txsecret)\s*=`)

// Query masks a raw URL query (without '?'), or any other text of name=value
// pairs. Names are found in upper and lower case and percent-encoded. A value
// ends only at '&', so that no separator inside it can uncover its rest. What
// holds no secret is returned byte by byte as it was.
func Query(raw string) string {
	if !suspicious(raw) {
		return raw
	}
	parts := strings.Split(raw, "&")
	for i, p := range parts {
		parts[i] = pair(p)
	}
	return strings.Join(parts, "&")
}

// pair masks one segment between two '&'.
func pair(p string) string {
	if !suspicious(p) {
		return p
	}
	name, _, found := strings.Cut(p, "=")
	if !found || suspicious(name) { // encoded '='
		return Hidden
	}
	return name + "=" + Hidden // the name is the secret's, or the value has the secret somewhere in it
}

// suspicious tells whether the text has a secret, in it or in what it decodes to.
func suspicious(s string) bool {
	for range 4 { // strangers may encode what is encoded
		if secret.MatchString(s) {
			return true
		}
		d := decode(s)
		if d == s {
			return false
		}
		s = d
	}
	return strings.Contains(s, "%") // still encoded: nobody honest does that
}

// decode resolves every valid percent-encoding and leaves the rest alone.
func decode(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if d, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(d)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// StreamID masks an SRT stream id as MediaMTX reads it: the standard form
// "#!::m=publish,r=cam,u=user,s=pass", and "publish:cam:user:pass:query".
func StreamID(raw string) string {
	if rest, ok := strings.CutPrefix(raw, "#!::"); ok {
		parts := strings.Split(rest, ",")
		for i, p := range parts {
			if name, _, _ := strings.Cut(decode(p), "="); strings.EqualFold(strings.TrimSpace(name), "s") {
				parts[i] = "s=" + Hidden
				return "#!::" + Query(strings.Join(parts[:i+1], ",")) // what follows may be the secret's rest
			}
		}
		return Query(raw)
	}
	if parts := strings.SplitN(raw, ":", 5); len(parts) >= 4 {
		parts[3] = Hidden
		if len(parts) == 5 {
			parts[4] = Query(parts[4])
		}
		return strings.Join(parts, ":")
	}
	return Query(raw)
}
