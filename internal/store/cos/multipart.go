package cos

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/live-recording/liverecord/internal/store"
)

// Initiate opens a multipart upload. If the answer is lost the upload exists
// all the same; ListUploads finds it.
func (s *Store) Initiate(ctx context.Context, o store.Object) (string, error) {
	c := &call{}
	opt := &sdk.InitiateMultipartUploadOptions{ObjectPutHeaderOptions: s.headers(o)}
	res, resp, err := s.client.Object.InitiateMultipartUpload(s.begin(ctx, c), o.Key, opt)
	if err != nil {
		return "", s.fail("initiate", o.Key, c, resp, err)
	}
	if res.UploadID == "" {
		return "", unclear("initiate", o.Key, errNoAnswer)
	}
	return res.UploadID, nil
}

// UploadPart sends size bytes of body as part number (1 to 10,000), in any
// order; the same number again replaces the earlier one.
func (s *Store) UploadPart(ctx context.Context, key, uploadID string, number int,
	body io.ReaderAt, size int64,
) (store.Part, error) {
	c, reader := bodyOf(body, size)
	opt := &sdk.ObjectUploadPartOptions{ContentLength: size}
	resp, err := s.client.Object.UploadPart(s.begin(ctx, c), key, uploadID, number, reader, opt)
	part, err := s.sent("upload part", key, c, resp, err)
	part.Number = number
	return part, err
}

// errHalfList is a list that says that it goes on, but not where.
var errHalfList = errors.New("the list is cut off")

// ListParts returns all parts that the store has, by number. COS tells no CRC
// here: HasCRC is false.
func (s *Store) ListParts(ctx context.Context, key, uploadID string) ([]store.Part, error) {
	var parts []store.Part
	opt := &sdk.ObjectListPartsOptions{}
	for {
		c := &call{}
		res, resp, err := s.client.Object.ListParts(s.begin(ctx, c), key, uploadID, opt)
		if err != nil {
			return nil, s.fail("list parts", key, c, resp, err)
		}
		if res.XMLName.Local == "" || res.UploadID != "" && res.UploadID != uploadID {
			return nil, unclear("list parts", key, errNoAnswer) // the SDK takes an empty body for an empty list
		}
		for _, p := range res.Parts {
			parts = append(parts, store.Part{Number: p.PartNumber, Size: p.Size, ETag: bareETag(p.ETag)})
		}
		if !res.IsTruncated {
			return parts, nil
		}
		if res.NextPartNumberMarker == opt.PartNumberMarker {
			return nil, unclear("list parts", key, errHalfList)
		}
		opt.PartNumberMarker = res.NextPartNumberMarker
	}
}

// Complete joins the parts, which must stand in ascending order and start at 1.
// Size of the result is the sum of the parts'. With an error the effect is
// unknown: ask Head.
func (s *Store) Complete(ctx context.Context, key, uploadID string, parts []store.Part) (store.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.CompleteTimeout)
	defer cancel()
	opt := &sdk.CompleteMultipartUploadOptions{}
	result := store.Result{}
	for _, p := range parts {
		opt.Parts = append(opt.Parts, sdk.Object{PartNumber: p.Number, ETag: `"` + bareETag(p.ETag) + `"`})
		result.Size += p.Size
	}
	c := &call{stall: s.opts.CompleteStall, capture: true}
	res, resp, err := s.client.Object.CompleteMultipartUpload(s.begin(ctx, c), key, uploadID, opt)
	if err != nil {
		return store.Result{}, s.fail("complete", key, c, resp, completeError(resp, c, err))
	}
	if res.ETag == "" {
		return store.Result{}, unclear("complete", key, errNoETag)
	}
	told := resultOf(resp.Header)
	result.ETag, result.CRC64, result.HasCRC = bareETag(res.ETag), told.CRC64, told.HasCRC
	return result, nil
}

// completeError finds the error in an answer that began as 200. The SDK knows
// that there is one, not which.
func completeError(resp *sdk.Response, c *call, err error) error {
	if resp == nil || resp.StatusCode != http.StatusOK {
		return err
	}
	late := sdk.ErrorResponse{Response: resp.Response}
	if xml.Unmarshal(c.answer.Bytes(), &late) == nil && late.Code != "" {
		return &late
	}
	var broken *sdk.RetryError // reading failed; it says how
	if errors.As(err, &broken) {
		return err
	}
	return errNoAnswer // spaces and then nothing, or not XML
}

// Abort drops an upload and its parts. An upload that the store doesn't know is
// KindNoUpload.
func (s *Store) Abort(ctx context.Context, key, uploadID string) error {
	c := &call{}
	resp, err := s.client.Object.AbortMultipartUpload(s.begin(ctx, c), key, uploadID)
	if err != nil {
		return s.fail("abort", key, c, resp, err)
	}
	return nil
}

// ListUploads returns the open uploads of all keys that begin with prefix.
// Keys travel unencoded (no encoding-type): ours hold nothing that XML forbids.
func (s *Store) ListUploads(ctx context.Context, prefix string) ([]store.Upload, error) {
	var uploads []store.Upload
	opt := &sdk.ListMultipartUploadsOptions{Prefix: prefix, MaxUploads: 1000}
	for {
		c := &call{}
		res, resp, err := s.client.Bucket.ListMultipartUploads(s.begin(ctx, c), opt)
		if err != nil {
			return nil, s.fail("list uploads", prefix, c, resp, err)
		}
		if res.XMLName.Local == "" {
			return nil, unclear("list uploads", prefix, errNoAnswer)
		}
		for _, u := range res.Uploads {
			started, _ := time.Parse(time.RFC3339, u.Initiated)
			uploads = append(uploads, store.Upload{Key: u.Key, ID: u.UploadID, Started: started})
		}
		same := res.NextKeyMarker == opt.KeyMarker && res.NextUploadIDMarker == opt.UploadIDMarker
		if !res.IsTruncated {
			return uploads, nil
		}
		if same {
			return nil, unclear("list uploads", prefix, errHalfList)
		}
		opt.KeyMarker, opt.UploadIDMarker = res.NextKeyMarker, res.NextUploadIDMarker
	}
}
