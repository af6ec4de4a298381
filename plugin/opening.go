package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/lockfile"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/local"
	"github.com/live-recording/liverecord/internal/upload"
)

// opened is what became of opening a store, or the spool: what close and release
// have to let go, or an error.
type opened struct {
	name   string
	target *upload.Target // nil of the spool
	local  *local.Store
	dir    *spool.Dir // nil where an older one is used on
	lock   *lockfile.Lock
	err    error
}

// failed lets go of what was opened so far.
func (o *opened) failed(err error) *opened {
	o.close()
	o.release()
	return &opened{err: err}
}

// close lets go of the folders. It may take as long as their disk.
func (o *opened) close() {
	if o.dir != nil {
		_ = o.dir.Close() // nothing is written any more; what hangs was told when it began to
	}
	if o.local != nil {
		_ = o.local.Close()
	}
}

// release gives the lock back.
func (o *opened) release() { _ = o.lock.Release() }

// guarded turns a panic of an opener into its error.
func guarded(open func() *opened) (o *opened) {
	defer func() {
		if p := recover(); p != nil {
			o = &opened{err: fmt.Errorf("internal error: %v\n%s", p, debug.Stack())}
		}
	}()
	return open()
}

func (p *places) openSpool() *opened {
	o := &opened{}
	if err := p.openDir(o, p.config.Dir, p.config.MaxSize); err != nil {
		return o.failed(err)
	}
	return o
}

// openLocal opens a local store. With old it is the same one, configured
// otherwise: its files go on growing where they do.
func (p *places) openLocal(s config.Store, old *upload.Target) *opened {
	o := &opened{}
	var err error
	if o.local, err = local.New(s, p.config.MinFree); err != nil {
		return o.failed(err)
	}
	o.target = &upload.Target{Config: s, Local: o.local}
	if old != nil {
		o.target.Dir = old.Dir
		return o
	}
	if err := p.openDir(o, o.local.GrowDir(), 0); err != nil {
		return o.failed(err)
	}
	o.target.Dir = o.dir
	return o
}

func openRemote(s config.Store, dir *spool.Dir) *opened {
	remote, err := cos.New(s, cos.Options{})
	if err != nil {
		return &opened{err: err}
	}
	return &opened{target: &upload.Target{Config: s, Dir: dir, Remote: remote}}
}

// openDir locks a folder in which files grow, and opens it.
func (p *places) openDir(o *opened, path string, max int64) (err error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	o.lock, err = lockfile.Acquire(filepath.Join(path, spool.LockName), p.holder)
	var held *lockfile.HeldError
	switch {
	case errors.As(err, &held):
		return fmt.Errorf("%s is in use by %s; two servers must never share a spool or a local store: stop that one, "+
			"or give this one a folder of its own under another store name (or spool.dir)", path, held.Holder)
	case errors.Is(err, lockfile.ErrUnsupported):
		p.log.Warn("a folder can't be locked: make sure that no other server uses it", "folder", path, "error", err)
	case err != nil:
		return err
	}
	o.dir, err = spool.Open(path, max, p.config.MinFree, func(err error) { p.log.Error("sync to disk failed", "error", err) })
	return err
}
