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
	"github.com/live-recording/liverecord/internal/store/crc64"
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

	body  io.ReaderAt
	size  int64 // valid body bytes
	ended bool
	parts map[int]state.PartRow     // acknowledged
	gone  func(from, to int64) bool // tells what was given back to the disk; nil = nothing
}

// remote moves a file as far as it can go now.
func (m *Mover) remote(ctx context.Context, t *Target, f *state.FileRow) error {
	u := &upload{m: m, t: t, f: f, ended: f.State == state.FileEnded}
	closeBody, err := u.open(ctx)
	if err != nil {
		return err
	}
	defer closeBody()
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
	case err != nil && store.KindOf(err) == store.KindNotFound, err == nil && !u.ours(res):
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
func (u *upload) plan() (out []part) {
	for n, start := 2, u.minPart(); start < u.size; n++ {
		end := start + store.PartSize(u.t.Config.PartSize, start)
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

// begin makes sure that there is an upload, and knows what of it is there.
func (u *upload) begin(ctx context.Context) error {
	if u.f.Upload == "" {
		if err := u.claim(ctx); err != nil {
			return err
		}
		if err := u.sweep(ctx); err != nil {
			return err
		}
		id, err := u.t.Remote.Initiate(ctx, u.describe())
		if err != nil {
			return err
		}
		u.f.Upload = id
		u.parts = map[int]state.PartRow{}
		u.m.setChecked(u.f.ID)
		return u.m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
			if err := tx.DeleteParts(u.f.ID); err != nil {
				return err
			}
			return tx.UpdateUpload(u.f)
		})
	}
	rows, err := state.Parts(ctx, u.m.o.DB.Reader(), u.f.ID)
	if err != nil {
		return err
	}
	u.parts = map[int]state.PartRow{}
	for _, p := range rows {
		u.parts[p.Number] = p
	}
	if u.m.isChecked(u.f.ID) {
		return nil
	}
	if err := u.reconcile(ctx); err != nil {
		return u.refused(ctx, err)
	}
	u.m.setChecked(u.f.ID)
	return nil
}

func (m *Mover) setChecked(id int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checked[id] = true
}

func (m *Mover) isChecked(id int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.checked[id]
}

// reconcile asks the store which parts it has: only those count that we know
// with the same ETag and that lie where they belong. The others are sent again.
func (u *upload) reconcile(ctx context.Context) error {
	listed, err := u.t.Remote.ListParts(ctx, u.f.Object, u.f.Upload)
	if err != nil {
		return err
	}
	there := map[int]store.Part{}
	for _, p := range listed {
		there[p.Number] = p
	}
	want := map[int]part{}
	for _, p := range u.plan() {
		want[p.number] = p
	}
	for n, p := range u.parts {
		l, listed := there[n]
		w, planned := want[n]
		if !listed || l.ETag != p.ETag || l.Size != p.Size || !planned || p.Start != w.start || p.Size != w.end-w.start {
			delete(u.parts, n)
		}
	}
	return nil
}

// completed: the store does not know the upload any more. If the object is what
// our parts make, they were joined, by an earlier run or by a request whose
// answer was lost.
func (u *upload) completed(ctx context.Context) (bool, error) {
	rows, err := state.Parts(ctx, u.m.o.DB.Reader(), u.f.ID)
	if err != nil || !u.ended || len(rows) == 0 {
		return false, err
	}
	var sum crc64.Sum
	for i, p := range rows {
		if p.Number != i+1 {
			return false, nil
		}
		sum = sum.Then(crc64.Sum{CRC: p.CRC64, Size: p.Size})
	}
	res, err := u.t.Remote.Head(ctx, u.f.Object)
	switch {
	case err != nil && store.KindOf(err) == store.KindNotFound:
		return false, nil
	case err != nil:
		return false, err
	case !sameObject(res, sum):
		return false, nil
	}
	res.Size, res.CRC64, res.HasCRC = sum.Size, sum.CRC, true
	return true, u.m.stored(ctx, u.t, u.f, res)
}

// sendParts sends what is complete and not there yet.
func (u *upload) sendParts(ctx context.Context) (sent int64, err error) {
	if !u.ended {
		// What the store has must survive here too, or the numbers would not fit any more.
		if live, ok := u.t.Dir.Live(u.f.Spool); ok {
			if err := live.Sync(); err != nil {
				return 0, err
			}
		}
	}
	for _, p := range u.plan() {
		if _, ok := u.parts[p.number]; !ok && u.released(p) {
			return 0, errors.Join(errGone, u.anew(ctx))
		}
	}
	for _, p := range u.plan() {
		sent = p.end
		if _, ok := u.parts[p.number]; ok {
			continue
		}
		if err := u.send(ctx, p); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// released: the part left the spool when the store had it.
func (u *upload) released(p part) bool { return u.gone != nil && u.gone(p.start, p.end) }

func (u *upload) send(ctx context.Context, p part) error {
	size := p.end - p.start
	res, err := u.t.Remote.UploadPart(ctx, u.f.Object, u.f.Upload, p.number, io.NewSectionReader(u.body, p.start, size), size)
	if err != nil {
		return err
	}
	return u.note(ctx, state.PartRow{File: u.f.ID, Number: p.number, Start: p.start, Size: size, ETag: res.ETag, CRC64: res.CRC64})
}

func (u *upload) note(ctx context.Context, row state.PartRow) error {
	u.parts[row.Number] = row
	return u.m.o.DB.Update(ctx, func(tx *state.Tx) error { return tx.PutPart(row) })
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

// complete sends part 1 and joins the parts.
func (u *upload) complete(ctx context.Context) error {
	head, err := u.head(u.size)
	if err != nil {
		return err
	}
	k := min(u.minPart(), u.size)
	first := concat{bytesAt(head.Front), section{u.body, 0, k}}
	parts := u.plan()
	if len(head.Back) > 0 && len(parts) > 0 {
		if err := u.sendLast(ctx, parts[len(parts)-1], head.Back); err != nil {
			return err
		}
	}
	res, err := u.t.Remote.UploadPart(ctx, u.f.Object, u.f.Upload, 1, first, first.size())
	if err != nil {
		return err
	}
	err = u.note(ctx, state.PartRow{File: u.f.ID, Number: 1, Size: first.size(), ETag: res.ETag, CRC64: res.CRC64})
	if err != nil {
		return err
	}
	return u.join(ctx, 1+len(parts))
}

// sendLast sends the last part again with what stands behind the body.
func (u *upload) sendLast(ctx context.Context, p part, back []byte) error {
	r := concat{section{u.body, p.start, p.end - p.start}, bytesAt(back)}
	if have := u.parts[p.number]; have.Size == r.size() {
		return nil
	}
	res, err := u.t.Remote.UploadPart(ctx, u.f.Object, u.f.Upload, p.number, r, r.size())
	if err != nil {
		return err
	}
	return u.note(ctx, state.PartRow{File: u.f.ID, Number: p.number, Start: p.start, Size: r.size(), ETag: res.ETag, CRC64: res.CRC64})
}

// join completes the upload and checks the whole.
func (u *upload) join(ctx context.Context, n int) error {
	var list []store.Part
	var sum crc64.Sum
	for i := 1; i <= n; i++ {
		p, ok := u.parts[i]
		if !ok {
			return fmt.Errorf("part %d is missing", i)
		}
		list = append(list, store.Part{Number: i, Size: p.Size, ETag: p.ETag, CRC64: p.CRC64})
		sum = sum.Then(crc64.Sum{CRC: p.CRC64, Size: p.Size})
	}
	res, err := u.t.Remote.Complete(ctx, u.f.Object, u.f.Upload, list)
	if err != nil || !sameObject(res, sum) {
		// Did it happen, and what did it make? The store knows.
		whole, e := u.t.Remote.Head(ctx, u.f.Object)
		switch {
		case e == nil && sameObject(whole, sum):
			res = whole
		case err != nil:
			return err
		case e != nil:
			return e // the next attempt finds the upload gone, and asks again
		default:
			_ = u.t.Remote.Delete(ctx, u.f.Object) // ours, and wrong
			return &store.Error{Op: "complete", Key: u.f.Object, Kind: store.KindCorrupt,
				Err: fmt.Errorf("CRC64 %d and %d bytes in the store, %d and %d here", whole.CRC64, whole.Size, sum.CRC, sum.Size)}
		}
	}
	res.Size, res.CRC64, res.HasCRC = sum.Size, sum.CRC, true
	return u.m.stored(ctx, u.t, u.f, res)
}

func sameObject(r store.Result, s crc64.Sum) bool {
	return r.Size == s.Size && (!r.HasCRC || r.CRC64 == s.CRC)
}

// refused looks what a failure means for the upload. errDone: nothing is left to do.
func (u *upload) refused(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case store.KindOf(err) == store.KindNoUpload:
		done, e := u.completed(ctx)
		if e != nil {
			return e
		}
		if done {
			return errDone
		}
		return errors.Join(err, u.anew(ctx))
	case store.KindOf(err) == store.KindCorrupt:
		return errors.Join(err, u.anew(ctx))
	case store.KindOf(err) == store.KindBadPart:
		// Ask the store before the next attempt; what it doesn't have right is sent again.
		u.m.mu.Lock()
		delete(u.m.checked, u.f.ID)
		u.m.mu.Unlock()
	}
	return err
}

// anew forgets the upload, so that the next attempt begins from the spool.
func (u *upload) anew(ctx context.Context) error {
	if u.f.Upload != "" {
		_ = u.t.Remote.Abort(ctx, u.f.Object, u.f.Upload) // it may be gone already
	}
	u.f.Upload = ""
	u.m.mu.Lock()
	delete(u.m.checked, u.f.ID)
	u.m.mu.Unlock()
	return u.m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		if err := tx.DeleteParts(u.f.ID); err != nil {
			return err
		}
		return tx.UpdateUpload(u.f)
	})
}
