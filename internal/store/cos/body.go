package cos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/live-recording/liverecord/internal/store/crc64"
)

// upload is the body of one request, read from a source that the caller owns.
// After finish the source is not touched any more, whatever net/http's
// goroutines still do.
type upload struct {
	size int64

	mu     sync.Mutex
	source io.ReaderAt // nil after finish
	sum    crc64.Sum   // of what was read since open
	failed error       // the source's error
}

func newUpload(source io.ReaderAt, size int64) *upload { return &upload{source: source, size: size} }

// open returns a reader over the whole body. net/http opens a second one if the
// connection was dead before it had read anything of the first.
func (u *upload) open(ctx context.Context, dog *watchdog, pace *pace) io.ReadCloser {
	u.mu.Lock()
	u.sum = crc64.Sum{}
	u.mu.Unlock()
	return &bodyReader{ctx: ctx, upload: u, dog: dog, pace: pace}
}

// finish takes the source back and returns the sum of what was sent.
func (u *upload) finish() (crc64.Sum, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.source = nil
	return u.sum, u.failed
}

// next fills p with the following bytes of the source.
func (u *upload) next(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.source == nil {
		return 0, errors.New("the request is over")
	}
	left := u.size - u.sum.Size
	if left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), left)]
	n, err := u.source.ReadAt(p, u.sum.Size)
	u.sum = u.sum.Add(p[:n])
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	u.failed = fmt.Errorf("reading the file to send, %d of %d bytes: %w", u.sum.Size, u.size, err)
	return n, u.failed
}

// bodyReader gives the body to net/http, no faster than the bandwidth allows.
type bodyReader struct {
	ctx    context.Context
	upload *upload
	dog    *watchdog
	pace   *pace
}

// Read implements io.Reader. Being asked for more is the sign of progress; the
// time in here (bandwidth, our disk) is not the other side's fault.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.dog.stop()
	defer r.dog.reset()
	n, err := r.upload.next(p)
	if n > 0 {
		if waited := r.pace.wait(r.ctx, n); waited != nil {
			return 0, waited
		}
	}
	return n, err
}

// Close implements io.Closer. The source is the caller's.
func (r *bodyReader) Close() error { return nil }
