package api

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The vectors of Tencent's documentation (reference §4.3, §4.4).
const (
	vectorID  = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
	vectorKey = "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
)

func TestOfficialVectorTC3(t *testing.T) {
	body := `{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`
	r := httptest.NewRequest(http.MethodPost, "https://cvm.tencentcloudapi.com/", nil)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-TC-Timestamp", "1551113065")
	a, ok := parseTC3("TC3-HMAC-SHA256 Credential=" + vectorID + "/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, " +
		"Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168")
	require.True(t, ok)
	require.Equal(t, vectorID, a.secretID)
	require.Equal(t, hex.EncodeToString(a.mac), hex.EncodeToString(tc3Signature(a, r, "cvm.tencentcloudapi.com", []byte(body), vectorKey)))
}

func TestOfficialVectorV1(t *testing.T) {
	params, err := parseQuery("Action=DescribeInstances&InstanceIds.0=ins-09dx96dg&Limit=20&Nonce=11886&Offset=0&Region=ap-guangzhou&SecretId=" +
		vectorID + "&Timestamp=1465185768&Version=2017-03-12")
	require.NoError(t, err)
	require.Equal(t, "EliP9YW3pW28FpsEdkXt/+WcGeI=",
		base64.StdEncoding.EncodeToString(v1Signature("GET", "cvm.tencentcloudapi.com", params, vectorKey)))
}

// signV1 makes the query or form of a request with the older signature.
func (w *world) signV1(method, host, action, algorithm string, params map[string]string) string {
	all := map[string]string{"Action": action, "Version": Version, "Timestamp": strconv.FormatInt(w.clock.Unix(), 10),
		"Nonce": "11886", "SecretId": testID, "SignatureMethod": algorithm}
	for k, v := range params {
		all[k] = v
	}
	if algorithm == "" {
		delete(all, "SignatureMethod")
	}
	all["Signature"] = base64.StdEncoding.EncodeToString(v1Signature(method, host, all, testKey))
	form := url.Values{}
	for k, v := range all {
		form.Set(k, v)
	}
	return form.Encode()
}

