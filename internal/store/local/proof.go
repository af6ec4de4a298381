package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/crc64"
)

// An object is ours if it is the growing file (a second name of it), or has its
// bytes, or if we noted before we moved it what it is. A file that merely lies
// under the key is somebody's.

// witness is the suffix of the note that link writes where a file can have but one
// name.
const witness = ".id"

// note is what a witness says.
type note struct{ Key, ETag string }

// sampleSize is how much of the begin and of the end of an object its ETag covers.
const sampleSize = 256 << 10

// etagOf identifies a file: its size and a CRC64 of its first and last 256 KiB,
// which hold the index of every format that has one. It costs two reads, however
// long the file is.
func etagOf(f *os.File) (etag string, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	size = info.Size()
	var sum crc64.Sum
	buf := make([]byte, min(size, sampleSize))
	for _, at := range []int64{0, size - int64(len(buf))} {
		if _, err := f.ReadAt(buf, at); err != nil && !errors.Is(err, io.EOF) {
			return "", 0, err
		}
		sum = sum.Add(buf)
	}
	return fmt.Sprintf("ends-%d-%016x", size, sum.CRC), size, nil
}

// identify returns size and ETag of an object.
func (s *Store) identify(ctx context.Context, op, key string) (store.Result, error) {
	if _, err := s.stat(ctx, op, key); err != nil {
		return store.Result{}, err
	}
	f, err := s.root.Open(key)
	if err != nil {
		return store.Result{}, s.fail(op, key, err)
	}
	defer f.Close()
	etag, size, err := etagOf(f)
	return store.Result{Size: size, ETag: etag}, s.fail(op, key, err)
}

// Placed tells what Finish has made of a growing file whose journal is gone:
// KindNotFound if nothing under the key can be proved to be it.
func (s *Store) Placed(ctx context.Context, name, key string) (store.Result, error) {
	p, err := growPath(name)
	if err == nil {
		err = checkKey("finish", key)
	}
	placed := false
	if err == nil {
		placed, err = s.placed(p, key, func(*os.File) (bool, error) { return false, nil })
	}
	if err == nil && !placed || errors.Is(err, ErrExist) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return store.Result{}, s.fail("finish", key, err)
	}
	return s.identify(ctx, "finish", key)
}

// DeleteOwn removes an object if it is still what was stored: it has that size,
// and that ETag unless that is empty. ErrForeign if it is something else by now; it
// is no error if there is none.
func (s *Store) DeleteOwn(ctx context.Context, key string, size int64, etag string) error {
	res, err := s.identify(ctx, "delete", key)
	switch {
	case err != nil && store.KindOf(err) == store.KindNotFound:
	case err != nil:
		return err
	case res.Size != size, etag != "" && res.ETag != etag:
		return fmt.Errorf("delete %s: %w", key, ErrForeign)
	}
	return s.Delete(ctx, key)
}

// ErrForeign is why DeleteOwn refuses.
var ErrForeign = errors.New("this is not the file that was stored here")

// Taken tells whether anything lies under a key, or where one of its folders
// should be.
func (s *Store) Taken(ctx context.Context, key string) (bool, error) {
	if err := errors.Join(ctx.Err(), checkKey("look", key)); err != nil {
		return false, s.fail("look", key, err)
	}
	_, err := s.root.Lstat(key)
	switch {
	case err == nil, isNotDir(err):
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, s.fail("look", key, err)
}

// placed tells whether an earlier call has put the object into place. Of a growing
// file that is gone, ours is asked.
func (s *Store) placed(p, key string, ours func(*os.File) (bool, error)) (bool, error) {
	object, err := s.root.Lstat(key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case isNotDir(err):
		return false, ErrExist // an object stands where a folder should
	case err != nil:
		return false, err
	case !object.Mode().IsRegular():
		return false, ErrExist
	}
	there := false
	for _, name := range []string{p, p + rewritten} {
		info, err := s.root.Lstat(name)
		if err != nil {
			continue
		}
		there = true
		if same, err := s.same(name, info, key, object); err != nil || same {
			return same, err
		}
	}
	if there {
		return false, ErrExist
	}
	f, err := s.root.Open(key)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if known, err := s.witnessed(p, key, f); err != nil || known {
		return known, err
	}
	if proved, err := ours(f); err != nil || proved {
		return proved, err
	}
	return false, fmt.Errorf("%w, and of the growing file nothing is left", fs.ErrNotExist)
}

// same tells whether two names are one file, or hold the same bytes.
func (s *Store) same(a string, infoA fs.FileInfo, b string, infoB fs.FileInfo) (bool, error) {
	if os.SameFile(infoA, infoB) {
		return true, nil
	}
	if infoA.Size() != infoB.Size() {
		return false, nil
	}
	fa, err := s.root.Open(a)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := s.root.Open(b)
	if err != nil {
		return false, err
	}
	defer fb.Close()
	x, y := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		n, errX := io.ReadFull(fa, x)
		m, errY := io.ReadFull(fb, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if errX != nil || errY != nil {
			return ended(errX) && ended(errY), errors.Join(unlessEnded(errX), unlessEnded(errY))
		}
	}
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func unlessEnded(err error) error {
	if ended(err) {
		return nil
	}
	return err
}

// hasHead tells whether an object is what Finish makes: size, head and what stands
// behind the body agree. A format without a head proves nothing so.
func hasHead(o *os.File, r Finish) (bool, error) {
	info, err := o.Stat()
	if err != nil {
		return false, err
	}
	for _, room := range []int64{r.Room, 0} {
		front, back, err := r.Head(room)
		if err != nil {
			return false, err
		}
		if len(front) == 0 || info.Size() != int64(len(front))+r.Body+int64(len(back)) {
			continue
		}
		gotFront, gotBack := make([]byte, len(front)), make([]byte, len(back))
		if _, err := o.ReadAt(gotFront, 0); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if _, err := o.ReadAt(gotBack, info.Size()-int64(len(back))); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if bytes.Equal(front, gotFront) && bytes.Equal(back, gotBack) {
			return true, nil
		}
	}
	return false, nil
}

// bearWitness notes what is about to be moved to key.
func (s *Store) bearWitness(ctx context.Context, p, from, key string) error {
	f, err := s.root.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	n := note{Key: key}
	if n.ETag, _, err = etagOf(f); err != nil {
		return err
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := s.remove(p + witness); err != nil {
		return err
	}
	if err := s.write(ctx, p+witness, bytes.NewReader(text), int64(len(text))); err != nil {
		return err
	}
	return s.syncDir(hidden)
}

// witnessed tells whether the note that link left names this object.
func (s *Store) witnessed(p, key string, object *os.File) (bool, error) {
	text, err := s.root.ReadFile(p + witness)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var n note
	if err := json.Unmarshal(text, &n); err != nil {
		return false, fmt.Errorf("%s: %w", p+witness, err)
	}
	etag, _, err := etagOf(object)
	return err == nil && n.Key == key && etag == n.ETag, err
}
