package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/store"
)

const (
	minRoom = 64 << 10
	maxRoom = 32 << 20
	// smallBody: below so many times the hole the body is copied.
	smallBody = 16
)

// Room returns the size of the hole to leave for the head of a file that lasts
// at most so long: 64 KiB and 1 KiB a second, a multiple of 4096, at most 32 MiB.
// 0 (no limit of the duration) gets the most.
func Room(maxDuration time.Duration) int64 {
	if maxDuration <= 0 {
		return maxRoom
	}
	room := minRoom + int64((maxDuration+time.Second-1)/time.Second)<<10
	return min((room+4095)&^4095, maxRoom)
}

// growPath returns where the growing file of that name lies. Names are flat.
func growPath(name string) (string, error) {
	if name == "" || strings.ContainsAny(name, "/\\\x00") || len(name) > 200 {
		return "", fmt.Errorf("%q is no name for a growing file", name)
	}
	return hidden + "/" + growing + name, nil
}

// Create makes the growing file of that name, empty. The caller writes the body
// from the offset that it will name as Room, and closes the file.
func (s *Store) Create(name string) (*os.File, error) {
	p, err := growPath(name)
	if err == nil {
		err = s.room(0)
	}
	if err != nil {
		return nil, s.fail("create", name, err)
	}
	f, err := s.root.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = s.syncDir(hidden)
	}
	return f, s.fail("create", name, err)
}

// Discard removes a growing file and what Finish left beside it. It is no error if
// there is none.
func (s *Store) Discard(name string) error {
	p, err := growPath(name)
	if err != nil {
		return s.fail("discard", name, err)
	}
	return s.fail("discard", name, errors.Join(s.remove(p), s.remove(p+rewritten), s.remove(p+witness)))
}

func (s *Store) remove(p string) error {
	return unlessAbsent(s.root.Remove(p))
}

// Finish is what becomes of a growing file.
type Finish struct {
	Name string // as given to Create
	Key  string // where the object goes
	Room int64  // size of the hole: where the body begins
	Body int64  // size of the body in bytes; what lies behind it is cut off
	Copy bool   // the disk may not hold what reading finds: make the object anew
	// Head builds what surrounds the body. With room > 0, front must have exactly
	// room bytes; with room = 0 it has the size it needs, and the body begins
	// right behind it (a front of a file that left no hole costs a copy of the
	// body). back goes behind the body. It may be called again, and must return
	// the same. The bytes are not kept.
	Head func(room int64) (front, back []byte, err error)
}

// rewritten is the suffix of the copy that Finish makes of a short file.
const rewritten = ".fin"

// Finish makes an object of a growing file, see the package comment. Errors:
// ErrExist if the key is taken (choose another one, the growing file is as it
// was), KindNotFound if there is neither the growing file nor its object.
// Whoever calls it keeps Key the same in calls that repeat, and calls Discard
// once it has noted the result: until then what is left of the growing file
// proves that the object is ours.
func (s *Store) Finish(ctx context.Context, r Finish) (store.Result, error) {
	p, err := growPath(r.Name)
	if err == nil {
		err = checkKey("finish", r.Key)
	}
	if err == nil && (r.Room < 0 || r.Body < 0) {
		err = fmt.Errorf("room %d, body %d: must not be negative", r.Room, r.Body)
	}
	if err == nil {
		err = s.finish(ctx, p, r)
	}
	if err != nil {
		return store.Result{}, s.fail("finish", r.Key, err)
	}
	return s.identify(ctx, "finish", r.Key)
}

func (s *Store) finish(ctx context.Context, p string, r Finish) error {
	placed, err := s.placed(p, r.Key, func(o *os.File) (bool, error) { return hasHead(o, r) })
	if err != nil {
		return err
	}
	if placed { // and perhaps not synced
		return unlessAbsent(s.syncDir(path.Dir(r.Key)))
	}
	return s.buildAndPlace(ctx, p, r)
}

func (s *Store) buildAndPlace(ctx context.Context, p string, r Finish) error {
	source, err := s.build(ctx, p, r)
	if err != nil {
		return err
	}
	return s.place(r.Key, func() error { return s.link(ctx, source, r.Key) })
}

// build makes the whole file and returns its name below hidden.
func (s *Store) build(ctx context.Context, p string, r Finish) (string, error) {
	copied := p + rewritten
	switch {
	case !s.exists(p) && s.exists(copied):
		return copied, nil // link was cut off
	case !r.Copy && r.Room > 0 && r.Body >= smallBody*r.Room:
		front, back, err := r.Head(r.Room)
		if err != nil {
			return "", err
		}
		return p, s.fill(p, front, back, r)
	}
	front, back, err := r.Head(0)
	if err != nil {
		return "", err
	}
	if !r.Copy && r.Room == 0 && len(front) == 0 {
		return p, s.fill(p, front, back, r) // nothing has to move
	}
	return copied, s.rewrite(ctx, p, copied, front, back, r)
}

// fill writes the head into the hole and what follows behind the body.
func (s *Store) fill(p string, front, back []byte, r Finish) error {
	if int64(len(front)) != r.Room {
		return fmt.Errorf("the head has %d bytes, the room %d", len(front), r.Room)
	}
	f, err := s.root.OpenFile(p, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = fillFile(f, front, back, r)
	return done(f, err)
}

func fillFile(f *os.File, front, back []byte, r Finish) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < r.Room+r.Body { // what is written behind would leave a hole that reads as zeros
		return fmt.Errorf("%w: the growing file has %d bytes, not %d", ErrUnsynced, info.Size(), r.Room+r.Body)
	}
	if _, err := f.WriteAt(front, 0); err != nil {
		return err
	}
	if _, err := f.WriteAt(back, r.Room+r.Body); err != nil {
		return err
	}
	return f.Truncate(r.Room + r.Body + int64(len(back)))
}

// rewrite copies a short body behind a head that needs no hole.
func (s *Store) rewrite(ctx context.Context, p, target string, front, back []byte, r Finish) error {
	f, err := s.root.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := s.remove(target); err != nil { // of a call that was cut off
		return err
	}
	parts := io.MultiReader(bytes.NewReader(front), io.NewSectionReader(f, r.Room, r.Body), bytes.NewReader(back))
	return s.write(ctx, target, parts, int64(len(front))+r.Body+int64(len(back)))
}

// link gives a file a second name, or ErrExist. Where the file system has no
// links it moves the file; one server owns the folder, so nobody takes the key
// in between. Where the key lies on another file system it copies.
func (s *Store) link(ctx context.Context, from, key string) error {
	err := s.root.Link(from, key)
	switch {
	case errors.Is(err, fs.ErrExist) || isNotDir(err):
		return ErrExist
	case crossesMount(err):
		return s.carry(ctx, from, key)
	case !noLinks(err):
		return err
	}
	if _, err := s.root.Lstat(key); err == nil {
		return ErrExist
	}
	p := strings.TrimSuffix(from, rewritten)
	if err := s.bearWitness(ctx, p, from, key); err != nil {
		return err
	}
	if p != from {
		// From here on the copy alone stands for the file; see build.
		if err := errors.Join(s.remove(p), s.syncDir(hidden)); err != nil {
			return err
		}
	}
	return s.root.Rename(from, key)
}

func (s *Store) exists(p string) bool {
	_, err := s.root.Lstat(p)
	return err == nil
}
