package api

import (
	"crypto/hmac"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Sizes of requests (reference §4.1), and how far a clock may be off.
const (
	maxQuery    = 32 << 10
	maxV1Body   = 1 << 20
	maxTC3Body  = 10 << 20
	clockWindow = 5 * time.Minute
)

const badSignature = "The provided credentials could not be validated. Please check your signature is correct."

// request is what was asked, by whom. Its signature is right.
type request struct {
	action   string
	version  string
	secretID string
	params   object
}

// authenticate reads a request and checks its signature.
func (s *Server) authenticate(r *http.Request, req *request) error {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return Errorf(codeUnsupportedProtocol, "Only GET and POST are supported.")
	case len(r.URL.RawQuery) > maxQuery:
		return Errorf(codeSizeLimit, "The query is longer than 32 KB.")
	}
	for _, h := range []string{"Authorization", "Content-Type", "X-Tc-Action", "X-Tc-Version", "X-Tc-Timestamp", "X-Tc-Token", "X-Tc-Content-Sha256"} {
		if len(r.Header.Values(h)) > 1 {
			return Errorf(codeInvalidRequest, "The header %s comes twice.", h)
		}
	}
	if r.Header.Get("Authorization") != "" {
		return s.authenticateTC3(r, req)
	}
	return s.authenticateV1(r, req)
}

func (s *Server) authenticateTC3(r *http.Request, req *request) error {
	req.action, req.version = r.Header.Get("X-TC-Action"), r.Header.Get("X-TC-Version")
	a, ok := parseTC3(r.Header.Get("Authorization"))
	if !ok {
		return Errorf(codeInvalidAuthorization, "The Authorization header is not of the form TC3-HMAC-SHA256 Credential=…, SignedHeaders=content-type;host, Signature=….")
	}
	req.secretID = a.secretID
	key, err := s.checkCaller(a.secretID, r.Header.Get("X-TC-Timestamp"), r.Header.Get("X-TC-Token"))
	if err != nil {
		return err
	}
	for _, name := range a.headers {
		if len(r.Header.Values(name)) > 1 {
			return Errorf(codeInvalidRequest, "The signed header %s comes twice.", clip(name))
		}
	}
	body, done, err := s.bodies.read(r, maxTC3Body)
	if err != nil {
		return err
	}
	defer done()
	seconds, _ := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
	right := a.date == time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	if !right || !anyHost(r.Host, func(host string) bool { return hmac.Equal(a.mac, tc3Signature(a, r, host, body, key)) }) {
		return Errorf(codeSignatureFailure, badSignature)
	}
	return req.readTC3(r, body)
}

// readTC3 reads the parameters: of a POST from its JSON, of a GET from its query.
func (req *request) readTC3(r *http.Request, body []byte) (err error) {
	if r.Method == http.MethodPost {
		if r.URL.RawQuery != "" {
			return Errorf(codeInvalidRequest, "A POST has its parameters in its body, not in its URL.")
		}
		req.params, err = parseJSON(body)
		return err
	}
	if len(body) > 0 {
		return Errorf(codeInvalidRequest, "A GET has no body.")
	}
	flat, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	req.params, err = parseForm(flat)
	return err
}

func (s *Server) authenticateV1(r *http.Request, req *request) error {
	raw := r.URL.RawQuery
	body, done, err := s.bodies.read(r, maxV1Body)
	if err != nil {
		return err
	}
	defer done()
	if r.Method == http.MethodPost {
		if raw != "" {
			return Errorf(codeInvalidRequest, "A POST has its parameters in its body, not in its URL.")
		}
		mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if strings.TrimSpace(strings.ToLower(mediaType)) != "application/x-www-form-urlencoded" {
			return Errorf(codeInvalidAuthorization, "There is no Authorization header, and the body is not a form.")
		}
		raw = string(body)
	} else if len(body) > 0 {
		return Errorf(codeInvalidRequest, "A GET has no body.")
	}
	flat, err := parseQuery(raw)
	if err != nil {
		return err
	}
	if err := s.checkV1(r, flat, req); err != nil {
		return err
	}
	for _, name := range commonV1 {
		delete(flat, name)
	}
	req.params, err = parseForm(flat)
	return err
}

func (s *Server) checkV1(r *http.Request, flat map[string]string, req *request) error {
	req.action, req.version, req.secretID = flat["Action"], flat["Version"], flat["SecretId"]
	for _, name := range []string{"SecretId", "Signature", "Timestamp", "Nonce"} {
		if flat[name] == "" {
			return Errorf(codeMissing, "The parameter %s is missing.", name)
		}
	}
	key, err := s.checkCaller(flat["SecretId"], flat["Timestamp"], flat["Token"])
	if err != nil {
		return err
	}
	if n, err := strconv.ParseUint(flat["Nonce"], 10, 64); err != nil || n == 0 {
		return Errorf(codeInvalid, "The parameter Nonce must be a positive whole number.")
	}
	if v1Signature("", "", map[string]string{"SignatureMethod": flat["SignatureMethod"]}, "") == nil {
		return Errorf(codeInvalid, "The parameter SignatureMethod must be HmacSHA1 or HmacSHA256.")
	}
	mac := decodeV1Signature(flat["Signature"])
	right := anyHost(r.Host, func(host string) bool { return hmac.Equal(mac, v1Signature(r.Method, host, flat, key)) })
	if !right {
		return Errorf(codeSignatureFailure, badSignature)
	}
	if ambiguous(flat) {
		return Errorf(codeSignatureFailure, "A value holds text that this signature method can't tell from a parameter; sign with TC3-HMAC-SHA256.")
	}
	return nil
}

// checkCaller returns the key of a pair, if the time of the request is right.
func (s *Server) checkCaller(secretID, timestamp, token string) (key string, err error) {
	if timestamp == "" {
		return "", Errorf(codeMissing, "The timestamp is missing.")
	}
	key, ok := s.keys[secretID]
	if !ok {
		return "", Errorf(codeSecretIDNotFound, "There is no such SecretId here; those of recording.yml (api.credentials) and data/credentials count.")
	}
	if token != "" {
		return "", Errorf(codeTokenFailure, "Temporary credentials (Token) are not supported.")
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return "", Errorf(codeInvalid, "The timestamp is not a number of seconds.")
	}
	if off := s.now().Sub(time.Unix(seconds, 0)); off > clockWindow || off < -clockWindow {
		return "", Errorf(codeSignatureExpire, "The timestamp is more than five minutes off the server's clock, which says %s.", s.now().UTC().Format(time.RFC3339))
	}
	return key, nil
}

// anyHost tries the host as the client sent it and without its port: the Go SDK
// signs the one, the Node SDK the other.
func anyHost(host string, right func(host string) bool) bool {
	with := right(host)
	bare, _, err := net.SplitHostPort(host)
	if err != nil {
		return with
	}
	if strings.Contains(bare, ":") {
		bare = "[" + bare + "]"
	}
	return right(bare) || with
}

// isAuthFailure tells whether a refusal counts as a failed signature.
func isAuthFailure(err error) bool {
	var e *Error
	return errors.As(err, &e) && strings.HasPrefix(e.Code, "AuthFailure.")
}
