package cos

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"
)

// errStalled ends a request whose other side stood still.
var errStalled = errors.New("the connection stood still")

// maxAnswer bounds what we read of any answer but an object: the SDK reads
// whatever comes into memory. A list of 1,000 entries has less than 2 MiB.
const maxAnswer = 16 << 20

// signatureLife is how long the signature of a request is valid. It is checked
// when the request arrives, so the length of the body does not matter.
const signatureLife = time.Hour

// call is what a method of Store tells the transport about its request.
type call struct {
	upload  *upload       // the body, nil if the SDK has it
	stall   time.Duration // how long the other side may stand still
	capture bool          // keep the answer's body
	answer  bytes.Buffer  // the answer's body, up to maxAnswer
	object  bool          // the answer is an object, of any size
}

type callKey struct{}

// transport sits below the SDK: it adds the path of the endpoint, signs, paces
// bodies and gives up what stands still.
type transport struct {
	prefix string
	keys   *credentials
	pace   *pace
	next   http.RoundTripper
	skew   atomic.Int64 // ns, server minus us
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := req.Context().Value(callKey{}).(*call)
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.Clone(ctx)
	t.addPath(req)
	if err := t.sign(req); err != nil {
		cancel(nil)
		return nil, err
	}
	dog := watch(c.stall, cancel)
	if c.upload != nil {
		req.Body, req.GetBody = c.upload.open(ctx, dog, t.pace), func() (io.ReadCloser, error) {
			return c.upload.open(ctx, dog, t.pace), nil
		}
		req.ContentLength = c.upload.size
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		dog.stop()
		err = orStalled(ctx, err)
		cancel(nil)
		return nil, err
	}
	if strange := strangeAnswer(resp); strange != nil {
		dog.stop()
		resp.Body.Close()
		cancel(nil)
		return nil, strange
	}
	dog.reset()
	t.noteDate(resp)
	resp.Body = &answer{ctx: ctx, cancel: cancel, dog: dog, call: c, body: resp.Body}
	return resp, nil
}

// addPath puts the path of the endpoint in front of the request's.
func (t *transport) addPath(req *http.Request) {
	if t.prefix == "" {
		return
	}
	u := req.URL
	escaped := escapePath(t.prefix) + u.EscapedPath()
	u.Path, u.RawPath = t.prefix+u.Path, escaped
}

func (t *transport) sign(req *http.Request) error {
	k, err := t.keys.current()
	if err != nil {
		return err
	}
	sdk.AddAuthorizationHeader(k.id, k.key, k.token, req, sdk.NewAuthTime(signatureLife))
	return nil
}

func (t *transport) noteDate(resp *http.Response) {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// A Date has whole seconds; on average half of one was cut off.
		t.skew.Store(int64(time.Until(date) + time.Second/2))
	}
}

// orStalled returns errStalled if that is why the request ended, else err.
func orStalled(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// watchdog cancels a request after a time without progress.
type watchdog struct {
	timer *time.Timer
	limit time.Duration
}

func watch(limit time.Duration, cancel context.CancelCauseFunc) *watchdog {
	return &watchdog{time.AfterFunc(limit, func() { cancel(errStalled) }), limit}
}

func (w *watchdog) reset() { w.timer.Reset(w.limit) }
func (w *watchdog) stop()  { w.timer.Stop() }

// answer is the body of an answer. Only time spent in Read counts as standing
// still; what the caller does in between is its own business.
type answer struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	dog    *watchdog
	call   *call
	body   io.ReadCloser
	read   int64
}

func (a *answer) Read(p []byte) (int, error) {
	a.dog.reset()
	n, err := a.body.Read(p)
	a.dog.stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = orStalled(a.ctx, err)
	}
	a.read += int64(n)
	if !a.call.object && a.read > maxAnswer {
		return 0, errors.New("the answer is longer than any that COS gives")
	}
	if a.call.capture {
		a.call.answer.Write(p[:n])
	}
	return n, err
}

func (a *answer) Close() error {
	a.dog.stop()
	err := a.body.Close()
	a.cancel(nil)
	return err
}

// escapePath escapes a path for a URL; slashes stay.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = escape(p)
	}
	return strings.Join(parts, "/")
}
