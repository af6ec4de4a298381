package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// A multipart upload joins its parts by number, whatever the order in which they
// came. So the body goes up in parts 2, 3, 4 … while it grows, and part 1, which
// begins with the head that is only known at the end, comes last. It holds back
// the first bytes of the body so that it reaches the store's minimum:
//
//	part 1 = head ‖ body[0, K)     K = the store's minimum
//	part n = body[start(n), start(n) + size(n)), start(2) = K
//
// Sizes depend on the offset only (store.PartSize), so every run cuts the same
// way. A file that never filled part 2 is one PUT.
//
// growing.go plans, parts.go sends and compares, complete.go joins and checks,
// onlycopy.go decides what a store's refusal means for an upload.

// growth is an open file whose parts go up as they are complete.
type growth struct {
	store    string
	size     int64 // body bytes, as the recorder last told
	wake     int64 // body bytes at which the next part is complete
	held     bool  // the spool holds parts that the store has, too
	after    time.Time
	failures int
}

// Grew tells that an open file has grown. It is called often and does little.
func (m *Mover) Grew(file int64, storeName string, size int64) {
	m.mu.Lock()
	g := m.growing[file]
	if g == nil {
		t, err := m.o.Target(storeName)
		if err != nil || t.Remote == nil {
			m.mu.Unlock()
			return
		}
		k := t.Remote.MinPart()
		g = &growth{store: storeName, wake: k + store.PartSize(t.Config.PartSize, k)}
		m.growing[file] = g
	}
	g.size = size
	// A job rings at its end, and so does a free worker; until then it is known.
	ring := size >= g.wake && !m.busy[file] && !g.after.After(time.Now())
	m.mu.Unlock()
	if ring {
		m.Wake()
	}
}

// grown lists open files that have a part to send, or parts to give back to a
// spool that needs the room.
func (m *Mover) grown(ctx context.Context, now time.Time) ([]*state.FileRow, error) {
	m.mu.Lock()
	var ids []int64
	for id, g := range m.growing {
		if (g.size >= g.wake || g.held && m.short(g.store)) && !m.busy[id] && !g.after.After(now) {
			ids = append(ids, id)
		}
	}
	m.mu.Unlock()
	var out []*state.FileRow
	for _, id := range ids {
		f, err := state.FileByID(ctx, m.o.DB.Reader(), id)
		switch {
		case errors.Is(err, state.ErrNotFound):
			m.forget(id)
		case err != nil:
			return nil, err
		case f.State == state.FileOpen || f.State == state.FileWaiting:
			out = append(out, f)
		default: // has ended: ready() finds it
			m.forgetGrowth(id)
		}
	}
	return out, nil
}

// short tells whether a store's spool is half full: confirmed parts leave it.
func (m *Mover) short(store string) bool {
	t, err := m.o.Target(store)
	return err == nil && t.Dir.Limit() > 0 && t.Dir.Used() >= t.Dir.Limit()/2
}

func (m *Mover) forgetGrowth(id int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.growing, id)
}

// part is the place of a part in the body.
type part struct {
	number     int
	start, end int64
}

// upload is one job's view of a file on its way into a remote store.
type upload struct {
	m *Mover
	t *Target
	f *state.FileRow
	h spool.Header

	body   io.ReaderAt
	size   int64 // valid body bytes
	ended  bool
	parts  map[int]state.PartRow     // acknowledged
	cuts   map[int]part              // where earlier parts were cut, also under another partSize
	gone   func(from, to int64) bool // tells what was given back to the disk; nil = nothing
	proved bool                      // the store is known to say "not found"
}

// onlyCopy tells whether the spool gave bytes back that nobody but the store's
// open upload has. Such an upload is never aborted and never given up.
func (u *upload) onlyCopy() bool { return u.gone != nil && u.gone(0, u.size) }

// remote moves a file as far as it can go now.
func (m *Mover) remote(ctx context.Context, t *Target, f *state.FileRow) error {
	u := &upload{m: m, t: t, f: f, ended: f.State == state.FileEnded}
	closeBody, err := u.open(ctx)
	if err != nil {
		return err
	}
	defer closeBody()
	if f.Parent != 0 && u.ended {
		if err := m.claimList(ctx, t, f); err != nil {
			return err
		}
	}
	if f.Parent != 0 || u.fitsOnePut() {
		if !u.ended {
			return nil
		}
		return u.put(ctx)
	}
	if err := u.begin(ctx); err != nil {
		return err
	}
	sent, err := u.sendParts(ctx)
	if err != nil {
		return u.refused(ctx, err)
	}
	if !u.ended {
		held, err := u.relieve(ctx)
		u.noteProgress(sent, held)
		return err
	}
	return u.refused(ctx, u.complete(ctx))
}

// open finds the body, of a live file or of one at rest.
func (u *upload) open(ctx context.Context) (func(), error) {
	dir := u.t.Dir
	h, err := dir.Header(u.f.Spool)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, spool.ErrNoHeader) {
		return nil, u.alreadyThere(ctx)
	}
	if err != nil {
		return nil, err
	}
	u.h = h
	if !u.ended {
		live, ok := dir.Live(u.f.Spool)
		if !ok {
			return nil, fmt.Errorf("%s: %w", u.f.Spool, fs.ErrClosed)
		}
		u.body, u.size, u.gone = live, live.Size(), live.IsReleased
		return func() {}, nil
	}
	if u.gone, err = dir.Released(u.f.Spool); err != nil {
		return nil, err
	}
	b, err := dir.Body(u.f.Spool, h.Room, u.f.Size)
	if err != nil {
		return nil, err
	}
	u.body, u.size = b, u.f.Size
	return func() { b.Close() }, nil
}

// errDone ends a job that found its work done.
var errDone = errors.New("done before")

// alreadyThere: the spool has nothing. An earlier run may have stored the file
// and died before it could note that.
func (u *upload) alreadyThere(ctx context.Context) error {
	res, err := u.t.Remote.Head(ctx, u.f.Object)
	switch {
	case err != nil && store.KindOf(err) == store.KindNotFound, err == nil && (!u.ours(res) || res.Size < u.f.Size):
		return errGone
	case err != nil:
		return err
	}
	if err := u.m.stored(ctx, u.t, u.f, res); err != nil {
		return err
	}
	return errDone
}

func (u *upload) minPart() int64 { return u.t.Remote.MinPart() }

// fitsOnePut: neither was an upload begun nor is there enough for part 2.
func (u *upload) fitsOnePut() bool {
	k := u.minPart()
	return u.f.Upload == "" && u.size < k+store.PartSize(u.t.Config.PartSize, k)
}

// plan cuts the body into parts 2, 3, …; the last one only if the file has ended.
// What was cut before stays so: partSize may have changed since.
func (u *upload) plan() (out []part) {
	for n, start := 2, u.minPart(); start < u.size; n++ {
		end := start + store.PartSize(u.t.Config.PartSize, start)
		if c, ok := u.cuts[n]; ok && c.start == start {
			end = c.end
		}
		if end > u.size {
			if !u.ended {
				break
			}
			end = u.size
		}
		out = append(out, part{n, start, end})
		start = end
	}
	return out
}

// noteProgress says at which size the next part is complete, and whether parts
// could leave the spool.
func (u *upload) noteProgress(sent int64, held bool) {
	sent = max(sent, u.minPart())
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	if g := u.m.growing[u.f.ID]; g != nil {
		g.wake = sent + store.PartSize(u.t.Config.PartSize, sent)
		g.held, g.failures, g.after = held, 0, time.Time{}
	}
}
