package storetest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	mathrand "math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/crc64"
)

// Traits are the points in which real servers differ.
type Traits struct {
	// GapsAllowed: part numbers may have gaps (S3; COS refuses them).
	GapsAllowed bool
	// CompleteTwice: a second Complete succeeds instead of KindNoUpload.
	CompleteTwice bool
	// NoCRC: the store reports no CRC64.
	NoCRC bool
	// Part is the size of the parts used here; 0 = MinPart of the store.
	Part int
}

// Remote runs the tests that stores with multipart uploads pass.
func Remote(t *testing.T, s store.Remote, traits Traits) {
	if traits.Part == 0 {
		traits.Part = int(s.MinPart())
	}
	r := &remote{s, traits, "storetest-" + rand.Text() + "/"}
	t.Run("parts out of order, the first one last", r.outOfOrder)
	t.Run("the same number again", r.sameNumber)
	t.Run("part numbers with a gap", r.gap)
	t.Run("a part too small", r.tooSmall)
	t.Run("a wrong ETag", r.wrongETag)
	t.Run("complete twice", r.completeTwice)
	t.Run("complete with fewer parts", r.fewer)
	t.Run("abort", r.abort)
	t.Run("list parts", r.listParts)
	t.Run("list uploads", r.listUploads)
	t.Run("concurrent uploads", r.concurrent)
	t.Run("hostile keys", r.hostile)
}

type remote struct {
	s      store.Remote
	traits Traits
	prefix string
}

func (r *remote) begin(t *testing.T, name string) (key, id string) {
	t.Helper()
	key = r.prefix + name
	id, err := r.s.Initiate(t.Context(), store.Object{Key: key, ContentType: "video/mp4"})
	require.NoError(t, err)
	require.NotEmpty(t, id)
	return key, id
}

func (r *remote) part(t *testing.T, key, id string, number int, body []byte) store.Part {
	t.Helper()
	p, err := r.s.UploadPart(t.Context(), key, id, number, bytes.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	require.Equal(t, number, p.Number)
	require.Equal(t, int64(len(body)), p.Size)
	require.Equal(t, crc64.Of(body).CRC, p.CRC64)
	require.Equal(t, !r.traits.NoCRC, p.HasCRC)
	require.NotEmpty(t, p.ETag)
	return p
}

func (r *remote) requireWhole(t *testing.T, key string, want []byte, got store.Result) {
	t.Helper()
	require.Equal(t, int64(len(want)), got.Size)
	if got.HasCRC {
		require.Equal(t, crc64.Of(want).CRC, got.CRC64)
	}
	head, err := r.s.Head(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, !r.traits.NoCRC, head.HasCRC)
	if head.HasCRC {
		require.Equal(t, crc64.Of(want).CRC, head.CRC64)
	}
	requireObject(t, r.s, key, want)
	require.NoError(t, r.s.Delete(t.Context(), key))
}

func (r *remote) outOfOrder(t *testing.T) {
	key, id := r.begin(t, "out-of-order.mp4")
	whole := Bytes(4*r.traits.Part+12345, 7)
	parts := make([]store.Part, 5)
	sums := make([]crc64.Sum, 5)
	for _, n := range []int{3, 5, 2, 4, 1} {
		body := whole[(n-1)*r.traits.Part : min(n*r.traits.Part, len(whole))]
		parts[n-1] = r.part(t, key, id, n, body)
		sums[n-1] = crc64.Of(body)
	}
	got, err := r.s.Complete(t.Context(), key, id, parts)
	require.NoError(t, err)
	var folded crc64.Sum
	for _, s := range sums {
		folded = folded.Then(s)
	}
	require.Equal(t, crc64.Of(whole), folded)
	r.requireWhole(t, key, whole, got)
	left, err := r.s.ListUploads(t.Context(), key)
	require.NoError(t, err)
	require.Empty(t, left)
}

func (r *remote) sameNumber(t *testing.T) {
	key, id := r.begin(t, "twice.mp4")
	first, second := Bytes(r.traits.Part, 1), Bytes(r.traits.Part+99, 2)
	r.part(t, key, id, 1, first)
	p := r.part(t, key, id, 1, second)
	got, err := r.s.Complete(t.Context(), key, id, []store.Part{p})
	require.NoError(t, err)
	r.requireWhole(t, key, second, got)
}

func (r *remote) gap(t *testing.T) {
	key, id := r.begin(t, "gap.mp4")
	parts := []store.Part{r.part(t, key, id, 1, Bytes(r.traits.Part, 1)), r.part(t, key, id, 3, Bytes(10, 2))}
	_, err := r.s.Complete(t.Context(), key, id, parts)
	if r.traits.GapsAllowed {
		require.NoError(t, err)
		require.NoError(t, r.s.Delete(t.Context(), key))
		return
	}
	requireKind(t, store.KindBadPart, err)
	require.NoError(t, r.s.Abort(t.Context(), key, id))
}

func (r *remote) tooSmall(t *testing.T) {
	key, id := r.begin(t, "small.mp4")
	parts := []store.Part{r.part(t, key, id, 1, Bytes(1000, 1)), r.part(t, key, id, 2, Bytes(10, 2))}
	_, err := r.s.Complete(t.Context(), key, id, parts)
	requireKind(t, store.KindBadPart, err)
	require.NoError(t, r.s.Abort(t.Context(), key, id))
}

func (r *remote) wrongETag(t *testing.T) {
	key, id := r.begin(t, "etag.mp4")
	body := Bytes(r.traits.Part, 1)
	good := r.part(t, key, id, 1, body)
	bad := good
	bad.ETag = "0123456789abcdef0123456789abcdef"
	_, err := r.s.Complete(t.Context(), key, id, []store.Part{bad})
	requireKind(t, store.KindBadPart, err)
	got, err := r.s.Complete(t.Context(), key, id, []store.Part{good})
	require.NoError(t, err, "a refused Complete leaves the upload as it was")
	r.requireWhole(t, key, body, got)
}

func (r *remote) completeTwice(t *testing.T) {
	key, id := r.begin(t, "again.mp4")
	parts := []store.Part{r.part(t, key, id, 1, Bytes(5000, 1))}
	_, err := r.s.Complete(t.Context(), key, id, parts)
	require.NoError(t, err)
	_, err = r.s.Complete(t.Context(), key, id, parts)
	if r.traits.CompleteTwice {
		require.NoError(t, err)
	} else {
		requireKind(t, store.KindNoUpload, err)
	}
	requireObject(t, r.s, key, Bytes(5000, 1))
	require.NoError(t, r.s.Delete(t.Context(), key))
}

func (r *remote) fewer(t *testing.T) {
	key, id := r.begin(t, "fewer.mp4")
	body := Bytes(r.traits.Part, 1)
	p := r.part(t, key, id, 1, body)
	r.part(t, key, id, 2, Bytes(r.traits.Part, 2))
	got, err := r.s.Complete(t.Context(), key, id, []store.Part{p})
	require.NoError(t, err)
	r.requireWhole(t, key, body, got)
}

func (r *remote) abort(t *testing.T) {
	key, id := r.begin(t, "aborted.mp4")
	p := r.part(t, key, id, 1, Bytes(1000, 1))
	require.NoError(t, r.s.Abort(t.Context(), key, id))
	_, err := r.s.UploadPart(t.Context(), key, id, 2, bytes.NewReader([]byte("x")), 1)
	requireKind(t, store.KindNoUpload, err)
	_, err = r.s.ListParts(t.Context(), key, id)
	requireKind(t, store.KindNoUpload, err)
	_, err = r.s.Complete(t.Context(), key, id, []store.Part{p})
	requireKind(t, store.KindNoUpload, err)
	_, err = r.s.Head(t.Context(), key)
	requireKind(t, store.KindNotFound, err)
}

func (r *remote) listParts(t *testing.T) {
	key, id := r.begin(t, "listed.mp4")
	var want []store.Part
	for n := 1; n <= 12; n++ {
		p := r.part(t, key, id, n, Bytes(100+n, int64(n)))
		p.CRC64, p.HasCRC = 0, false
		want = append(want, p)
	}
	got, err := r.s.ListParts(t.Context(), key, id)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, r.s.Abort(t.Context(), key, id))
}

