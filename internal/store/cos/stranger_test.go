package cos_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/cos"
)

// requests are all that a store can be asked.
func requests(t *testing.T, s *cos.Store, key, id string) map[string]func() error {
	body := bytes.NewReader(make([]byte, 1000))
	return map[string]func() error{
		"put":  func() error { _, err := s.Put(t.Context(), store.Object{Key: key}, body, 1000); return err },
		"head": func() error { _, err := s.Head(t.Context(), key); return err },
		"get": func() error {
			r, err := s.Get(t.Context(), key)
			if err == nil {
				err = errors.Join(errors.New("read"), r.Close())
			}
			return err
		},
		"delete":       func() error { return s.Delete(t.Context(), key) },
		"initiate":     func() error { _, err := s.Initiate(t.Context(), store.Object{Key: key}); return err },
		"part":         func() error { _, err := s.UploadPart(t.Context(), key, id, 1, body, 1000); return err },
		"list-parts":   func() error { _, err := s.ListParts(t.Context(), key, id); return err },
		"list-uploads": func() error { _, err := s.ListUploads(t.Context(), key); return err },
		"abort":        func() error { return s.Abort(t.Context(), key, id) },
		"complete": func() error {
			_, err := s.Complete(t.Context(), key, id, []store.Part{{Number: 1, Size: 1000, ETag: "0"}})
			return err
		},
	}
}

// What answers in the store's place says nothing about the store, whatever its
// status is: not that a thing was done, nor that it is there, nor that it isn't.
func TestAnswersOfSomethingElse(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{cosserver.Portal, cosserver.Redirect, cosserver.Bare} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, cosserver.Options{}, nil)
			require.NoError(t, put(t, s, "k", 1000))
			id, err := s.Initiate(t.Context(), store.Object{Key: "k"})
			require.NoError(t, err)
			server.Inject(cosserver.Fault{Kind: kind})
			for op, request := range requests(t, s, "k", id) {
				e := failure(t, request())
				require.Equal(t, store.KindNotStore, e.Kind, "%s: %v", op, e)
				require.Contains(t, e.Remedy, "portal", op)
				require.NotZero(t, e.Status, op)
			}
			found := s.Diagnose(t.Context())
			require.False(t, found[0].OK)
			require.Contains(t, found[0].Remedy, "portal")
			server.ClearFaults()
			require.Len(t, server.Objects(), 1)
			require.Len(t, server.OpenUploads(), 1)
		})
	}
}

// A 200 of COS that does not say what was done is no success.
func TestAnswersThatSayNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{cosserver.Hollow, cosserver.NoSums, cosserver.Garbage, cosserver.Truncated} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server, s := start(t, cosserver.Options{}, nil)
			require.NoError(t, put(t, s, "k", 1000))
			id, err := s.Initiate(t.Context(), store.Object{Key: "k"})
			require.NoError(t, err)
			ops := map[string][]string{
				cosserver.Hollow: {"put", "head", "initiate", "part", "list-parts", "list-uploads", "complete"},
				cosserver.NoSums: {"put", "head", "part"},
			}[kind]
			if ops == nil {
				ops = []string{"initiate", "list-parts", "list-uploads"}
			}
			server.Inject(cosserver.Fault{Kind: kind})
			all := requests(t, s, "k", id)
			for _, op := range ops {
				err := all[op]()
				require.Error(t, err, op)
				require.Equal(t, store.KindTemporary, store.KindOf(err), "%s: %v", op, err)
			}
		})
	}
}

// Of a Complete that was done and answered badly nobody may believe that it was not.
func TestCompleteThatIsAnsweredBadly(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{cosserver.Garbage, cosserver.Truncated} {
		server, s := start(t, cosserver.Options{}, nil)
		id, parts, _ := upload(t, s, "k")
		server.Inject(cosserver.Fault{Kind: kind, Op: "complete", Times: 1})
		_, err := s.Complete(t.Context(), "k", id, parts)
		require.Equal(t, store.KindTemporary, failure(t, err).Kind)
		require.Len(t, server.Objects(), 1)
	}
}
