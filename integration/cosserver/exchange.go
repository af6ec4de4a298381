package cosserver

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// failure is an error answer.
type failure struct {
	status        int
	code, message string
}

func fail(status int, code, message string) *failure { return &failure{status, code, message} }

// exchange is one request and its answer.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	query pairs
	fault Fault
	entry Request
}

// drop ends the connection without (the rest of) an answer.
func drop() { panic(http.ErrAbortHandler) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: s, w: w, r: r, query: parsePairs(r.URL.RawQuery, true)}
	x.entry = Request{Start: time.Now(), Method: r.Method}
	defer func() {
		x.entry.Took = time.Since(x.entry.Start)
		s.log.add(x.entry)
	}()
	if s.outage.Load() {
		drop()
	}
	time.Sleep(s.opts.Latency)
	if f := x.route(); f != nil {
		x.refuse(f)
	}
}

// route finds out what is asked, lets faults strike, checks rights, and does it.
func (x *exchange) route() *failure {
	x.w.Header().Set("Date", x.s.now().UTC().Format(http.TimeFormat))
	x.w.Header().Set("X-Cos-Request-Id", fmt.Sprintf("%x", x.entry.Start.UnixNano()))
	x.w.Header().Set("Server", "tencent-cos")
	path, ok := strings.CutPrefix(x.r.URL.Path, x.s.opts.Path)
	if !ok || (path != "" && path[0] != '/') {
		return fail(404, "NoSuchBucket", "The specified bucket does not exist.")
	}
	x.entry.Key = strings.TrimPrefix(path, "/")
	x.entry.UploadID = x.query.get("uploadId")
	x.entry.Part, _ = strconv.Atoi(x.query.get("partNumber"))
	do, public := x.operation()
	x.fault = x.s.faults.pick(x.entry.Op, x.entry.Key, x.entry.Part)
	x.entry.Fault = x.fault.Kind
	if x.stranger() {
		return nil
	}
	if f := x.refusal(); f != nil {
		return f
	}
	if otherBucket(x.r.Host, x.s.opts.Bucket) {
		return fail(404, "NoSuchBucket", "The specified bucket does not exist.")
	}
	signed := x.r.Header.Get("Authorization") != "" || x.query.get("q-signature") != ""
	if signed || !public || !x.s.opts.PublicRead {
		if f := x.s.authorize(x.r, x.query); f != nil {
			return f
		}
	}
	if do == nil {
		return fail(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	}
	if len(x.entry.Key) > 850 {
		return fail(400, "KeyTooLong", "The object key is longer than 850 bytes.")
	}
	return do()
}

// operation names what is asked and returns what does it; public operations
// need no signature in a bucket that everyone may read.
func (x *exchange) operation() (do func() *failure, public bool) {
	has := func(name string) bool { return x.hasParam(name) }
	set := func(op string, f func() *failure) func() *failure { x.entry.Op = op; return f }
	object := x.entry.Key != ""
	switch m := x.r.Method; {
	case m == "GET" && has("uploads"):
		return set("list-uploads", x.listUploads), false
	case m == "GET" && has("lifecycle"):
		return set("lifecycle", x.lifecycle), false
	case m == "GET" && object && has("tagging"):
		return set("tagging", x.tagging), false
	case m == "GET" && object && has("uploadId"):
		return set("list-parts", x.listParts), false
	case m == "GET" && !object:
		return set("list", x.list), true
	case m == "GET":
		return set("get", x.get), true
	case m == "HEAD" && object:
		return set("head", x.get), true
	case m == "HEAD":
		return set("head-bucket", func() *failure { x.answer(200, nil); return nil }), true
	case m == "PUT" && object && has("partNumber"):
		return set("part", x.putPart), false
	case m == "PUT" && object && len(x.query) == 0:
		return set("put", x.put), false
	case m == "POST" && object && has("uploads"):
		return set("initiate", x.initiate), false
	case m == "POST" && object && has("uploadId"):
		return set("complete", x.complete), false
	case m == "DELETE" && object && has("uploadId"):
		return set("abort", x.abort), false
	case m == "DELETE" && object:
		return set("delete", x.delete), false
	}
	return set("other", nil), false
}

func (x *exchange) hasParam(name string) bool {
	for _, kv := range x.query {
		if kv[0] == name {
			return true
		}
	}
	return false
}

// otherBucket tells whether host names a bucket that is not ours.
func otherBucket(host, bucket string) bool {
	label, rest, found := strings.Cut(host, ".")
	return found && strings.HasPrefix(rest, "cos.") && label != bucket
}

// refusal returns the error of faults that refuse.
func (x *exchange) refusal() *failure {
	switch x.fault.Kind {
	case Denied:
		return fail(403, "AccessDenied", "Access Denied.")
	case BadKey:
		return fail(403, "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.")
	case BadSignature:
		return fail(403, "SignatureDoesNotMatch", "The Signature you specified is invalid.")
	case Skewed:
		return fail(403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.")
	case NoBucket:
		return fail(404, "NoSuchBucket", "The specified bucket does not exist.")
	case SlowDown:
		x.w.Header().Set("Retry-After", "1")
		return fail(503, "SlowDown", "Reduce your request rate.")
	case Internal:
		return fail(500, "InternalError", "We encountered an internal error. Please try again.")
	case DenyUpload:
		return errNoUpload
	case ForgetUpload:
		x.forgetUpload()
	case Outage:
		x.s.outage.Store(true)
		time.AfterFunc(x.fault.Delay, func() { x.s.outage.Store(false) })
		drop()
	}
	return nil
}

// stranger answers in place of the store, as what stands between a client and
// COS may: a captive portal, a web front end, a broken proxy.
func (x *exchange) stranger() bool {
	h, body := x.w.Header(), ""
	status := http.StatusOK
	switch x.fault.Kind {
	case Hollow: // it says that it is COS
	case AllThere:
		x.sums("0123456789abcdef0123456789abcdef", 1)
	case Portal, Redirect, Bare:
		h.Del("X-Cos-Request-Id")
		h.Set("Server", "nginx")
	default:
		return false
	}
	switch x.fault.Kind {
	case Portal:
		body = "<!DOCTYPE html><html><head><title>Log in</title></head><body>Welcome to the guest network.</body></html>"
		h.Set("Content-Type", "text/html; charset=utf-8")
	case Redirect:
		status = http.StatusFound
		h.Set("Location", "http://portal.invalid/login")
	}
	n, _ := io.Copy(io.Discard, io.LimitReader(x.r.Body, 64<<20))
	x.entry.Size += n
	x.entry.Status = status
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		io.WriteString(x.w, body) //nolint:errcheck // the client may be gone
	}
	return true
}

// mangle spoils the body of an answer.
func (x *exchange) mangle(body []byte) []byte {
	switch x.fault.Kind {
	case Garbage:
		return []byte("lp0 on fire\x00<not xml")
	case Truncated:
		return body[:len(body)/2]
	}
	return body
}

// refuse answers with an error. The body is read first, so that the answer
// arrives and is not lost in a reset connection.
func (x *exchange) refuse(f *failure) {
	n, _ := io.Copy(io.Discard, io.LimitReader(x.r.Body, 64<<20))
	x.entry.Size += n
	x.entry.Code = f.code
	type xmlError struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Resource  string
		RequestID string `xml:"RequestId"`
	}
	x.answer(f.status, xmlError{
		Code: f.code, Message: f.message, Resource: x.r.Host + x.r.URL.Path,
		RequestID: x.w.Header().Get("X-Cos-Request-Id"),
	})
}

