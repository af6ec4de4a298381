package cos_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/crc64"
	"github.com/live-recording/liverecord/internal/store/storetest"
)

func put(t *testing.T, s *cos.Store, key string, size int) error {
	t.Helper()
	_, err := s.Put(t.Context(), store.Object{Key: key}, bytes.NewReader(storetest.Bytes(size, 1)), int64(size))
	return err
}

func failure(t *testing.T, err error) *store.Error {
	t.Helper()
	var e *store.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestFaultsOfAnyRequest(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	for _, c := range []struct {
		fault  string
		kind   store.Kind
		code   string
		status int
		remedy string
		stored bool // all the same
	}{
		{cosserver.Denied, store.KindPermanent, "AccessDenied", 403, "PutObject", false},
		{cosserver.BadKey, store.KindPermanent, "InvalidAccessKeyId", 403, "secretID", false},
		{cosserver.BadSignature, store.KindPermanent, "SignatureDoesNotMatch", 403, "secretKey", false},
		{cosserver.Skewed, store.KindPermanent, "RequestTimeTooSkewed", 403, "clock", false},
		{cosserver.NoBucket, store.KindPermanent, "NoSuchBucket", 404, "create the bucket", false},
		{cosserver.SlowDown, store.KindTemporary, "SlowDown", 503, "", false},
		{cosserver.Internal, store.KindTemporary, "InternalError", 500, "", false},
		{cosserver.DropBefore, store.KindTemporary, "", 0, "", false},
		{cosserver.DropAfter, store.KindTemporary, "", 0, "", true},
		{cosserver.Stall, store.KindTemporary, "", 0, "", false},
		{cosserver.StallAnswer, store.KindTemporary, "", 0, "", true},
		{cosserver.WrongCRC, store.KindCorrupt, "CRC64", 200, "", true},
		{cosserver.Corrupt, store.KindCorrupt, "CRC64", 200, "", true},
	} {
		t.Run(c.fault, func(t *testing.T) {
			t.Parallel()
			key := "faults/" + c.fault
			server.Inject(cosserver.Fault{Kind: c.fault, Key: key, Times: 1})
			e := failure(t, put(t, s, key, 2<<20))
			require.Equal(t, c.kind, e.Kind, "%v", e)
			require.Equal(t, c.code, e.Code)
			require.Equal(t, c.status, e.Status)
			require.Contains(t, e.Remedy, c.remedy)
			require.Equal(t, c.remedy == "", e.Remedy == "")
			if c.fault == cosserver.SlowDown {
				require.Equal(t, time.Second, e.RetryAfter)
			}
			require.NotContains(t, e.Error(), cosserver.DefaultSecretKey)
			_, stored := server.Objects()[key]
			require.Equal(t, c.stored, stored)
			tries := 0
			for _, r := range server.Log() {
				if r.Key == key {
					tries++
				}
			}
			require.LessOrEqual(t, tries, 1, "retry is not ours")
			require.NoError(t, put(t, s, key, 2<<20), "it works again")
		})
	}
}

// upload sends two parts and returns them.
func upload(t *testing.T, s *cos.Store, key string) (string, []store.Part, []byte) {
	t.Helper()
	whole := storetest.Bytes(1<<20+500, 3)
	id, err := s.Initiate(t.Context(), store.Object{Key: key})
	require.NoError(t, err)
	first, err := s.UploadPart(t.Context(), key, id, 1, bytes.NewReader(whole[:1<<20]), 1<<20)
	require.NoError(t, err)
	second, err := s.UploadPart(t.Context(), key, id, 2, bytes.NewReader(whole[1<<20:]), 500)
	require.NoError(t, err)
	return id, []store.Part{first, second}, whole
}

func TestFaultsOfComplete(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	for _, c := range []struct {
		fault cosserver.Fault
		kind  store.Kind
		code  string
		text  string
		done  bool
	}{
		{cosserver.Fault{Kind: cosserver.ErrorIn200}, store.KindTemporary, "InternalError", "internal error", false},
		{cosserver.Fault{Kind: cosserver.LateError, Delay: time.Second}, store.KindTemporary, "InternalError", "internal error", false},
		{cosserver.Fault{Kind: cosserver.LateDrop, Delay: time.Second}, store.KindTemporary, "", "", true},
		{cosserver.Fault{Kind: cosserver.DropAfter}, store.KindTemporary, "", "", true},
		{cosserver.Fault{Kind: cosserver.StallAnswer}, store.KindTemporary, "", "stood still", true},
		{cosserver.Fault{Kind: cosserver.ForgetUpload}, store.KindNoUpload, "NoSuchUpload", "", false},
		{cosserver.Fault{Kind: cosserver.SlowDown}, store.KindTemporary, "SlowDown", "", false},
	} {
		t.Run(c.fault.Kind, func(t *testing.T) {
			t.Parallel()
			key := "complete/" + c.fault.Kind
			id, parts, whole := upload(t, s, key)
			c.fault.Key, c.fault.Op, c.fault.Times = key, "complete", 1
			server.Inject(c.fault)
			_, err := s.Complete(t.Context(), key, id, parts)
			e := failure(t, err)
			require.Equal(t, c.kind, e.Kind, "%v", e)
			require.Equal(t, c.code, e.Code)
			require.Contains(t, e.Error(), c.text)
			require.NotContains(t, e.Error(), "[32", "bytes as numbers help nobody")
			head, err := s.Head(t.Context(), key)
			if c.done {
				require.NoError(t, err)
				require.Equal(t, crc64.Of(whole).CRC, head.CRC64)
				return
			}
			require.Equal(t, store.KindNotFound, store.KindOf(err))
			if c.kind == store.KindTemporary {
				got, err := s.Complete(t.Context(), key, id, parts)
				require.NoError(t, err)
				require.Equal(t, crc64.Of(whole).CRC, got.CRC64)
			}
		})
	}
}

func TestCompleteThatTakesLongIsAwaited(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	id, parts, whole := upload(t, s, "long.mp4")
	// Longer than CompleteStall of start, but never silent.
	server.Inject(cosserver.Fault{Kind: cosserver.LateOK, Delay: 4 * time.Second})
	got, err := s.Complete(t.Context(), "long.mp4", id, parts)
	require.NoError(t, err)
	require.False(t, got.HasCRC, "the headers were sent before the sum was known")
	require.Equal(t, int64(len(whole)), got.Size)
	require.Equal(t, server.Objects()["long.mp4"].ETag, got.ETag)
}

func TestFaultsOfParts(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	const key = "parts.mp4"
	id, err := s.Initiate(t.Context(), store.Object{Key: key})
	require.NoError(t, err)
	body := storetest.Bytes(1<<20, 1)
	send := func() (store.Part, error) {
		return s.UploadPart(t.Context(), key, id, 1, bytes.NewReader(body), int64(len(body)))
	}
	server.Inject(cosserver.Fault{Kind: cosserver.WrongETag, Op: "part", Times: 1})
	part, err := send()
	require.NoError(t, err, "nobody can see it here")
	_, err = s.Complete(t.Context(), key, id, []store.Part{part})
	require.Equal(t, store.KindBadPart, failure(t, err).Kind)
	listed, err := s.ListParts(t.Context(), key, id)
	require.NoError(t, err)
	require.NotEqual(t, part.ETag, listed[0].ETag)

	server.Inject(cosserver.Fault{Kind: cosserver.Corrupt, Op: "part", Times: 1})
	_, err = send()
	require.Equal(t, store.KindCorrupt, failure(t, err).Kind)

	server.Inject(cosserver.Fault{Kind: cosserver.ForgetUpload, Op: "part", Times: 1})
	_, err = send()
	require.Equal(t, store.KindNoUpload, failure(t, err).Kind)
	require.Empty(t, server.OpenUploads())
}

func TestSlowIsNotStalled(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	// 3 s for the body and never 2 s of standing still.
	server.Inject(cosserver.Fault{Kind: cosserver.Slow, Rate: 4 << 20})
	require.NoError(t, put(t, s, "slow", 12<<20))
}

func TestOutageAndShortAnswers(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	require.NoError(t, put(t, s, "k", 3<<20))
	server.SetOutage(true)
	require.Equal(t, store.KindTemporary, failure(t, put(t, s, "k", 100)).Kind)
	_, err := s.Head(t.Context(), "k")
	require.Equal(t, store.KindTemporary, failure(t, err).Kind, "not the same as absent")
	server.SetOutage(false)
	server.Inject(cosserver.Fault{Kind: cosserver.ShortGet, Times: 1})
	body, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	_, err = io.ReadAll(body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, body.Close())
	require.NoError(t, server.Close())
	e := failure(t, put(t, s, "k", 100))
	require.Equal(t, store.KindTemporary, e.Kind)
	require.NotContains(t, e.Error(), "http://", "the address stands in the configuration")
}

func TestOutageByFault(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	server.Inject(cosserver.Fault{Kind: cosserver.Outage, Times: 1, Delay: 200 * time.Millisecond})
	require.Error(t, put(t, s, "k", 10))
	require.Error(t, put(t, s, "k", 10))
	require.Eventually(t, func() bool {
		_, err := s.Put(t.Context(), store.Object{Key: "k"}, strings.NewReader("x"), 1)
		return err == nil
	}, 10*time.Second, 50*time.Millisecond)
}

// TestListsLongerThanAPage: COS gives at most 1,000 entries at once.
func TestListsLongerThanAPage(t *testing.T) {
	t.Parallel()
	_, s := start(t, cosserver.Options{}, nil)
	const count = 1003
	id, err := s.Initiate(t.Context(), store.Object{Key: "many.mp4"})
	require.NoError(t, err)
	for n := 1; n <= count; n++ {
		_, err := s.UploadPart(t.Context(), "many.mp4", id, n, strings.NewReader("x"), 1)
		require.NoError(t, err)
		_, err = s.Initiate(t.Context(), store.Object{Key: "open/" + string(rune('a'+n%3))})
		require.NoError(t, err)
	}
	parts, err := s.ListParts(t.Context(), "many.mp4", id)
	require.NoError(t, err)
	require.Len(t, parts, count)
	for i, p := range parts {
		require.Equal(t, i+1, p.Number)
	}
	uploads, err := s.ListUploads(t.Context(), "open/")
	require.NoError(t, err)
	seen := make(map[string]bool)
	for _, u := range uploads {
		seen[u.ID] = true
	}
	require.Len(t, uploads, count)
	require.Len(t, seen, count)
}

// TestIdleConnectionsThatTheServerClosed: a PUT that meets one works, or, if the
// close came between its first bytes, fails as what may be tried again, and the
// next attempt finds a fresh connection.
func TestIdleConnectionsThatTheServerClosed(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	for i := range 5 {
		if err := put(t, s, "k", 1<<20); err != nil {
			require.Equal(t, store.KindTemporary, store.KindOf(err), "%d: %v", i, err)
			require.NoError(t, put(t, s, "k", 1<<20), "%d", i)
		}
		server.CloseIdle()
	}
}

func TestDeadlineEndsARequestAtOnce(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	server.Inject(cosserver.Fault{Kind: cosserver.StallAnswer})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.Head(ctx, "k")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, store.KindTemporary, store.KindOf(err))
}

