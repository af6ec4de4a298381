package notify

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the original's scheme; X-Signature is the strong one
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// signValidity is how long after an attempt the original's sign is good.
const signValidity = 600 * time.Second

// stamp adds t and sign to a body, with the newest key. Without a key the body
// is sent as it is.
func stamp(body []byte, keys []string, now time.Time) []byte {
	if len(keys) == 0 {
		return body
	}
	t := strconv.FormatInt(now.Add(signValidity).Unix(), 10)
	sum := md5.Sum([]byte(keys[0] + t)) //nolint:gosec // see above
	return withFields(body, fmt.Sprintf(`"sign":"%x","t":%s`, sum, t))
}

// withFields adds fields, given as JSON, at the end of a JSON object.
func withFields(object []byte, fields string) []byte {
	out := make([]byte, 0, len(object)+len(fields)+1)
	out = append(out, object[:len(object)-1]...)
	if strings.TrimSpace(string(object[1:len(object)-1])) != "" {
		out = append(out, ',')
	}
	return append(append(out, fields...), '}')
}

// signature is the value of X-Signature: the time of the attempt, and for each key
// the HMAC-SHA256 of that time, a dot and the body.
func signature(body []byte, keys []string, now time.Time) string {
	t := strconv.FormatInt(now.Unix(), 10)
	s := "t=" + t
	for _, k := range keys {
		mac := hmac.New(sha256.New, []byte(k))
		mac.Write([]byte(t + "."))
		mac.Write(body)
		s += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return s
}
