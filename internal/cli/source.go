package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/inspect"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/crc64"
)

// source is where stored objects are read. It changes nothing there.
type source interface {
	// head asks for size and, where the store knows it, CRC64.
	head(ctx context.Context, key string) (store.Result, error)
	open(ctx context.Context, key string) (io.ReadCloser, error)
	close()
}

// source opens the store of that name.
func (v *verifier) source(name string) (source, error) {
	if src := v.src[name]; src != nil {
		return src, nil
	}
	cfg, ok := v.s.Stores[name]
	if !ok {
		return nil, fmt.Errorf("its store %s is not in %s any more", name, v.s.file)
	}
	src, err := openSource(v.s, cfg)
	if err == nil {
		v.src[name] = src
	}
	return src, err
}

func openSource(s *settings, cfg config.Store) (source, error) {
	if cfg.Type == "local" {
		return openFolder(cfg.Dir)
	}
	if err := s.incomplete(); err != nil {
		return nil, err
	}
	c, err := cos.New(cfg, cos.Options{})
	if err != nil {
		return nil, err
	}
	return bucket{c}, nil
}

// folder is a local store, or any folder.
type folder struct{ root *os.Root }

func openFolder(dir string) (source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return folder{root}, nil
}

func (f folder) head(_ context.Context, key string) (store.Result, error) {
	info, err := f.root.Stat(key)
	if err != nil {
		return store.Result{}, err
	}
	if !info.Mode().IsRegular() {
		return store.Result{}, fmt.Errorf("%s is no file", key)
	}
	return store.Result{Size: info.Size()}, nil
}

func (f folder) open(_ context.Context, key string) (io.ReadCloser, error) { return f.root.Open(key) }
func (f folder) close()                                                    { f.root.Close() }

// bucket is a remote store.
type bucket struct{ *cos.Store }

func (b bucket) head(ctx context.Context, key string) (store.Result, error) { return b.Head(ctx, key) }

func (b bucket) open(ctx context.Context, key string) (io.ReadCloser, error) { return b.Get(ctx, key) }

func (b bucket) close() { b.Close() }

// readResult is an object that was read to its end.
type readResult struct {
	head   store.Result
	sum    crc64.Sum
	report *inspect.Report
}

// summing sums up what passes.
type summing struct {
	io.Reader
	sum *crc64.Sum
}

func (r summing) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	*r.sum = r.sum.Add(p[:n])
	return n, err
}

// summingFile is a file of this machine, of which a walk may read places again.
type summingFile struct {
	summing
	io.ReaderAt
}

// attempts is how often an object is read, if the network breaks off.
const attempts = 3

// readFunc reads an object to its end.
type readFunc func(io.Reader) (*inspect.Report, error)

// readObject reads an object to its end.
func readObject(ctx context.Context, src source, key string, read readFunc) (*readResult, error) {
	_, remote := src.(bucket)
	for n := 1; ; n++ {
		g := &readResult{}
		err := g.read(ctx, src, key, read)
		if err == nil {
			return g, nil
		}
		if !remote || n == attempts || store.KindOf(err) != store.KindTemporary || ctx.Err() != nil {
			return nil, err
		}
	}
}

func (g *readResult) read(ctx context.Context, src source, key string, read readFunc) (err error) {
	if g.head, err = src.head(ctx, key); err != nil {
		return err
	}
	body, err := src.open(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	var r io.Reader = summing{body, &g.sum}
	if again, ok := body.(io.ReaderAt); ok {
		r = summingFile{summing{body, &g.sum}, again}
	}
	g.report, err = read(r)
	return err
}

// notThere says in plain words that an object is missing.
func notThere(err error) string {
	if errors.Is(err, os.ErrNotExist) || store.KindOf(err) == store.KindNotFound {
		return "it is missing"
	}
	return "it can't be read: " + err.Error()
}