// brokenFile fails after some bytes, as a disk does.
type brokenFile struct{ good int64 }

func (b brokenFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= b.good {
		return 0, errors.New("input/output error")
	}
	return min(len(p), int(b.good-off)), nil
}

func TestOurOwnDiskFails(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	_, err := s.Put(t.Context(), store.Object{Key: "k"}, brokenFile{1 << 20}, 2<<20)
	e := failure(t, err)
	require.Equal(t, "LocalRead", e.Code)
	require.ErrorContains(t, e, "input/output error")
	_, err = s.Put(t.Context(), store.Object{Key: "k"}, bytes.NewReader(make([]byte, 10)), 11)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Empty(t, server.Objects())
}

func TestClockIsNamedInTheRemedy(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, nil)
	server.SetClockSkew(2 * time.Hour)
	e := failure(t, put(t, s, "k", 10))
	require.Equal(t, "RequestTimeTooSkewed", e.Code)
	require.Regexp(t, `(2h0m[01]s|1h59m59s) ahead`, e.Remedy)
	server.SetClockSkew(-time.Hour)
	require.Regexp(t, `-(1h0m[01]s|59m59s) ahead`, failure(t, put(t, s, "k", 10)).Remedy)
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, func(c *config.Store) { c.SecretKey = "wrong" })
	require.Equal(t, "SignatureDoesNotMatch", failure(t, put(t, s, "k", 10)).Code)
	s.SetCredentials("AKIDother", "another", "token")
	require.Equal(t, "InvalidAccessKeyId", failure(t, put(t, s, "k", 10)).Code)
	server.SetKey("AKIDother", "another", "token2")
	require.Equal(t, "InvalidToken", failure(t, put(t, s, "k", 10)).Code)
	server.SetKey("AKIDother", "another", "token")
	require.NoError(t, put(t, s, "k", 10))
	s.SetCredentials("", "", "")
	e := failure(t, put(t, s, "k", 10))
	require.Equal(t, store.KindPermanent, e.Kind)
	require.Contains(t, e.Remedy, "secretKeyFile")
}

func TestSecretKeyFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	server, s := start(t, cosserver.Options{}, func(c *config.Store) { c.SecretKey, c.SecretKeyFile = "", file })
	e := failure(t, put(t, s, "k", 10))
	require.Equal(t, store.KindPermanent, e.Kind)
	require.ErrorIs(t, e, os.ErrNotExist)
	write := func(text string) {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		time.Sleep(1100 * time.Millisecond) // it looks once a second
	}
	write(cosserver.DefaultSecretKey + "\n")
	require.NoError(t, put(t, s, "k", 10), "one bare line is the key")
	server.SetKey("AKIDfile", "fromfile", "tok")
	write(`{"secretID": "AKIDfile", "secretKey": "fromfile", "sessionToken": "tok"}`)
	server.RemoveKey(cosserver.DefaultSecretID)
	require.NoError(t, put(t, s, "k", 10))
	write("{broken")
	require.NoError(t, put(t, s, "k", 10), "the last good pair stays in force")
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	server, s := start(t, cosserver.Options{}, func(c *config.Store) {
		c.StorageClass = "STANDARD_IA"
		c.Tags = map[string]string{"team": "a b&c", "n": "1"}
	})
	o := store.Object{
		Key: "h.mp4", ContentType: "video/mp4", Disposition: `直播 "1".mp4`, Keep: 36 * time.Hour,
		Meta: map[string]string{"stream": "直播/1\r\nX-Evil: 1", "Recording_ID": "17", "long": strings.Repeat("ü", 2000)},
		Tags: map[string]string{"n": "2"},
	}
	_, err := s.Put(t.Context(), o, bytes.NewReader(nil), 0)
	require.NoError(t, err)
	id, err := s.Initiate(t.Context(), o)
	require.NoError(t, err)
	part, err := s.UploadPart(t.Context(), o.Key, id, 1, strings.NewReader("x"), 1)
	require.NoError(t, err)
	single := server.Objects()["h.mp4"]
	_, err = s.Complete(t.Context(), o.Key, id, []store.Part{part})
	require.NoError(t, err)
	for _, got := range []cosserver.Object{single, server.Objects()["h.mp4"]} {
		h := got.Header
		require.Equal(t, "video/mp4", h.Get("Content-Type"))
		require.Equal(t, "STANDARD_IA", h.Get("X-Cos-Storage-Class"))
		require.Equal(t, `attachment; filename="__ _1_.mp4"; filename*=UTF-8''%E7%9B%B4%E6%92%AD%20%221%22.mp4`, h.Get("Content-Disposition"))
		require.Equal(t, "%E7%9B%B4%E6%92%AD%2F1%0D%0AX-Evil%3A%201", h.Get("X-Cos-Meta-Stream"))
		require.Equal(t, "17", h.Get("X-Cos-Meta-Recording-Id"))
		require.Equal(t, strings.Repeat("%C3%BC", 85), h.Get("X-Cos-Meta-Long"))
		require.Equal(t, "liverecord-expire=2d&n=2&team=a+b%26c", got.Tags)
	}
}

