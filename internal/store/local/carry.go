package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// A folder inside the store may be a mount of its own: a larger disk, a share. A
// file can be neither linked nor moved there, so it is copied: to a temporary name
// on that mount, synced, compared, then put into place.

// carry makes key, which lies on another file system, a copy of from.
func (s *Store) carry(ctx context.Context, from, key string) error {
	tmp := carried(from, key)
	if err := s.remove(tmp); err != nil { // of a call that was cut off
		return err
	}
	err := s.copy(ctx, from, tmp)
	if err == nil {
		err = s.settle(tmp, key)
	}
	return errors.Join(err, s.remove(tmp))
}

// carried names the temporary copy: the same one in every attempt, so that none
// is left behind.
func carried(from, key string) string {
	sum := sha256.Sum256([]byte(from))
	return path.Join(path.Dir(key), hidden+"-"+hex.EncodeToString(sum[:8])+".tmp")
}

// copy makes a synced copy, and compares it with what it was made of.
func (s *Store) copy(ctx context.Context, from, to string) error {
	f, err := s.root.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := s.write(ctx, to, f, info.Size()); err != nil {
		return err
	}
	made, err := s.root.Lstat(to)
	if err != nil {
		return err
	}
	if same, err := s.same(from, info, to, made); err != nil || !same {
		return errors.Join(err, fmt.Errorf("the copy on the mount of %s differs from the file", path.Dir(to)))
	}
	return nil
}

// settle gives a temporary file its key, on one file system, without replacing.
func (s *Store) settle(tmp, key string) error {
	err := s.root.Link(tmp, key)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return ErrExist
	case !noLinks(err):
		return err
	}
	if _, err := s.root.Lstat(key); err == nil {
		return ErrExist
	}
	return s.root.Rename(tmp, key)
}

// replace moves a temporary file to key, whatever is there.
func (s *Store) replace(ctx context.Context, tmp, key string) error {
	err := s.root.Rename(tmp, key)
	if !crossesMount(err) {
		return err
	}
	near := carried(key, key)
	if err = s.remove(near); err == nil { // of a call that was cut off
		err = s.copy(ctx, tmp, near)
	}
	if err == nil {
		err = s.root.Rename(near, key)
	}
	if err != nil {
		return errors.Join(err, s.remove(near))
	}
	return s.remove(tmp)
}
