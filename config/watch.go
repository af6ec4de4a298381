package config

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is how long nothing must happen before the file is read: editors
	// write in several steps.
	quiet = 100 * time.Millisecond
	// patience is how long a missing or empty file may stay so before it is
	// reported: some editors remove or truncate first.
	patience = 400 * time.Millisecond
	// poll is how often the file is looked at without any notice: for network
	// file systems, and for folders that are replaced as a whole.
	poll = 500 * time.Millisecond
)

// Watch calls changed with the result of Load each time the content of the file
// at path differs from before, and with Problems when the file disappears. It
// begins with the content at the time of the call, runs until ctx is done, and
// calls changed from its own goroutine, never twice at once. A change counts
// well within a second.
func Watch(ctx context.Context, path string, changed func(*Config, error)) {
	newWatcher(path, changed).run(ctx)
}

// WatchFrom is Watch for a caller that has loaded the file already: what
// changed between Load and WatchFrom is not missed. If loaded is nil, because
// the file could not be loaded, changed is called at once.
func WatchFrom(ctx context.Context, path string, loaded *Config, changed func(*Config, error)) {
	w := newWatcher(path, changed)
	w.last = contentState{}
	if loaded != nil {
		w.last = contentState{known: true, sum: loaded.source}
	}
	w.seen = fileState{}
	w.run(ctx)
}

// contentState is what was last told to changed.
type contentState struct {
	known  bool
	absent bool
	sum    [32]byte
}

// fileState tells cheaply whether the file may have changed.
type fileState struct {
	known bool
	info  os.FileInfo
}

func (a fileState) same(b fileState) bool {
	if !a.known || !b.known || (a.info == nil) != (b.info == nil) {
		return false
	}
	return a.info == nil || os.SameFile(a.info, b.info) &&
		a.info.Size() == b.info.Size() && a.info.ModTime().Equal(b.info.ModTime())
}

// watcher is owned by the goroutine that runs it.
type watcher struct {
	path    string
	changed func(*Config, error)
	last    contentState
	seen    fileState
	gone    time.Time // since when the file is missing or empty
	notices *fsnotify.Watcher
	folders map[string]os.FileInfo // watched
}

func newWatcher(path string, changed func(*Config, error)) *watcher {
	w := &watcher{path: path, changed: changed, folders: map[string]os.FileInfo{}}
	w.seen = look(path)
	w.last, _ = content(path)
	return w
}

func look(path string) fileState {
	info, _ := os.Stat(path)
	return fileState{known: true, info: info}
}

// content returns the state of the file and its bytes. A file that cannot be
// read counts as absent.
func content(path string) (contentState, []byte) {
	data, err := readFile(path)
	if err != nil {
		return contentState{known: true, absent: true}, nil
	}
	return contentState{known: true, sum: sha256.Sum256(data)}, data
}

func (w *watcher) run(ctx context.Context) {
	// Without notices (no inotify instance left) polling alone does.
	var events chan fsnotify.Event
	var faults chan error
	if n, err := fsnotify.NewWatcher(); err == nil {
		defer n.Close()
		w.notices, events, faults = n, n.Events, n.Errors
	}
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	waiting := true
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			// The timer is not pushed on by each event: a busy folder must not
			// keep a change from counting.
			if !waiting && w.concerns(e.Name) {
				due.Reset(quiet)
				waiting = true
			}
		case <-faults: // events were lost; polling finds what they told
		case <-ticker.C:
			if now := look(w.path); !waiting && !now.same(w.seen) {
				due.Reset(quiet)
				waiting = true
			}
			w.follow()
		case <-due.C:
			waiting = !w.settle()
			if waiting {
				due.Reset(quiet)
			}
			w.follow()
		}
	}
}

// concerns tells whether a notice may be about the file. In a folder that
// Kubernetes made of a ConfigMap the file is a link through ..data.
func (w *watcher) concerns(name string) bool {
	base := filepath.Base(name)
	if base == filepath.Base(w.path) || base == "..data" {
		return true
	}
	target, err := filepath.EvalSymlinks(w.path)
	return err == nil && base == filepath.Base(target)
}

// follow watches the folder of the file and, if it is a link, that of its target.
func (w *watcher) follow() {
	if w.notices == nil {
		return
	}
	want := map[string]bool{filepath.Dir(w.path): true}
	if target, err := filepath.EvalSymlinks(w.path); err == nil {
		want[filepath.Dir(target)] = true
	}
	for dir, old := range w.folders {
		if now, err := os.Stat(dir); err != nil || !want[dir] || !os.SameFile(old, now) {
			_ = w.notices.Remove(dir) // it may have gone by itself
			delete(w.folders, dir)
		}
	}
	for dir := range want {
		if _, ok := w.folders[dir]; ok {
			continue
		}
		if info, err := os.Stat(dir); err == nil && w.notices.Add(dir) == nil {
			w.folders[dir] = info
		}
	}
}

// settle reads the file and tells of a change. It returns false if the file
// should be looked at again soon.
func (w *watcher) settle() bool {
	before := look(w.path)
	now, data := content(w.path)
	if len(data) == 0 {
		if w.gone.IsZero() {
			w.gone = time.Now()
		}
		if now != w.last && time.Since(w.gone) < patience {
			return false
		}
	} else {
		w.gone = time.Time{}
	}
	if !before.same(look(w.path)) {
		return false // being written
	}
	w.seen = before
	if now == w.last {
		return true
	}
	w.last = now
	if now.absent {
		_, err := readFile(w.path)
		w.changed(nil, err)
		return true
	}
	w.changed(Parse(w.path, data, os.LookupEnv))
	return true
}
