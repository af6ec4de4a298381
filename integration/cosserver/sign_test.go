package cosserver

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPublishedVector is the example of Tencent's document on signatures
// (436/7778): upload of an object.
func TestPublishedVector(t *testing.T) {
	const (
		key     = "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz"
		keyTime = "1557989151;1557996351"
		headers = "content-length=13&content-md5=mQ%2FfVh815F3k6TAUm8m0eg%3D%3D&content-type=text%2Fplain&" +
			"date=Thu%2C%2016%20May%202019%2006%3A45%3A51%20GMT&host=examplebucket-1250000000.cos.ap-beijing.myqcloud.com&" +
			"x-cos-acl=private&x-cos-grant-read=uin%3D%22100000000011%22"
	)
	text := "put\n/exampleobject(腾讯云)\n\n" + headers + "\n"
	require.Equal(t, "3b8851a11a569213c17ba8fa7dcf2abec6935172", sign(key, keyTime, text))
}

// signed makes a request signed by hand, by the steps of the document.
func signed(method, target string, headers map[string]string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader("body"))
	now := time.Now().Unix()
	span := strconv.FormatInt(now-10, 10) + ";" + strconv.FormatInt(now+600, 10)
	list, text := "content-length;host", "content-length=4&host="+escape(r.Host)
	for _, name := range []string{"x-cos-meta-a", "x-cos-security-token"} { // already in order
		if v, ok := headers[name]; ok {
			r.Header.Set(name, v)
			list += ";" + name
			text += "&" + name + "=" + escape(v)
		}
	}
	query := parsePairs(r.URL.RawQuery, true)
	params, paramText := []string{}, []string{}
	for _, kv := range query {
		params = append(params, strings.ToLower(escape(kv[0])))
		paramText = append(paramText, strings.ToLower(escape(kv[0]))+"="+escape(kv[1]))
	}
	full := strings.ToLower(method) + "\n" + r.URL.Path + "\n" + strings.Join(paramText, "&") + "\n" + text + "\n"
	r.Header.Set("Authorization", "q-sign-algorithm=sha1&q-ak="+DefaultSecretID+"&q-sign-time="+span+"&q-key-time="+span+
		"&q-header-list="+list+"&q-url-param-list="+strings.Join(params, ";")+"&q-signature="+sign(DefaultSecretKey, span, full))
	return r
}

func code(t *testing.T, s *Server, r *http.Request) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code < 300 {
		return ""
	}
	_, rest, _ := strings.Cut(w.Body.String(), "<Code>")
	text, _, _ := strings.Cut(rest, "</Code>")
	return text
}

func TestTamperedRequestsAreRefused(t *testing.T) {
	s, err := New(Options{})
	require.NoError(t, err)
	const target = "http://rec-1250000000.cos.local/a%2Fb%20c"
	fresh := func() *http.Request { return signed("PUT", target, map[string]string{"x-cos-meta-a": "1"}) }
	require.Empty(t, code(t, s, fresh()))
	edit := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
		}
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"method":          {func(r *http.Request) { r.Method = "DELETE" }, "SignatureDoesNotMatch"},
		"path":            {func(r *http.Request) { r.URL.Path += "x" }, "SignatureDoesNotMatch"},
		"host":            {func(r *http.Request) { r.Host = "evil" }, "SignatureDoesNotMatch"},
		"header":          {func(r *http.Request) { r.Header.Set("X-Cos-Meta-A", "2") }, "SignatureDoesNotMatch"},
		"more headers":    {func(r *http.Request) { r.Header.Set("X-Cos-Acl", "public-read") }, "SignatureDoesNotMatch"},
		"header removed":  {func(r *http.Request) { r.Header.Del("X-Cos-Meta-A") }, "SignatureDoesNotMatch"},
		"parameter":       {func(r *http.Request) { r.URL.RawQuery = "uploads" }, "SignatureDoesNotMatch"},
		"length":          {func(r *http.Request) { r.ContentLength = 3 }, "SignatureDoesNotMatch"},
		"signature":       {edit("q-signature=", "q-signature=0"), "SignatureDoesNotMatch"},
		"no signature":    {edit("q-signature=", "x="), "AccessDenied"},
		"not signed":      {func(r *http.Request) { r.Header.Del("Authorization") }, "AccessDenied"},
		"key":             {edit("q-ak=", "q-ak=x"), "InvalidAccessKeyId"},
		"algorithm":       {edit("sha1", "md5"), "SignatureDoesNotMatch"},
		"host not listed": {edit(";host", ""), "SignatureDoesNotMatch"},
		"time":            {edit("q-sign-time=1", "q-sign-time=2"), "SignatureDoesNotMatch"},
		"no time":         {edit("q-sign-time=", "x="), "SignatureDoesNotMatch"},
		"token not asked": {func(r *http.Request) { r.Header.Set("X-Cos-Security-Token", "x") }, "InvalidToken"},
	} {
		t.Run(name, func(t *testing.T) {
			r := fresh()
			c.change(r)
			require.Equal(t, c.want, code(t, s, r))
		})
	}
	require.Len(t, s.Objects(), 1)
}

func TestValidityInTime(t *testing.T) {
	s, err := New(Options{})
	require.NoError(t, err)
	for skew, want := range map[time.Duration]string{
		0: "", 5 * time.Minute: "", -14 * time.Minute: "", 20 * time.Minute: "RequestTimeTooSkewed", -20 * time.Minute: "RequestTimeTooSkewed",
	} {
		s.SetClockSkew(skew)
		require.Equal(t, want, code(t, s, signed("PUT", "http://h/k", nil)), skew)
	}
}

func TestSessionToken(t *testing.T) {
	s, err := New(Options{Token: "abc+/="})
	require.NoError(t, err)
	require.Equal(t, "InvalidToken", code(t, s, signed("PUT", "http://h/k", nil)))
	require.Empty(t, code(t, s, signed("PUT", "http://h/k", map[string]string{"x-cos-security-token": "abc+/="})))
	require.Equal(t, "InvalidToken", code(t, s, signed("PUT", "http://h/k", map[string]string{"x-cos-security-token": "abc"})))
}

func FuzzAuthorization(f *testing.F) {
	f.Add("q-sign-algorithm=sha1&q-ak="+DefaultSecretID+"&q-sign-time=1;2&q-key-time=1;2&q-header-list=host&q-url-param-list=&q-signature=x", "a=b;c")
	f.Add("", "q-signature=%")
	s, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, authorization, query string) {
		r := httptest.NewRequest("PUT", "http://h/k", strings.NewReader("x"))
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code < 300 {
			t.Fatalf("%q %q was let in", authorization, query)
		}
	})
}
