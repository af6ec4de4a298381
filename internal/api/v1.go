package api

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/url"
	"slices"
	"strings"
)

// commonV1 are the parameters that every request with the older signature may
// have beside those of its action (reference §4.2).
var commonV1 = []string{"Action", "Version", "Timestamp", "Region", "SecretId", "Signature", "SignatureMethod",
	"Nonce", "Token", "Language", "RequestClient"}

// parseQuery reads a query or a form into single values. Go's own parser lets
// duplicates pass.
func parseQuery(raw string) (map[string]string, error) {
	out := map[string]string{}
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(k)
		text, err2 := url.QueryUnescape(v)
		if _, dup := out[name]; dup || err1 != nil || err2 != nil || name == "" {
			return nil, Errorf(codeInvalidRequest, "A parameter is badly encoded or comes twice.")
		}
		if out[name] = text; len(out) > maxNodes {
			return nil, Errorf(codeInvalidRequest, "There are too many parameters.")
		}
	}
	return out, nil
}

// v1Signature is the MAC of parameters (reference §4.4) if the client wrote host
// in its URL; nil if the method isn't known.
func v1Signature(method, host string, params map[string]string, key string) []byte {
	var algorithm func() hash.Hash
	switch params["SignatureMethod"] {
	case "", "HmacSHA1":
		algorithm = sha1.New
	case "HmacSHA256":
		algorithm = sha256.New
	default:
		return nil
	}
	names := make([]string, 0, len(params))
	for name := range params {
		if name != "Signature" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	pairs := make([]string, 0, len(names))
	for _, name := range names {
		pairs = append(pairs, name+"="+params[name])
	}
	h := hmac.New(algorithm, []byte(key))
	h.Write([]byte(method + host + "/?" + strings.Join(pairs, "&")))
	return h.Sum(nil)
}

// ambiguous tells whether other parameters of the same action would have the same
// signature: the signed text isn't encoded, so that "a=1&b=2" may be two
// parameters or one. There are none as long as no value looks as if it held a
// parameter that the action knows.
func ambiguous(params map[string]string) bool {
	for name, v := range params {
		if strings.ContainsAny(name, "&=") {
			return true
		}
		for _, part := range strings.Split(v, "&")[1:] {
			swallowed, _, _ := strings.Cut(part, "=")
			root, _, _ := strings.Cut(swallowed, ".")
			if slices.Contains(commonV1, root) || actions[params["Action"]].knows(root) {
				return true
			}
		}
	}
	return false
}

func decodeV1Signature(s string) []byte {
	mac, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return mac
}
