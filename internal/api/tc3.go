package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	tc3Algorithm    = "TC3-HMAC-SHA256"
	unsignedPayload = "UNSIGNED-PAYLOAD"
)

// tc3Auth is an Authorization header (reference §4.3):
//
//	TC3-HMAC-SHA256 Credential=<SecretId>/<date>/<service>/tc3_request, SignedHeaders=<a;b>, Signature=<hex>
type tc3Auth struct {
	secretID string
	date     string // UTC, of X-TC-Timestamp
	service  string // the Node SDK puts the begin of its endpoint here
	headers  []string
	mac      []byte
}

func (a *tc3Auth) scope() string { return a.date + "/" + a.service + "/tc3_request" }

// parseTC3 reads an Authorization header; strict, since nobody but SDKs write it.
func parseTC3(header string) (*tc3Auth, bool) {
	rest, ok := strings.CutPrefix(header, tc3Algorithm+" ")
	if !ok || len(header) > 2048 {
		return nil, false
	}
	fields := map[string]string{}
	for _, f := range strings.Split(rest, ",") {
		name, v, ok := strings.Cut(strings.TrimSpace(f), "=")
		if _, dup := fields[name]; !ok || dup || v == "" {
			return nil, false
		}
		fields[name] = v
	}
	mac, err := hex.DecodeString(fields["Signature"])
	a := &tc3Auth{headers: strings.Split(fields["SignedHeaders"], ";"), mac: mac}
	if err != nil || len(mac) != sha256.Size || len(fields) != 3 {
		return nil, false
	}
	credential := strings.Split(fields["Credential"], "/")
	if len(credential) != 4 || credential[3] != "tc3_request" {
		return nil, false
	}
	a.secretID, a.date, a.service = credential[0], credential[1], credential[2]
	return a, a.secretID != "" && a.date != "" && a.service != "" && goodHeaders(a.headers)
}

// goodHeaders tells whether the list names what must be signed, nothing twice,
// and nothing in upper case.
func goodHeaders(names []string) bool {
	seen := map[string]bool{}
	for _, n := range names {
		if n == "" || seen[n] || n != strings.ToLower(n) || strings.ContainsAny(n, " :\n\r\t") {
			return false
		}
		seen[n] = true
	}
	return seen["content-type"] && seen["host"] && len(names) <= 32
}

// tc3Signature is the MAC of a request as the client should have made it, if it
// wrote host in its URL.
func tc3Signature(a *tc3Auth, r *http.Request, host string, body []byte, key string) []byte {
	payload := body
	if r.Header.Get("X-TC-Content-SHA256") == unsignedPayload {
		payload = []byte(unsignedPayload)
	}
	canonical := r.Method + "\n/\n" + r.URL.RawQuery + "\n"
	for _, n := range a.headers {
		v := host
		if n != "host" {
			v = r.Header.Get(n)
		}
		canonical += n + ":" + strings.ToLower(strings.TrimSpace(v)) + "\n"
	}
	canonical += "\n" + strings.Join(a.headers, ";") + "\n" + hexSHA256(payload)
	text := tc3Algorithm + "\n" + r.Header.Get("X-TC-Timestamp") + "\n" + a.scope() + "\n" + hexSHA256([]byte(canonical))
	k := macSHA256([]byte("TC3"+key), a.date)
	return macSHA256(macSHA256(macSHA256(k, a.service), "tc3_request"), text)
}

// signTC3 signs a POST of JSON.
func signTC3(r *http.Request, body []byte, secretID, secretKey string, now time.Time) {
	a := &tc3Auth{secretID: secretID, date: now.UTC().Format(time.DateOnly), service: "live", headers: []string{"content-type", "host"}}
	r.Header.Set("X-TC-Timestamp", strconv.FormatInt(now.Unix(), 10))
	mac := tc3Signature(a, r, r.Host, body, secretKey)
	r.Header.Set("Authorization", tc3Algorithm+" Credential="+secretID+"/"+a.scope()+
		", SignedHeaders="+strings.Join(a.headers, ";")+", Signature="+hex.EncodeToString(mac))
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func macSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