func TestSignedAddress(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"", "tok/+="} {
		_, s := start(t, cosserver.Options{Token: token, Path: "/rec"}, func(c *config.Store) {
			c.SignURL, c.SessionToken = time.Minute, token
		})
		const key = "a/ü b+%&?'.mp4"
		require.NoError(t, put(t, s, key, 1000))
		require.Equal(t, storetest.Bytes(1000, 1), fetch(t, s.URL(key)))
		require.NotContains(t, s.URL(key), cosserver.DefaultSecretKey)
	}
}

func TestAddressOfABucket(t *testing.T) {
	t.Parallel()
	s, err := cos.New(config.Store{Bucket: "rec-1250000000", Region: "ap-guangzhou"}, cos.Options{})
	require.NoError(t, err)
	require.Equal(t, "https://rec-1250000000.cos.ap-guangzhou.myqcloud.com/a/b%20c.mp4", s.URL("a/b c.mp4"))
	for _, bad := range []string{"rec", "ftp://x", "http://", "http://x?y", "http://u:p@x", "://"} {
		_, err := cos.New(config.Store{Endpoint: bad}, cos.Options{})
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "u:p")
	}
	_, err = cos.New(config.Store{Bucket: "rec-1250000000"}, cos.Options{})
	require.Error(t, err)
}

