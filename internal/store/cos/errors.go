package cos

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/live-recording/liverecord/internal/store"
)

// errNoAnswer is a 200 that ended without saying what happened.
var errNoAnswer = errors.New("the answer ended without a result; the effect is unknown")

// errNoETag is a 200 that lacks what COS says of every object and part.
var errNoETag = errors.New("the answer has no ETag; the effect is unknown")

// unclear makes the *store.Error of a success that is none.
func unclear(op, key string, err error) error {
	return &store.Error{Op: op, Key: key, Kind: store.KindTemporary, Code: "UnclearAnswer", Status: http.StatusOK, Err: err}
}

// verdict is what an error code means for us.
type verdict struct {
	kind   store.Kind
	remedy string
}

// verdicts holds the codes of tencentcloud.com/document/product/436/7730 that
// their HTTP status alone does not explain, or that a human must act on.
var verdicts = map[string]verdict{
	"NoSuchKey":        {store.KindNotFound, ""},
	"NoSuchUpload":     {store.KindNoUpload, ""},
	"InvalidPart":      {store.KindBadPart, ""},
	"InvalidPartOrder": {store.KindBadPart, ""},
	"EntityTooSmall":   {store.KindBadPart, ""},

	"BadDigest":     {store.KindCorrupt, ""},
	"InvalidDigest": {store.KindCorrupt, ""},

	"InternalError":      {store.KindTemporary, ""},
	"SlowDown":           {store.KindTemporary, ""},
	"ServiceUnavailable": {store.KindTemporary, ""},
	"RequestTimeout":     {store.KindTemporary, ""},
	"IncompleteBody":     {store.KindTemporary, ""},
	"OperationAborted":   {store.KindTemporary, ""},

	"NoSuchBucket": {store.KindPermanent, "create the bucket, or correct bucket and region (or endpoint)"},
	"AccessDenied": {store.KindPermanent, "give the key PutObject, GetObject, HeadObject, DeleteObject, " +
		"PutObjectTagging and the multipart actions on this bucket and key prefix; `record doctor` shows which one is missing"},
	"InvalidAccessKeyId":        {store.KindPermanent, "correct secretID: the store does not know it, or it is disabled"},
	"SignatureDoesNotMatch":     {store.KindPermanent, "correct secretKey; behind a proxy, let it change neither Host nor path"},
	"InvalidSecretKey":          {store.KindPermanent, "correct secretKey"},
	"RequestTimeTooSkewed":      {store.KindPermanent, "set this machine's clock (NTP)"},
	"RequestIsExpired":          {store.KindPermanent, "set this machine's clock (NTP), or renew the temporary credentials"},
	"ExpiredToken":              {store.KindPermanent, "renew sessionToken with its pair, best in secretKeyFile"},
	"InvalidToken":              {store.KindPermanent, "correct sessionToken; it belongs to its secretID and secretKey"},
	"InvalidStorageClass":       {store.KindPermanent, "correct storageClass"},
	"UnavailableForLegalReason": {store.KindPermanent, "the account is in arrears or the bucket is blocked: see the console"},
}

// byStatus judges a code that verdicts does not know.
func byStatus(status int, code string) verdict {
	switch {
	case status == http.StatusNotFound && code == "":
		return verdict{store.KindNotFound, ""} // HEAD has no body
	case status == http.StatusForbidden:
		return verdicts["AccessDenied"]
	case status == http.StatusUnavailableForLegalReasons:
		return verdicts["UnavailableForLegalReason"]
	case status >= 300 && status < 400:
		return verdict{store.KindPermanent, "the bucket lives elsewhere: correct region or endpoint"}
	case status == http.StatusRequestTimeout, status == http.StatusConflict,
		status == http.StatusTooManyRequests, status >= 500, status < 300:
		return verdict{store.KindTemporary, ""}
	default:
		return verdict{store.KindPermanent, "the store refuses the request as it is: check key, storageClass, tags and endpoint"}
	}
}

// fail makes the *store.Error of a request that failed.
func (s *Store) fail(op, key string, c *call, resp *sdk.Response, err error) error {
	if c.upload != nil {
		_, _ = c.upload.finish() // the source is the caller's again
	}
	err = plain(err)
	e := &store.Error{Op: op, Key: key, Kind: store.KindTemporary, Err: err}
	if resp != nil && resp.Response != nil {
		e.Status = resp.StatusCode
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"))
	}
	var answer *sdk.ErrorResponse
	var strange *stranger
	switch {
	case errors.As(err, &strange):
		strange.judge(e)
	case errors.As(err, &answer):
		e.Code = answer.Code
		v, known := verdicts[answer.Code]
		if !known {
			v = byStatus(e.Status, answer.Code)
		}
		e.Kind, e.Remedy = v.kind, v.remedy
		e.Err = errors.New(describe(answer))
		if answer.Code == "RequestTimeTooSkewed" {
			e.Remedy += fmt.Sprintf("; the store's clock is %v ahead of it", s.Clock().Round(time.Second))
		}
	case errors.Is(err, errNoCredentials):
		e.Kind = store.KindPermanent
		e.Remedy = "set secretID and secretKey, or secretKeyFile, of store " + s.cfg.Name
	case errors.Is(err, sdk.ObjectKeySimplifyCheckErr):
		e.Kind, e.Remedy = store.KindPermanent, "this is no usable key"
	}
	return e
}

// describe says what the store said, in one line, with the id that Tencent's
// support asks for.
func describe(r *sdk.ErrorResponse) string {
	text := r.Message
	if text == "" {
		text = fmt.Sprintf("HTTP status %d", r.Response.StatusCode)
	}
	id := r.RequestID
	if id == "" {
		id = r.Response.Header.Get("X-Cos-Request-Id")
	}
	if id != "" {
		text += ", request " + id
	}
	return strings.Map(func(c rune) rune { // it is data, and goes to a log
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, text)
}

// plain takes off what the SDK and net/http wrap around an error: RetryError
// has no Unwrap, url.Error repeats the URL.
func plain(err error) error {
	for {
		var tries *sdk.RetryError
		var where *url.Error
		switch {
		case errors.As(err, &tries) && len(tries.Errs) > 0:
			err = tries.Errs[len(tries.Errs)-1]
		case errors.As(err, &where):
			err = where.Err
		default:
			return err
		}
	}
}

// retryAfter reads seconds or a date.
func retryAfter(text string) time.Duration {
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// localError is a body that we could not read ourselves.
func localError(op, key string, err error) error {
	return &store.Error{Op: op, Key: key, Kind: store.KindTemporary, Code: "LocalRead", Err: err}
}

// corruptError says that the store has other bytes than were sent.
func corruptError(op, key string, ours, theirs uint64) error {
	return &store.Error{
		Op: op, Key: key, Kind: store.KindCorrupt, Code: "CRC64", Status: http.StatusOK,
		Err: fmt.Errorf("sent bytes of CRC64 %d, the store has %d", ours, theirs),
	}
}
