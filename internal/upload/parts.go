package upload

import (
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// begin makes sure that there is an upload, and knows what of it is there.
func (u *upload) begin(ctx context.Context) error {
	if u.f.Upload == "" {
		if u.onlyCopy() {
			return u.adopt(ctx)
		}
		return u.initiate(ctx)
	}
	rows, err := state.Parts(ctx, u.m.o.DB.Reader(), u.f.ID)
	if err != nil {
		return err
	}
	u.know(rows)
	if u.m.isChecked(u.f.ID) {
		return nil
	}
	if err := u.reconcile(ctx); err != nil {
		return u.refused(ctx, err)
	}
	u.m.setChecked(u.f.ID)
	return nil
}

// know takes over what earlier attempts noted.
func (u *upload) know(rows []state.PartRow) {
	u.parts, u.cuts = map[int]state.PartRow{}, map[int]part{}
	for _, p := range rows {
		u.parts[p.Number] = p
		u.cuts[p.Number] = part{p.Number, p.Start, p.Start + p.Size}
	}
}

// initiate begins an upload under a key that is free.
func (u *upload) initiate(ctx context.Context) error {
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
	u.know(nil)
	u.m.setChecked(u.f.ID)
	return u.m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		if err := tx.DeleteParts(u.f.ID); err != nil {
			return err
		}
		return tx.UpdateUpload(u.f)
	})
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

// uncheck makes the next attempt ask the store first.
func (m *Mover) uncheck(id int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.checked, id)
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
	return u.adoptParts(ctx, there)
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
			return 0, u.missing(fmt.Errorf("the store does not show part %d, whose %d bytes left the spool when it had them",
				p.number, p.end-p.start))
		}
	}
	for _, p := range u.plan() {
		sent = p.end
		if _, ok := u.parts[p.number]; ok {
			continue
		}
		if err := u.send(ctx, p.number, p.start, section{u.body, p.start, p.end - p.start}); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// released: the part left the spool when the store had it.
func (u *upload) released(p part) bool { return u.gone != nil && u.gone(p.start, p.end) }

// send sends a part and notes it. After an error nobody knows what the store has
// under that number: the part does not count until it was sent again, or until a
// list shows it as noted.
func (u *upload) send(ctx context.Context, number int, start int64, body sized) error {
	res, err := u.t.Remote.UploadPart(ctx, u.f.Object, u.f.Upload, number, body, body.size())
	if err != nil {
		if _, ok := u.parts[number]; ok {
			u.m.uncheck(u.f.ID)
		}
		return err
	}
	row := state.PartRow{File: u.f.ID, Number: number, Start: start, Size: body.size(), ETag: res.ETag,
		CRC64: res.CRC64, HasCRC: true, Proven: res.HasCRC}
	u.parts[number] = row
	return u.m.o.DB.Update(ctx, func(tx *state.Tx) error { return tx.PutPart(row) })
}

// relieve gives confirmed parts back to the disk when the spool is half full, and
// tells whether there are some that stay.
func (u *upload) relieve(ctx context.Context) (held bool, err error) {
	live, ok := u.t.Dir.Live(u.f.Spool)
	if !ok {
		return false, nil
	}
	for _, p := range u.parts {
		held = held || p.Number > 1 && !live.IsReleased(p.Start, p.Start+p.Size)
	}
	if !held || !u.m.short(u.f.Store) {
		return held, nil
	}
	listed, err := u.t.Remote.ListParts(ctx, u.f.Object, u.f.Upload)
	if err != nil {
		return true, err
	}
	there := map[int]store.Part{}
	for _, p := range listed {
		there[p.Number] = p
	}
	var give [][2]int64
	held = false
	for _, p := range u.parts {
		if p.Number < 2 || live.IsReleased(p.Start, p.Start+p.Size) {
			continue
		}
		if l := there[p.Number]; l.ETag != p.ETag || l.Size != p.Size || !u.proven(p) {
			held = true
			continue
		}
		give = append(give, [2]int64{p.Start, p.Start + p.Size})
	}
	slices.SortFunc(give, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	if err := live.Release(give...); err != nil {
		return true, fmt.Errorf("giving parts back to the disk: %w", err)
	}
	return held, nil
}

// proven tells whether the store has the bytes of a part as they are in the
// spool: it told their CRC64 when it took them, or its ETag is their MD5. An ETag
// that merely stays the same proves nothing.
func (u *upload) proven(p state.PartRow) bool {
	if p.Proven {
		return true
	}
	sum := md5.New()
	if _, err := io.Copy(sum, io.NewSectionReader(u.body, p.Start, p.Size)); err != nil {
		return false
	}
	return hex.EncodeToString(sum.Sum(nil)) == p.ETag
}