func (r *remote) listUploads(t *testing.T) {
	want := make(map[string]string)
	for i := range 7 {
		key, id := r.begin(t, fmt.Sprintf("open/%d %%&.mp4", i))
		want[id] = key
	}
	_, other := r.begin(t, "other.mp4")
	got, err := r.s.ListUploads(t.Context(), r.prefix+"open/")
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for _, u := range got {
		require.Equal(t, want[u.ID], u.Key)
		require.False(t, u.Started.IsZero())
		require.NoError(t, r.s.Abort(t.Context(), u.Key, u.ID))
	}
	require.NoError(t, r.s.Abort(t.Context(), r.prefix+"other.mp4", other))
}

func (r *remote) concurrent(t *testing.T) {
	key, id := r.begin(t, "parallel.mp4")
	const count = 6
	whole := Bytes(count*r.traits.Part, 3)
	parts := make([]store.Part, count)
	errs := make(chan error, count)
	for _, i := range mathrand.Perm(count) {
		go func() {
			body := whole[i*r.traits.Part : (i+1)*r.traits.Part]
			var err error
			parts[i], err = r.s.UploadPart(t.Context(), key, id, i+1, bytes.NewReader(body), int64(len(body)))
			errs <- err
		}()
	}
	for range count {
		require.NoError(t, <-errs)
	}
	got, err := r.s.Complete(t.Context(), key, id, parts)
	require.NoError(t, err)
	r.requireWhole(t, key, whole, got)
}

func (r *remote) hostile(t *testing.T) {
	for i, key := range HostileKeys(r.prefix) {
		id, err := r.s.Initiate(t.Context(), store.Object{Key: key})
		require.NoError(t, err, "%q", key)
		body := Bytes(2000, int64(i))
		p := r.part(t, key, id, 1, body)
		got, err := r.s.Complete(t.Context(), key, id, []store.Part{p})
		require.NoError(t, err, "%q", key)
		r.requireWhole(t, key, body, got)
	}
}