func (w *world) v1(method, host, encoded string) *http.Request {
	target, body := "http://"+host+"/", encoded
	if method == http.MethodGet {
		target, body = target+"?"+encoded, ""
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = w.remote
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func TestEverySignatureWithBothFormsOfHost(t *testing.T) {
	w := newWorld(t)
	params := map[string]string{"TemplateName": "模板-1", "Description": "a b+c&d=e/%?", "FlvParam.Enable": "1", "RemoveWatermark": "true"}
	for _, signed := range []string{"127.0.0.1:9995", "127.0.0.1"} {
		for _, method := range []string{"GET", "POST"} {
			for _, algorithm := range []string{"", "HmacSHA1", "HmacSHA256"} {
				r := w.v1(method, "127.0.0.1:9995", w.signV1(method, signed, "CreateLiveRecordTemplate", algorithm, params))
				require.Empty(t, codeOf(w.do(r)), "%s %s %s", signed, method, algorithm)
			}
		}
	}
	out := w.ok("DescribeLiveRecordTemplate", `{"TemplateId":"12"}`)["Template"].(map[string]any)
	require.Equal(t, "a b+c&d=e/%?", out["Description"])
	require.Equal(t, true, out["RemoveWatermark"])
	require.Equal(t, 1., out["FlvParam"].(map[string]any)["Enable"])
	require.Equal(t, int64(12), w.plans.Load())
}

// tc3 makes a TC3 request with everything open to change.
type tc3 struct {
	method, host, signedHost, query, body, service, id, key, contentType string
	headers                                                              []string
	header                                                               http.Header
	at                                                                   time.Time
	date                                                                 string
}

func (w *world) tc3(change func(*tc3)) *http.Request {
	x := &tc3{method: "POST", host: "127.0.0.1:9995", body: `{}`, service: "live", id: testID, key: testKey, contentType: "application/json",
		headers: []string{"content-type", "host"}, header: http.Header{}, at: w.clock}
	if change != nil {
		change(x)
	}
	target := "http://" + x.host + "/"
	if x.query != "" {
		target += "?" + x.query
	}
	r := httptest.NewRequest(x.method, target, strings.NewReader(x.body))
	r.RemoteAddr = w.remote
	r.Header.Set("Content-Type", x.contentType)
	r.Header.Set("X-TC-Action", "DescribeLiveRecordTemplates")
	r.Header.Set("X-TC-Version", Version)
	r.Header.Set("X-TC-Timestamp", strconv.FormatInt(x.at.Unix(), 10))
	for k, v := range x.header {
		r.Header[k] = v
	}
	if x.signedHost == "" {
		x.signedHost = x.host
	}
	if x.date == "" {
		x.date = x.at.UTC().Format(time.DateOnly)
	}
	a := &tc3Auth{secretID: x.id, date: x.date, service: x.service, headers: x.headers}
	mac := hex.EncodeToString(tc3Signature(a, r, x.signedHost, []byte(x.body), x.key))
	r.Header.Set("Authorization", fmt.Sprintf("TC3-HMAC-SHA256 Credential=%s/%s/%s/tc3_request, SignedHeaders=%s, Signature=%s",
		x.id, x.date, x.service, strings.Join(x.headers, ";"), mac))
	return r
}

func TestWhatClientsDoIsAccepted(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*tc3){
		"plain":            nil,
		"second pair":      func(x *tc3) { x.id, x.key = "SECOND", "another" },
		"Node's host":      func(x *tc3) { x.signedHost, x.service = "127.0.0.1", "127" },
		"Node, localhost":  func(x *tc3) { x.host, x.signedHost, x.service = "localhost:9995", "localhost", "localhost:9995" },
		"IPv6":             func(x *tc3) { x.host, x.signedHost = "[::1]:9995", "[::1]" },
		"signed action":    func(x *tc3) { x.headers = []string{"content-type", "host", "x-tc-action"} },
		"unsigned payload": func(x *tc3) { x.header.Set("X-Tc-Content-Sha256", unsignedPayload) },
		"GET, encoded":     func(x *tc3) { x.method, x.body, x.query = "GET", "", "%49sDelayLive=%30" },
		"GET":              func(x *tc3) { x.method, x.body, x.contentType = "GET", "", "application/x-www-form-urlencoded" },
		"four minutes off": func(x *tc3) { x.at = w.clock.Add(-4 * time.Minute) },
		"in the future":    func(x *tc3) { x.at = w.clock.Add(4 * time.Minute) },
		"charset":          func(x *tc3) { x.contentType = "application/json; charset=UTF-8" },
		"a cookie":         func(x *tc3) { x.header.Set("Cookie", "session=1") },
		"empty body":       func(x *tc3) { x.body = "" },
	} {
		require.Empty(t, codeOf(w.do(w.tc3(change))), name)
	}
}

// Forty ways of changing what was signed; each begins with a good request.
func TestTamperedRequestsAreRefused(t *testing.T) {
	const (
		failure = codeSignatureFailure
		invalid = codeInvalidAuthorization
	)
	w := newWorld(t)
	host := "127.0.0.1:9995"
	create := map[string]string{"TemplateName": "t", "Description": "d", "FlvParam.Enable": "1", "FlvParam.VodFileName": "n"}
	good := func() *http.Request { return w.tc3(nil) }
	withBody := func(body string) func() *http.Request {
		return func() *http.Request {
			r := w.tc3(nil)
			n := httptest.NewRequest("POST", "http://"+host+"/", strings.NewReader(body))
			n.Header, n.RemoteAddr = r.Header, r.RemoteAddr
			return n
		}
	}
	auth := func(old, new string) func() *http.Request {
		return func() *http.Request {
			r := good()
			h := r.Header.Get("Authorization")
			require.Contains(t, h, old)
			r.Header.Set("Authorization", strings.Replace(h, old, new, 1))
			return r
		}
	}
	header := func(name string, values ...string) func() *http.Request {
		return func() *http.Request {
			r := good()
			r.Header[http.CanonicalHeaderKey(name)] = values
			return r
		}
	}
	date := w.clock.UTC().Format(time.DateOnly)
	now := w.clock.Unix()
	form := func(method, old, new string) func() *http.Request {
		return func() *http.Request {
			f := w.signV1(method, host, "CreateLiveRecordTemplate", "HmacSHA256", create)
			require.Contains(t, f, old)
			return w.v1(method, host, strings.Replace(f, old, new, 1))
		}
	}
	// joined moves one parameter into the value before it: the signed text stays.
	joined := func() *http.Request {
		f := w.signV1("GET", host, "CreateLiveRecordTemplate", "HmacSHA1", create)
		f = strings.Replace(f, "FlvParam.Enable=1&", "", 1)
		return w.v1("GET", host, strings.Replace(f, "Description=d", "Description="+url.QueryEscape("d&FlvParam.Enable=1"), 1))
	}
	cases := []struct {
		what, code string
		request    func() *http.Request
	}{
		{"body changed", failure, withBody(`{"IsDelayLive":1}`)},
		{"space in body", failure, withBody(`{ }`)},
		{"body gone", failure, withBody(``)},
		{"body doubled", failure, withBody(`{}{}`)},
		{"body in UTF-16", failure, withBody("\xff\xfe{\x00}\x00")},
		{"body with BOM", failure, withBody("\xef\xbb\xbf{}")},
		{"another host", failure, func() *http.Request { r := good(); r.Host = "evil.example.com"; return r }},
		{"another port", failure, func() *http.Request { r := good(); r.Host = "127.0.0.1:80"; return r }},
		{"content type changed", failure, header("Content-Type", "text/plain")},
		{"content type with charset", failure, header("Content-Type", "application/json; charset=gbk")},
		{"content type gone", failure, header("Content-Type")},
		{"content type twice", codeInvalidRequest, header("Content-Type", "application/json", "text/plain")},
		{"a second later", failure, header("X-TC-Timestamp", strconv.FormatInt(now+1, 10))},
		{"time as 0x", codeInvalid, header("X-TC-Timestamp", "0x10")},
		{"time with a plus", failure, header("X-TC-Timestamp", fmt.Sprintf("+%d", now))},
		{"time gone", codeMissing, header("X-TC-Timestamp")},
		{"replayed after six minutes", codeSignatureExpire, func() *http.Request { return w.tc3(func(x *tc3) { x.at = w.clock.Add(-6 * time.Minute) }) }},
		{"six minutes early", codeSignatureExpire, func() *http.Request { return w.tc3(func(x *tc3) { x.at = w.clock.Add(6 * time.Minute) }) }},
		{"another day in scope", failure, auth(date, "2001-01-01")},
		{"another day, signed so", failure, func() *http.Request { return w.tc3(func(x *tc3) { x.date = "2001-01-01" }) }},
		{"another service", failure, auth("/live/", "/cvm/")},
		{"another end of scope", invalid, auth("tc3_request", "tc4_request")},
		{"scope longer", invalid, auth("/live/", "/live/live/")},
		{"unknown key id", codeSecretIDNotFound, auth(testID, "AKIDOTHER")},
		{"id of another pair", failure, auth(testID, "SECOND")},
		{"wrong key", failure, func() *http.Request { return w.tc3(func(x *tc3) { x.key = "guess" }) }},
		{"one more signed header", failure, auth("content-type;host", "content-type;host;x-tc-action")},
		{"host unsigned", invalid, auth("content-type;host", "content-type")},
		{"upper case headers", invalid, auth("content-type;host", "Content-Type;Host")},
		{"signature cut", invalid, auth("Signature=", "Signature=00")},
		{"another algorithm", invalid, auth("TC3-HMAC-SHA256", "TC3-HMAC-MD5")},
		{"signature twice", invalid, auth("SignedHeaders=", "Signature=00, SignedHeaders=")},
		{"payload declared unsigned", failure, header("X-TC-Content-SHA256", unsignedPayload)},
		{"query added", failure, func() *http.Request { r := good(); r.URL.RawQuery = "IsDelayLive=1"; return r }},
		{"encoding of the query", failure, func() *http.Request {
			r := w.tc3(func(x *tc3) { x.method, x.body, x.query = "GET", "", "IsDelayLive=0" })
			r.URL.RawQuery = "IsDelayLive=%30"
			return r
		}},
		{"method", failure, func() *http.Request { r := good(); r.Method = "GET"; return r }},
		{"a token", codeTokenFailure, header("X-TC-Token", "x")},
		{"v1: value", failure, form("GET", "TemplateName=t", "TemplateName=u")},
		{"v1: parameter gone", failure, form("POST", "FlvParam.Enable=1&", "")},
		{"v1: parameter more", failure, form("POST", "Description=d", "Description=d&Mp4Param.Enable=1")},
		{"v1: twice", codeInvalidRequest, form("GET", "Description=d", "Description=d&Description=e")},
		{"v1: encoding broken", codeInvalidRequest, form("GET", "Description=d", "Description=%zz")},
		{"v1: joined", failure, joined},
		{"v1: algorithm", failure, form("GET", "HmacSHA256", "HmacSHA1")},
		{"v1: unknown algorithm", codeInvalid, form("GET", "HmacSHA256", "None")},
		{"v1: no nonce", codeMissing, form("GET", "Nonce=11886", "Nonce=")},
		{"v1: nonce", failure, form("GET", "Nonce=11886", "Nonce=11887")},
		{"v1: time", failure, form("POST", fmt.Sprintf("Timestamp=%d", now), fmt.Sprintf("Timestamp=%d", now-1))},
		{"v1: old", codeSignatureExpire, form("POST", fmt.Sprintf("Timestamp=%d", now), "Timestamp=1465185768")},
		{"v1: method", failure, func() *http.Request {
			return w.v1("POST", host, w.signV1("GET", host, "CreateLiveRecordTemplate", "HmacSHA1", create))
		}},
		{"v1: host", failure, func() *http.Request {
			return w.v1("GET", "evil.example.com", w.signV1("GET", host, "CreateLiveRecordTemplate", "HmacSHA1", create))
		}},
		{"v1: body of a GET", codeInvalidRequest, func() *http.Request {
			r := w.v1("GET", host, w.signV1("GET", host, "CreateLiveRecordTemplate", "HmacSHA1", create))
			n := httptest.NewRequest("GET", r.URL.String(), strings.NewReader("x"))
			n.RemoteAddr = r.RemoteAddr
			return n
		}},
		{"v1: query of a POST", codeInvalidRequest, func() *http.Request {
			r := w.v1("POST", host, w.signV1("POST", host, "CreateLiveRecordTemplate", "HmacSHA1", create))
			r.URL.RawQuery = "TemplateName=u"
			return r
		}},
		{"no signature at all", invalid, func() *http.Request {
			r := good()
			r.Header.Del("Authorization")
			r.Header.Set("Cookie", "session=admin")
			return r
		}},
	}
	require.GreaterOrEqual(t, len(cases), 40)
	require.Empty(t, codeOf(w.do(good())))
	for _, c := range cases {
		w.remote = nextRemote(w.remote) // or the limiter hides the reason
		out := w.do(c.request())
		require.Equal(t, c.code, codeOf(out), "%s: %v", c.what, out)
	}
	require.Zero(t, w.plans.Load())
}

func nextRemote(remote string) string {
	return netip.MustParseAddrPort(remote).Addr().Next().String() + ":1"
}

func TestSizes(t *testing.T) {
	w := newWorld(t)
	w.refused(codeSizeLimit, "DescribeLiveRecordRules", strings.Repeat(" ", maxTC3Body+1))
	w.ok("DescribeLiveRecordRules", strings.Repeat(" ", maxTC3Body-2)+"{}")
	r := w.v1("POST", "127.0.0.1", strings.Repeat("a", maxV1Body+1))
	require.Equal(t, codeSizeLimit, codeOf(w.do(r)))
	r.ContentLength = -1
	require.Equal(t, codeSizeLimit, codeOf(w.do(w.v1("POST", "127.0.0.1", strings.Repeat("a", maxV1Body+1)))))
	r = w.v1("GET", "127.0.0.1", strings.Repeat("a", maxQuery+1))
	require.Equal(t, codeSizeLimit, codeOf(w.do(r)))
}

// A good signature is answered however many bad ones came from its address: a
// script with an old key must not shut out the one with the new.
func TestTooManyFailuresNeverRefuseAGoodSignature(t *testing.T) {
	w := newWorld(t)
	bad := func() string { return codeOf(w.do(w.tc3(func(x *tc3) { x.key = "guess" }))) }
	for range failBurst {
		require.Equal(t, codeSignatureFailure, bad())
	}
	require.Equal(t, codeIPLimit, bad())
	w.ok("DescribeLiveRecordRules", `{}`)
	require.Empty(t, codeOf(w.do(w.v1("GET", "127.0.0.1", w.signV1("GET", "127.0.0.1", "DescribeLiveRecordRules", "", nil)))))
	require.Equal(t, codeIPLimit, bad())
	require.Equal(t, 1, strings.Count(w.log.String(), "was refused"))
	require.Equal(t, Stats{Requests: failBurst + 4, Errors: failBurst + 2, AuthFailures: failBurst, Limited: 2}, w.Stats())
	remote := w.remote
	w.remote = "198.51.100.8:1234"
	require.Equal(t, codeSignatureFailure, bad())
	w.remote = remote
	w.clock = w.clock.Add(failRefill)
	require.Equal(t, codeSignatureFailure, bad())
	require.Equal(t, codeIPLimit, bad())
}

func TestLimiterForgetsAndStaysSmall(t *testing.T) {
	var l limiter
	now := time.Unix(0, 0)
	for i := range maxRemotes + 100 {
		l.failed(remoteOf(fmt.Sprintf("[2001:db8:%x:%x::1]:1", i/65536, i%65536)), now)
	}
	require.LessOrEqual(t, len(l.remotes), maxRemotes)
	now = now.Add(failRefill)
	for i := range 1000 { // what is forgiven goes as soon as there is no room
		l.failed(remoteOf(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256)), now)
	}
	if n := len(l.remotes); n > 1000 {
		t.Errorf("%d remotes are remembered, not 1000 at most", n)
	}
	require.Equal(t, remoteOf("[2001:db8::1]:1"), remoteOf("[2001:db8::2]:9"))
	require.Equal(t, remoteOf("10.0.0.1:1"), remoteOf("[::ffff:10.0.0.1]:2"))
}