func TestBandwidthIsSharedByUploads(t *testing.T) {
	t.Parallel()
	_, s := start(t, cosserver.Options{}, func(c *config.Store) { c.Bandwidth = 4 << 20 })
	begin := time.Now()
	errs := make(chan error, 4)
	for i := range 4 {
		go func() {
			_, err := s.Put(t.Context(), store.Object{Key: string(rune('a' + i))}, bytes.NewReader(make([]byte, 2<<20)), 2<<20)
			errs <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-errs)
	}
	// 8 MiB at 4 MiB/s are 2 s, less the burst of 1/4 s. A lower bound holds
	// on any machine.
	require.Greater(t, time.Since(begin), 1500*time.Millisecond)
	s.SetBandwidth(0)
	require.NoError(t, put(t, s, "free", 8<<20))
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	const rules = `<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status>` +
		`<Filter><Tag><Key>liverecord-expire</Key><Value>30d</Value></Tag></Filter><Expiration><Days>30</Days></Expiration></Rule>` +
		`<Rule><ID>b</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>` +
		`<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>`
	server, s := start(t, cosserver.Options{Lifecycle: rules}, nil)
	found := make(map[string]store.Finding)
	for _, f := range s.Diagnose(t.Context()) {
		require.True(t, f.OK, "%+v", f)
		found[f.What] = f
	}
	require.Len(t, found, 9)
	require.Contains(t, found["lifecycle"].Detail, "30d")
	require.Empty(t, server.Objects())
	require.Empty(t, server.OpenUploads())

	server, s = start(t, cosserver.Options{}, nil)
	server.Inject(cosserver.Fault{Kind: cosserver.Denied, Op: "initiate"})
	bad := 0
	for _, f := range s.Diagnose(t.Context()) {
		if !f.OK {
			bad++
			require.NotEmpty(t, f.Remedy, "%+v", f)
		}
	}
	require.Equal(t, 2, bad, "multipart and lifecycle")
	server.SetClockSkew(time.Hour)
	findings := s.Diagnose(t.Context())
	require.Len(t, findings, 2)
	require.False(t, findings[1].OK)
	require.Regexp(t, `1h0m[01]s|59m59s`, findings[1].Detail)
}
