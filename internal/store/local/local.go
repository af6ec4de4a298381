package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/store"
)

// ErrExist is why Finish refuses: another object has the key.
var ErrExist = errors.New("another object has this key")

// ErrUnsynced is a file that could not be synced. What was written to it may be
// gone, and the next sync would say that all is well.
var ErrUnsynced = errors.New("not on the disk")

// hidden is the folder of what is not finished.
const hidden = ".liverecord"

const (
	tmpPrefix = "put-" // temporary files of Put
	growing   = "grow-"
)

// Store is a folder. Its methods may be called concurrently, but those of one
// growing file.
type Store struct {
	dir     string
	baseURL string
	minFree int64
	root    *os.Root
}

// New opens the folder, makes it if need be, and removes what writes that were
// cut off an hour or more ago left behind. minFree is how many bytes of the disk
// Put and Create leave free; Finish may use them.
func New(cfg config.Store, minFree int64) (*Store, error) {
	if cfg.Dir == "" {
		return nil, fmt.Errorf("store %s: dir is empty", cfg.Name)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store %s: %w", cfg.Name, err)
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", cfg.Name, err)
	}
	s := &Store{dir: cfg.Dir, baseURL: strings.TrimRight(cfg.BaseURL, "/"), minFree: minFree, root: root}
	if err := s.prepare(); err != nil {
		root.Close()
		return nil, fmt.Errorf("store %s: %w", cfg.Name, err)
	}
	return s, nil
}

func (s *Store) prepare() error {
	if err := s.root.Mkdir(hidden, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := s.root.Lstat(hidden)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s/%s is not a folder", s.dir, hidden)
	}
	entries, err := fs.ReadDir(s.root.FS(), hidden)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && s.leftOver(e.Name(), info) {
			s.root.Remove(hidden + "/" + e.Name()) //nolint:errcheck // the next start tries again
			continue
		}
		if err == nil && strings.HasPrefix(e.Name(), tmpPrefix) && time.Since(info.ModTime()) > time.Hour {
			s.root.Remove(hidden + "/" + e.Name()) //nolint:errcheck // the next start tries again
		}
	}
	return nil
}

// leftOver tells whether a file is the copy that Finish made of a growing file
// that is stored and gone: its bytes have another name, and nobody asks for it.
func (s *Store) leftOver(name string, info fs.FileInfo) bool {
	body, ok := strings.CutSuffix(name, rewritten)
	if !ok || s.exists(hidden+"/"+body) || names(info) < 2 {
		return false
	}
	return !s.exists(hidden + "/" + strings.TrimSuffix(body, path.Ext(body)) + journalExt)
}

// journalExt ends the names of the journals beside growing files, see package spool.
const journalExt = ".idx"

// Close lets go of the folder. Open files stay usable.
func (s *Store) Close() error { return s.root.Close() }

// Dir is the folder.
func (s *Store) Dir() string { return s.dir }

// checkKey refuses keys that are no place for an object.
func checkKey(op, key string) error {
	first, _, _ := strings.Cut(key, "/")
	if !fs.ValidPath(key) || key == "." || strings.EqualFold(first, hidden) || strings.ContainsRune(key, 0) {
		return &store.Error{
			Op: op, Key: key, Kind: store.KindPermanent, Code: "InvalidKey",
			Err: errors.New("not a key for a local store"), Remedy: "correct the path of the template",
		}
	}
	return nil
}

// fail makes the *store.Error of a file system's error.
func (s *Store) fail(op, key string, err error) error {
	if err == nil {
		return nil
	}
	var ready *store.Error
	if errors.As(err, &ready) {
		return err
	}
	e := &store.Error{Op: op, Key: key, Kind: store.KindTemporary, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Kind = store.KindNotFound
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		e.Kind = store.KindPermanent
		e.Remedy = "let the server's user write to " + s.dir
	case isTooLong(err):
		e.Kind = store.KindPermanent
		e.Remedy = "shorten the path of the template"
	case isFull(err):
		e.Code, e.Remedy = "DiskFull", "free some space on the disk of "+s.dir
	case errors.Is(err, ErrExist):
		e.Kind, e.Code = store.KindPermanent, "Exists"
	default:
		if remedy := s.hopeless(err); remedy != "" {
			e.Kind, e.Remedy = store.KindPermanent, remedy
		}
	}
	return e
}

