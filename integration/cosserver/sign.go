package cosserver

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signature is the parsed form of
// q-sign-algorithm=sha1&q-ak=…&q-sign-time=…&q-key-time=…&q-header-list=…&q-url-param-list=…&q-signature=…
type signature struct {
	fields map[string]string
	query  bool // it came in the query
}

// pairs is a query in its decoded form, in its order. Go's own parser refuses
// semicolons.
type pairs [][2]string

func parsePairs(raw string, decode bool) pairs {
	var list pairs
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if decode {
			name, value = unescape(name), unescape(value)
		}
		list = append(list, [2]string{name, value})
	}
	return list
}

func (p pairs) get(name string) string {
	for _, kv := range p {
		if kv[0] == name {
			return kv[1]
		}
	}
	return ""
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

func findSignature(r *http.Request, query pairs) (signature, bool) {
	s := signature{fields: make(map[string]string)}
	source := parsePairs(r.Header.Get("Authorization"), false)
	if len(source) == 0 {
		source, s.query = query, true
	}
	for _, kv := range source {
		if strings.HasPrefix(kv[0], "q-") {
			s.fields[kv[0]] = kv[1]
		}
	}
	return s, s.fields["q-signature"] != ""
}

// authorize returns nil if the request is signed by a key that we know.
func (s *Server) authorize(r *http.Request, query pairs) *failure {
	sig, ok := findSignature(r, query)
	if !ok {
		return fail(403, "AccessDenied", "Access Denied: the request is not signed.")
	}
	key, known := s.secretOf(sig.fields["q-ak"])
	if !known {
		return fail(403, "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.")
	}
	if sig.fields["q-sign-algorithm"] != "sha1" {
		return fail(403, "SignatureDoesNotMatch", "q-sign-algorithm must be sha1.")
	}
	if f := checkTime(sig, s.now()); f != nil {
		return f
	}
	token := r.Header.Get("X-Cos-Security-Token")
	if token == "" {
		token = query.get("x-cos-security-token")
	}
	if token != key.token {
		return fail(403, "InvalidToken", "The security token is missing or wrong.")
	}
	if f := checkLists(r, query, sig); f != nil {
		return f
	}
	want := sign(key.key, sig.fields["q-key-time"], httpString(r, query, sig))
	if !hmac.Equal([]byte(want), []byte(sig.fields["q-signature"])) {
		return fail(403, "SignatureDoesNotMatch", "The Signature you specified is invalid.")
	}
	return nil
}

func checkTime(sig signature, now time.Time) *failure {
	if sig.fields["q-sign-time"] != sig.fields["q-key-time"] {
		return fail(403, "SignatureDoesNotMatch", "q-sign-time and q-key-time differ.")
	}
	from, until, ok := strings.Cut(sig.fields["q-sign-time"], ";")
	start, err1 := strconv.ParseInt(from, 10, 64)
	end, err2 := strconv.ParseInt(until, 10, 64)
	if !ok || err1 != nil || err2 != nil || end < start {
		return fail(403, "AccessDenied", "q-sign-time is not start;end.")
	}
	const tolerance = 15 * time.Minute
	if now.Before(time.Unix(start, 0).Add(-tolerance)) {
		return fail(403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.")
	}
	if now.After(time.Unix(end, 0)) {
		if sig.query {
			return fail(403, "AccessDenied", "Request has expired.")
		}
		return fail(403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.")
	}
	return nil
}

// checkLists refuses what is not signed but should be.
func checkLists(r *http.Request, query pairs, sig signature) *failure {
	headers := strings.Split(sig.fields["q-header-list"], ";")
	params := strings.Split(sig.fields["q-url-param-list"], ";")
	if !slices.IsSorted(headers) || !slices.IsSorted(params) {
		return fail(403, "SignatureDoesNotMatch", "a list of the signature is not sorted.")
	}
	if !slices.Contains(headers, "host") {
		return fail(403, "SignatureDoesNotMatch", "Host is not signed.")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-cos-") && !slices.Contains(headers, escape(lower)) {
			return fail(403, "SignatureDoesNotMatch", name+" is not signed.")
		}
	}
	for _, kv := range query {
		if isSignParam(kv[0], sig) {
			continue
		}
		if !slices.Contains(params, strings.ToLower(escape(kv[0]))) {
			return fail(403, "SignatureDoesNotMatch", "parameter "+kv[0]+" is not signed.")
		}
	}
	return nil
}

func isSignParam(name string, sig signature) bool {
	_, ours := sig.fields[name]
	return sig.query && (ours || name == "x-cos-security-token")
}

// httpString is what the signature covers: method, path, parameters, headers.
func httpString(r *http.Request, query pairs, sig signature) string {
	params := make(map[string][]string)
	for _, kv := range query {
		name := strings.ToLower(escape(kv[0]))
		params[name] = append(params[name], kv[1])
	}
	headers := make(map[string][]string)
	for name, values := range r.Header {
		headers[escape(strings.ToLower(name))] = values
	}
	headers["host"] = []string{r.Host}
	if r.ContentLength >= 0 && len(headers["content-length"]) == 0 {
		headers["content-length"] = []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	return strings.ToLower(r.Method) + "\n" + r.URL.Path + "\n" +
		listed(sig.fields["q-url-param-list"], params) + "\n" +
		listed(sig.fields["q-header-list"], headers) + "\n"
}

// listed returns name=value&… of the names in list, sorted as the list is.
func listed(list string, values map[string][]string) string {
	var out, done []string
	for name := range strings.SplitSeq(list, ";") {
		if name == "" || slices.Contains(done, name) {
			continue
		}
		done = append(done, name)
		of := slices.Sorted(slices.Values(values[name]))
		if len(of) == 0 {
			of = []string{""}
		}
		for _, v := range of {
			out = append(out, name+"="+escape(v))
		}
	}
	return strings.Join(out, "&")
}

// sign computes q-signature.
func sign(secretKey, keyTime, httpString string) string {
	signKey := mac(secretKey, keyTime)
	digest := sha1.Sum([]byte(httpString))
	return mac(signKey, "sha1\n"+keyTime+"\n"+hex.EncodeToString(digest[:])+"\n")
}

func mac(key, text string) string {
	h := hmac.New(sha1.New, []byte(key))
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// escape is RFC 3986: everything but letters, digits and -_.~ becomes %XX.
func escape(s string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString(string([]byte{'%', hexDigits[c>>4], hexDigits[c&15]}))
	}
	return b.String()
}