// answer writes a status and, unless it is nil, an XML document.
func (x *exchange) answer(status int, document any) {
	x.afterwards()
	x.entry.Status = status
	var body []byte
	if document != nil && x.r.Method != "HEAD" {
		x.w.Header().Set("Content-Type", "application/xml")
		body = x.mangle(marshal(document))
	}
	if status != http.StatusNoContent {
		x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	x.w.WriteHeader(status)
	x.w.Write(body) //nolint:errcheck // the client may be gone
}

// afterwards lets faults strike that come between the effect and the answer.
func (x *exchange) afterwards() {
	switch x.fault.Kind {
	case DropAfter:
		drop()
	case StallAnswer:
		x.pause()
		drop()
	case WrongETag:
		x.w.Header().Set("ETag", `"00000000000000000000000000000000"`)
	case WrongCRC:
		x.w.Header().Set("X-Cos-Hash-Crc64ecma", "1")
	case NoSums:
		x.w.Header().Del("ETag")
		x.w.Header().Del("X-Cos-Hash-Crc64ecma")
	}
}

// pause waits as long as the fault says, or until the client is gone.
func (x *exchange) pause() {
	select {
	case <-time.After(x.fault.Delay):
	case <-x.r.Context().Done():
	case <-x.s.closed:
	}
}

func marshal(document any) []byte {
	text, err := xml.Marshal(document)
	if err != nil {
		panic(err) // only plain types in there
	}
	return append([]byte(xml.Header), text...)
}

// body stores what the request carries, with the faults of bodies.
func (x *exchange) body() (*blob, *failure) {
	length := x.r.ContentLength
	if length < 0 && x.entry.Op == "part" {
		return nil, fail(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	w, err := x.s.data.newWriter(length)
	if err != nil {
		return nil, fail(500, "InternalError", err.Error())
	}
	defer func() {
		if p := recover(); p != nil {
			w.abandon()
			panic(p)
		}
	}()
	if err := x.receive(w, length); err != nil {
		w.abandon()
		return nil, fail(400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length.")
	}
	b, err := w.finish()
	if err != nil {
		return nil, fail(500, "InternalError", err.Error())
	}
	return b, nil
}

func (x *exchange) receive(w *writer, length int64) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := x.r.Body.Read(buf)
		if x.s.outage.Load() {
			drop()
		}
		x.s.meter.wait(n)
		if x.fault.Kind == Corrupt && x.entry.Size == 0 && n > 0 {
			buf[n/2] ^= 1
		}
		x.entry.Size += int64(n)
		if _, err := w.Write(buf[:n]); err != nil {
			return err
		}
		x.inBody(length, n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// inBody lets faults strike in the middle of a body.
func (x *exchange) inBody(length int64, n int) {
	half := x.entry.Size >= length/2
	switch {
	case x.fault.Kind == Slow:
		time.Sleep(time.Duration(float64(n) / float64(x.fault.Rate) * float64(time.Second)))
	case x.fault.Kind == DropBefore && half:
		drop()
	case x.fault.Kind == Stall && half:
		x.pause()
		drop()
	}
}
