// Package store is the contract of a place where finished files go.
//
// local/ and cos/ implement it; one suite of tests (storetest) is passed by
// both. A store is dumb on purpose: it does one request and reports what the
// other side said. Retry, order, bookkeeping and pacing belong to package upload.
package store

import (
	"context"
	"errors"
	"io"
	"time"
)

// Object describes what is stored with an object.
type Object struct {
	Key         string // relative, clean, '/'-separated; see plan.Key
	ContentType string
	// Disposition is the file name offered to a browser, empty = none.
	Disposition string
	// Meta is user metadata; values are arbitrary text, the store encodes them.
	Meta map[string]string
	Tags map[string]string
	// Keep > 0 asks the store to expire the object after that time.
	Keep time.Duration
}

// Result is what the store says about a stored object or part.
type Result struct {
	ETag string
	Size int64
	// CRC64 (ECMA) as the store reports it; valid if HasCRC.
	CRC64  uint64
	HasCRC bool
	// Meta is the user metadata, of Head only; names in lower case.
	Meta map[string]string
}

// Part is one part of a multipart upload.
type Part struct {
	Number int
	Size   int64
	ETag   string
	CRC64  uint64
	HasCRC bool
}

// Upload is an open multipart upload found in the store.
type Upload struct {
	Key, ID string
	Started time.Time
}

// Remote is an object store that takes files in parts.
// Every method honours ctx, does no retry, and returns an *Error.
type Remote interface {
	Put(ctx context.Context, o Object, body io.ReaderAt, size int64) (Result, error)
	Initiate(ctx context.Context, o Object) (uploadID string, err error)
	UploadPart(ctx context.Context, key, uploadID string, number int, body io.ReaderAt, size int64) (Part, error)
	ListParts(ctx context.Context, key, uploadID string) ([]Part, error)
	// Complete joins the parts. It reads the answer to its end: COS may answer
	// 200 and report an error afterwards. It returns what is known about the
	// whole object; with an error the effect is unknown: ask Head.
	Complete(ctx context.Context, key, uploadID string, parts []Part) (Result, error)
	Abort(ctx context.Context, key, uploadID string) error
	ListUploads(ctx context.Context, prefix string) ([]Upload, error)
	Head(ctx context.Context, key string) (Result, error) // KindNotFound if absent
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
	// URL returns the address of an object for notifications; signed if the
	// store is configured so.
	URL(key string) string
	// MinPart is the smallest size of any part but the last.
	MinPart() int64
}

// Kind sorts errors by what to do about them.
type Kind int

const (
	// KindTemporary heals by itself: network, 5xx, 429, throttling. Retry.
	KindTemporary Kind = iota
	// KindNotFound tells that there is no such key.
	KindNotFound
	// KindNoUpload tells that the store does not know the upload (any more).
	// Restart it from the spool, unless it holds what the spool gave back.
	KindNoUpload
	// KindBadPart tells that Complete refused the list of parts. List and send again.
	KindBadPart
	// KindCorrupt tells that the store has other bytes than were sent. Send again.
	KindCorrupt
	// KindPermanent cannot heal without a human: 403, no such bucket, bad name.
	KindPermanent
	// KindNotStore tells that something else answered in the store's place: a
	// captive portal, a web front end, a proxy. Nothing is known about the
	// object. Wait and retry; Remedy says what a human can do.
	KindNotStore
)

// Error is any failure of a store.
type Error struct {
	Op     string // "put", "upload part", …
	Key    string
	Kind   Kind
	Code   string // the store's own code, e.g. AccessDenied
	Status int    // HTTP status, 0 if there was no answer
	// Remedy tells an operator what to do; set for all errors that do not heal
	// by themselves.
	Remedy string
	// RetryAfter is the store's wish, 0 if none.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string {
	s := e.Op + " " + e.Key + ": "
	if e.Code != "" {
		s += e.Code + ": "
	}
	if e.Err != nil {
		s += e.Err.Error()
	}
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of a store's error; errors of other origin are temporary.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindTemporary
}
