package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"github.com/live-recording/liverecord/internal/store"
)

// Diagnose tries what recording will need, on files of its own that it removes.
func (s *Store) Diagnose(ctx context.Context) []store.Finding {
	name := "probe-" + rand.Text()
	key := "liverecord-probe/" + name
	var found []store.Finding
	try := func(what, good string, f func() error) {
		r := store.Finding{OK: true, What: what, Detail: good}
		if err := f(); err != nil {
			r = store.Finding{What: what, Detail: err.Error(), Remedy: "let the server's user write to " + s.dir}
		}
		found = append(found, r)
	}
	probe := []byte("probe")
	try("write, replace, delete", "works in "+s.dir, func() error {
		for range 2 {
			if _, err := s.Put(ctx, store.Object{Key: key}, bytes.NewReader(probe), int64(len(probe))); err != nil {
				return err
			}
		}
		return s.Delete(ctx, key)
	})
	try("growing file", "a file can be finished in place", func() error { return s.probeGrowing(ctx, name, key) })
	return append(found, s.space())
}

func (s *Store) probeGrowing(ctx context.Context, name, key string) error {
	f, err := s.Create(name)
	if err != nil {
		return err
	}
	defer s.Discard(name) //nolint:errcheck // it is gone when all went well
	const room, body = 4096, smallBody * 4096
	_, err = f.WriteAt(make([]byte, body), room)
	if err := f.Close(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	_, err = s.Finish(ctx, Finish{
		Name: name, Key: key, Room: room, Body: body,
		Head: func(room int64) ([]byte, []byte, error) { return make([]byte, room), nil, nil },
	})
	if err != nil {
		return err
	}
	return s.Delete(ctx, key)
}

func (s *Store) space() store.Finding {
	free, err := s.Free()
	if err != nil {
		return store.Finding{What: "disk space", Detail: err.Error(), Remedy: "check the disk of " + s.dir}
	}
	f := store.Finding{OK: free > s.minFree, What: "disk space", Detail: fmt.Sprintf("%d MB free, minFree is %d MB", free>>20, s.minFree>>20)}
	if !f.OK {
		f.Remedy = "free some space, or lower spool.minFree: nothing is recorded to this disk now"
	}
	return f
}