// Put stores size bytes of body as one object, atomically, and replaces what
// was there. Content type, metadata and tags are not kept: a file has none.
func (s *Store) Put(ctx context.Context, o store.Object, body io.ReaderAt, size int64) (store.Result, error) {
	if err := checkKey("put", o.Key); err != nil {
		return store.Result{}, err
	}
	if err := s.room(size); err != nil {
		return store.Result{}, s.fail("put", o.Key, err)
	}
	tmp := hidden + "/" + tmpPrefix + rand.Text()
	if err := s.write(ctx, tmp, io.NewSectionReader(body, 0, size), size); err != nil {
		s.root.Remove(tmp) //nolint:errcheck // New removes it
		return store.Result{}, s.fail("put", o.Key, err)
	}
	err := s.place(o.Key, func() error { return s.replace(ctx, tmp, o.Key) })
	if err != nil {
		s.root.Remove(tmp) //nolint:errcheck // New removes it
		return store.Result{}, s.fail("put", o.Key, err)
	}
	return s.identify(ctx, "put", o.Key)
}

// write makes a new file of exactly size bytes and syncs it.
func (s *Store) write(ctx context.Context, name string, body io.Reader, size int64) error {
	f, err := s.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, &ctxReader{ctx, body})
	if err == nil && n != size {
		err = fmt.Errorf("the source has %d bytes, not %d", n, size)
	}
	return done(f, err)
}

// done syncs f if all went well so far, and closes it.
func done(f *os.File, err error) error {
	if err == nil {
		if err = f.Sync(); err != nil {
			err = fmt.Errorf("%w: %w", ErrUnsynced, err)
		}
	}
	return errors.Join(err, f.Close())
}

// ctxReader ends with the error of ctx.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one copy
	r   io.Reader
}

func (r *ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// place makes the folders of key, calls put, and syncs the folder. A Delete at
// the same time may take the folder away in between; then it tries again.
func (s *Store) place(key string, put func() error) error {
	var err error
	for range 100 {
		if err = s.mkdirs(path.Dir(key)); err == nil {
			err = put()
		}
		if err == nil {
			// A folder that is gone: the object was deleted already.
			return unlessAbsent(s.syncDir(path.Dir(key)))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

func unlessAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// mkdirs makes a folder with those above it, and syncs what it made.
func (s *Store) mkdirs(dir string) error {
	if dir == "." {
		return nil
	}
	err := s.root.Mkdir(dir, 0o700)
	if err == nil {
		return s.syncDir(path.Dir(dir))
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.mkdirs(path.Dir(dir)); err != nil {
		return err
	}
	if err := s.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.syncDir(path.Dir(dir))
}

func (s *Store) syncDir(dir string) error {
	d, err := s.root.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// Head asks for an object's size. KindNotFound if it is absent or no regular file.
func (s *Store) Head(ctx context.Context, key string) (store.Result, error) {
	info, err := s.stat(ctx, "head", key)
	if err != nil {
		return store.Result{}, err
	}
	return store.Result{Size: info.Size()}, nil
}

func (s *Store) stat(ctx context.Context, op, key string) (fs.FileInfo, error) {
	if err := errors.Join(ctx.Err(), checkKey(op, key)); err != nil {
		return nil, s.fail(op, key, err)
	}
	info, err := s.root.Lstat(key)
	if err == nil && !info.Mode().IsRegular() || isNotDir(err) {
		err = fs.ErrNotExist
	}
	return info, s.fail(op, key, err)
}

// Open opens an object for reading. The caller closes it.
func (s *Store) Open(ctx context.Context, key string) (*os.File, error) {
	if _, err := s.stat(ctx, "get", key); err != nil {
		return nil, err
	}
	f, err := s.root.Open(key)
	return f, s.fail("get", key, err)
}

// Get is Open as remote stores have it.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	f, err := s.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Delete removes an object and the folders that it leaves empty. It is no error
// if there is none.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.stat(ctx, "delete", key)
	if err == nil {
		err = s.fail("delete", key, s.root.Remove(key))
	}
	if err != nil && store.KindOf(err) != store.KindNotFound {
		return err
	}
	s.removeEmpty(path.Dir(key))
	return nil
}

// removeEmpty removes a folder and those above it, up to the first that is not
// empty, or a link, or gone.
func (s *Store) removeEmpty(dir string) {
	for ; dir != "."; dir = path.Dir(dir) {
		info, err := s.root.Lstat(dir)
		if err != nil || !info.IsDir() || s.root.Remove(dir) != nil {
			return
		}
	}
}

// URL returns the address of an object below baseURL.
func (s *Store) URL(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return s.baseURL + "/" + strings.Join(parts, "/")
}

// room refuses a write of size bytes that would leave less than minFree.
func (s *Store) room(size int64) error {
	if free, err := s.Free(); err == nil && free-size < s.minFree {
		return errFull
	}
	return nil // if nobody knows how much is free, the write will tell
}

// Free returns how many bytes of the disk the server's user may still fill.
func (s *Store) Free() (int64, error) { return freeBytes(s.dir) }
