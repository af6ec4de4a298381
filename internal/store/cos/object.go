package cos

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/crc64"
)

// Put stores size bytes of body as one object and replaces what was there.
// At most 5 GiB.
func (s *Store) Put(ctx context.Context, o store.Object, body io.ReaderAt, size int64) (store.Result, error) {
	c, reader := bodyOf(body, size)
	opt := &sdk.ObjectPutOptions{ObjectPutHeaderOptions: s.headers(o)}
	opt.ContentLength = size
	resp, err := s.client.Object.Put(s.begin(ctx, c), o.Key, reader, opt)
	r, err := s.sent("put", o.Key, c, resp, err)
	return store.Result{ETag: r.ETag, Size: size, CRC64: r.CRC64, HasCRC: r.HasCRC}, err
}

// bodyOf returns the call for a body, and what the SDK must believe to send.
// The transport puts the true reader in its place.
func bodyOf(body io.ReaderAt, size int64) (*call, io.Reader) {
	c := &call{upload: newUpload(body, size)}
	if size == 0 {
		// Of all readers of length 0 only this one is not sent chunked.
		return &call{}, bytes.NewReader(nil)
	}
	return c, io.NewSectionReader(body, 0, size)
}

// sent judges the answer to a body: its error, then its CRC64.
func (s *Store) sent(op, key string, c *call, resp *sdk.Response, err error) (store.Part, error) {
	var sum crc64.Sum
	if c.upload != nil {
		var failed error
		if sum, failed = c.upload.finish(); failed != nil && err != nil {
			return store.Part{}, localError(op, key, failed)
		}
	}
	if err != nil {
		return store.Part{}, s.fail(op, key, c, resp, err)
	}
	theirs := resultOf(resp.Header)
	if theirs.ETag == "" {
		return store.Part{}, unclear(op, key, errNoETag)
	}
	part := store.Part{ETag: theirs.ETag, Size: sum.Size, CRC64: sum.CRC, HasCRC: theirs.HasCRC}
	if theirs.HasCRC && theirs.CRC64 != sum.CRC {
		return part, corruptError(op, key, sum.CRC, theirs.CRC64)
	}
	return part, nil
}

// Head asks for an object's size, ETag and CRC64. KindNotFound if it is absent,
// and also if the bucket is: the answer to HEAD has no body that could tell.
func (s *Store) Head(ctx context.Context, key string) (store.Result, error) {
	c := &call{}
	resp, err := s.client.Object.Head(s.begin(ctx, c), key, nil)
	if err != nil {
		return store.Result{}, s.fail("head", key, c, resp, err)
	}
	res := resultOf(resp.Header)
	if res.ETag == "" {
		return store.Result{}, unclear("head", key, errNoETag)
	}
	res.Meta = metaOf(resp.Header)
	return res, nil
}

// Get opens an object. The caller closes it. A read may fail with an error
// that is temporary.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	c := &call{object: true}
	resp, err := s.client.Object.Get(s.begin(ctx, c), key, nil)
	if err != nil {
		return nil, s.fail("get", key, c, resp, err)
	}
	return resp.Body, nil
}

// Delete removes an object. It is no error if there is none.
func (s *Store) Delete(ctx context.Context, key string) error {
	c := &call{}
	resp, err := s.client.Object.Delete(s.begin(ctx, c), key)
	if err == nil {
		return nil
	}
	err = s.fail("delete", key, c, resp, err)
	if store.KindOf(err) == store.KindNotFound {
		return nil
	}
	return err
}

// resultOf reads what headers say about an object or part.
func resultOf(h http.Header) store.Result {
	r := store.Result{ETag: bareETag(h.Get("ETag"))}
	r.Size, _ = strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	crc, err := strconv.ParseUint(h.Get("X-Cos-Hash-Crc64ecma"), 10, 64)
	r.CRC64, r.HasCRC = crc, err == nil
	return r
}

// bareETag removes quotes: servers differ in where they put them.
func bareETag(etag string) string { return strings.Trim(etag, `"`) }
