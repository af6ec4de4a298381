// Package storetest is the suite of tests that every store passes.
//
// Objects tests what local and remote stores have in common, Remote what a
// multipart store must do in addition. Both write below keys of their own, so
// they may run against a bucket that holds other things.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/store"
)

// ObjectStore is what local and remote stores share.
type ObjectStore interface {
	Put(ctx context.Context, o store.Object, body io.ReaderAt, size int64) (store.Result, error)
	Head(ctx context.Context, key string) (store.Result, error)
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Fetch reads what an address of URL leads to, or is nil where nothing serves it.
type Fetch func(t *testing.T, url string) []byte

// HostileKeys are keys that must survive as they are. A key's components have
// at most 255 bytes, it has at most 850; plan.Key sees to that.
func HostileKeys(prefix string) []string {
	component := strings.Repeat("n", 200)
	long := prefix + strings.TrimSuffix(strings.Repeat(component+"/", 5), "/")
	keys := []string{
		prefix + "plain.mp4",
		prefix + "with space/and  two.mp4",
		prefix + "percent%20/100%/%2F.mp4",
		prefix + `quotes"and'more.mp4`,
		prefix + "plus+and&and=and?and#.mp4",
		prefix + "emoji-🎥/直播/ñ.mp4",
		prefix + "brackets(1)[2]{3}!*~$@:;,.mp4",
		prefix + "<xml>&amp;.mp4",
		prefix + `back\slash.mp4`,
		prefix + "..dots../...mp4",
		prefix + "trailing.",
		long[:850-4] + ".mp4",
	}
	return keys
}

// Bytes returns n bytes that look random and depend on seed only.
func Bytes(n int, seed int64) []byte {
	b := make([]byte, n)
	mathrand.New(mathrand.NewSource(seed)).Read(b)
	return b
}

// Objects runs the tests that all stores pass.
func Objects(t *testing.T, s ObjectStore, fetch Fetch) {
	prefix := "storetest-" + rand.Text() + "/"
	t.Run("put, head, get, delete", func(t *testing.T) { roundTrip(t, s, prefix) })
	t.Run("sizes", func(t *testing.T) { sizes(t, s, prefix) })
	t.Run("hostile keys", func(t *testing.T) { hostileKeys(t, s, prefix, fetch) })
	t.Run("replace", func(t *testing.T) { replace(t, s, prefix) })
	t.Run("absent", func(t *testing.T) { absent(t, s, prefix) })
	t.Run("context", func(t *testing.T) { contextDone(t, s, prefix) })
	t.Run("concurrent", func(t *testing.T) { concurrentPuts(t, s, prefix) })
}

func put(t *testing.T, s ObjectStore, key string, body []byte) store.Result {
	t.Helper()
	r, err := s.Put(t.Context(), store.Object{Key: key, ContentType: "video/mp4"}, bytes.NewReader(body), int64(len(body)))
	require.NoError(t, err)
	require.Equal(t, int64(len(body)), r.Size)
	return r
}

func requireObject(t *testing.T, s ObjectStore, key string, want []byte) {
	t.Helper()
	r, err := s.Head(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, int64(len(want)), r.Size)
	body, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.True(t, bytes.Equal(want, got), "%q holds other bytes than were put", key)
}

func requireKind(t *testing.T, want store.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	var e *store.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Kind, "%v", err)
}

func roundTrip(t *testing.T, s ObjectStore, prefix string) {
	key, body := prefix+"a/b/c.mp4", Bytes(100_000, 1)
	put(t, s, key, body)
	requireObject(t, s, key, body)
	require.NoError(t, s.Delete(t.Context(), key))
	_, err := s.Head(t.Context(), key)
	requireKind(t, store.KindNotFound, err)
	require.NoError(t, s.Delete(t.Context(), key), "deleting twice is no error")
}

func sizes(t *testing.T, s ObjectStore, prefix string) {
	for i, n := range []int{0, 1, 4095, 1 << 20, 3<<20 + 17} {
		key, body := fmt.Sprintf("%ssize-%d", prefix, n), Bytes(n, int64(i))
		put(t, s, key, body)
		requireObject(t, s, key, body)
		require.NoError(t, s.Delete(t.Context(), key))
	}
}

func hostileKeys(t *testing.T, s ObjectStore, prefix string, fetch Fetch) {
	keys := HostileKeys(prefix)
	for i, key := range keys {
		put(t, s, key, Bytes(1000+i, int64(i)))
	}
	for i, key := range keys {
		want := Bytes(1000+i, int64(i))
		requireObject(t, s, key, want)
		if fetch != nil {
			require.True(t, bytes.Equal(want, fetch(t, s.URL(key))), "the address of %q leads elsewhere: %s", key, s.URL(key))
		}
		require.NoError(t, s.Delete(t.Context(), key))
	}
}

func replace(t *testing.T, s ObjectStore, prefix string) {
	key := prefix + "replaced"
	for i := range 5 {
		body := Bytes(5000-900*i, int64(i))
		put(t, s, key, body)
		requireObject(t, s, key, body)
	}
	require.NoError(t, s.Delete(t.Context(), key))
}

func absent(t *testing.T, s ObjectStore, prefix string) {
	_, err := s.Head(t.Context(), prefix+"never")
	requireKind(t, store.KindNotFound, err)
	_, err = s.Get(t.Context(), prefix+"never/was")
	requireKind(t, store.KindNotFound, err)
}

func contextDone(t *testing.T, s ObjectStore, prefix string) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Put(ctx, store.Object{Key: prefix + "late"}, bytes.NewReader([]byte("x")), 1)
	require.ErrorIs(t, err, context.Canceled)
	requireKind(t, store.KindTemporary, err)
	_, err = s.Head(t.Context(), prefix+"late")
	requireKind(t, store.KindNotFound, err)
}

func concurrentPuts(t *testing.T, s ObjectStore, prefix string) {
	const workers, each = 8, 10
	errs := make(chan error, workers)
	for w := range workers {
		go func() {
			errs <- func() error {
				for i := range each {
					key, body := fmt.Sprintf("%sshared/%d/%d", prefix, i, w), Bytes(20_000, int64(w))
					if _, err := s.Put(t.Context(), store.Object{Key: key}, bytes.NewReader(body), int64(len(body))); err != nil {
						return err
					}
					// Deleting empties folders that others are about to use.
					if err := s.Delete(t.Context(), key); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range workers {
		require.NoError(t, <-errs)
	}
}