func FuzzAuthorization(f *testing.F) {
	f.Add("TC3-HMAC-SHA256 Credential=AKID/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168")
	f.Add("TC3-HMAC-SHA256 Credential=a/b/localhost:1/tc3_request,SignedHeaders=host;content-type,Signature=")
	f.Fuzz(func(t *testing.T, header string) {
		a, ok := parseTC3(header)
		if !ok {
			return
		}
		if len(a.mac) != 32 || a.secretID == "" || strings.Contains(a.scope()[len(a.date)+1:len(a.date)+1+len(a.service)], "/") {
			t.Fatalf("%+v", a)
		}
		r := httptest.NewRequest("POST", "/", nil)
		_ = tc3Signature(a, r, "h", nil, "k")
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("Action=CreateLiveRecordTemplate&FlvParam.Enable=1&RecordExceptionLevels.0=error&Description=%E6%A8%A1+%26x=1&SignatureMethod=HmacSHA256")
	f.Add("a.b=1&a=2&a.b.c=3&.=4&..=5")
	f.Fuzz(func(t *testing.T, raw string) {
		flat, err := parseQuery(raw)
		if err != nil {
			return
		}
		_ = ambiguous(flat)
		_ = v1Signature("GET", "h", flat, "k")
		o, err := parseForm(flat)
		if err != nil {
			return
		}
		fuzzDecode(t, o)
	})
}
