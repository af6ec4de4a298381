package upload

import (
	"context"
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// Parts that a store has confirmed may leave the spool. From then on the open
// upload is the only copy of their bytes, and three rules hold:
//
//   - It is never aborted, and never restarted.
//   - A store that does not show such a part, or does not know the upload, may be
//     wrong: it is asked again, with growing pauses, before anything is decided.
//   - In the end the file is parked, with its upload, its rows and what is left of
//     it in the spool: a human may still find the bytes.

// asks is how often a store is asked for what only it can have: more than ten
// minutes, with the pauses between.
const asks = 12

// missing: the store does not have, or does not show, what only it can have.
func (u *upload) missing(cause error) error {
	m := u.m
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.checked, u.f.ID)
	if !u.ended {
		return &store.Error{Op: "upload", Key: u.f.Object, Kind: store.KindTemporary, Err: cause}
	}
	m.asked[u.f.ID]++
	if m.asked[u.f.ID] < m.asks {
		return &store.Error{Op: "upload", Key: u.f.Object, Kind: store.KindTemporary, Err: cause}
	}
	delete(m.asked, u.f.ID)
	return &store.Error{Op: "upload", Key: u.f.Object, Kind: store.KindPermanent, Code: "OnlyCopy", Err: cause,
		Remedy: fmt.Sprintf("look in the bucket for multipart upload %q and the object of this key, and delete neither: they may hold the only copy; "+
			"when the store shows them again, save recording.yml", u.f.Upload)}
}

// refused looks what a failure means for the upload. errDone: nothing is left to do.
func (u *upload) refused(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case store.KindOf(err) == store.KindNoUpload:
		done, e := u.completed(ctx)
		switch {
		case e != nil:
			return e
		case done:
			return errDone
		case u.onlyCopy():
			return u.missing(err)
		}
		return u.restart(ctx, err)
	case store.KindOf(err) == store.KindBadPart:
		// Ask the store before the next attempt; what it doesn't have right is sent again.
		u.m.uncheck(u.f.ID)
	}
	return err
}

// restart forgets the upload: the next attempt sends all from the spool, which has
// it. The caller made sure of that. Nothing is aborted: the store has said that
// there is no such upload, and if it was wrong a lifecycle rule clears it away.
func (u *upload) restart(ctx context.Context, cause error) error {
	if u.onlyCopy() {
		return u.missing(cause)
	}
	u.f.Upload = ""
	u.m.uncheck(u.f.ID)
	return errors.Join(cause, u.m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		if err := tx.DeleteParts(u.f.ID); err != nil {
			return err
		}
		return tx.UpdateUpload(u.f)
	}))
}

// adopt finds the upload of a file whose row has lost it, with the state or by an
// old copy of it: the one open upload of the key that has all that the spool
// doesn't.
func (u *upload) adopt(ctx context.Context) error {
	open, err := u.t.Remote.ListUploads(ctx, u.f.Object)
	if err != nil {
		return err
	}
	var found []string
	for _, x := range open {
		if x.Key != u.f.Object {
			continue // a key that begins with ours
		}
		known, err := state.UploadKnown(ctx, u.m.o.DB.Reader(), u.f.Store, x.ID)
		if err != nil {
			return err
		}
		has, err := u.hasAll(ctx, x.ID)
		if err != nil {
			return err
		}
		if has && !known {
			found = append(found, x.ID)
		}
	}
	if len(found) != 1 {
		return u.missing(fmt.Errorf("parts of this file left the spool for an upload that the state does not know; %d of the %d open uploads of its key can be it: %v",
			len(found), len(open), found))
	}
	u.m.o.Log.Warn("an upload that the state did not know holds parts of this file and goes on",
		"store", u.f.Store, "object", u.f.Object, "upload", found[0])
	u.f.Upload = found[0]
	if err := u.m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error { return tx.UpdateUpload(u.f) }); err != nil {
		return err
	}
	u.know(nil)
	if err := u.reconcile(ctx); err != nil {
		return err
	}
	u.m.setChecked(u.f.ID)
	return nil
}

// hasAll tells whether an upload has every part that left the spool.
func (u *upload) hasAll(ctx context.Context, id string) (bool, error) {
	listed, err := u.t.Remote.ListParts(ctx, u.f.Object, id)
	if store.KindOf(err) == store.KindNoUpload {
		listed, err = nil, nil
	}
	if err != nil {
		return false, err
	}
	there := map[int]store.Part{}
	for _, p := range listed {
		there[p.Number] = p
	}
	u.know(nil)
	u.cutAs(there)
	for _, p := range u.plan() {
		if u.released(p) && there[p.number].Size != p.end-p.start {
			return false, nil
		}
	}
	return true, nil
}

// cutAs learns from a list of parts where they were cut.
func (u *upload) cutAs(there map[int]store.Part) {
	for n, start := 2, u.minPart(); there[n].Size > 0; n++ {
		if _, ok := u.cuts[n]; !ok {
			u.cuts[n] = part{n, start, start + there[n].Size}
		}
		start = u.cuts[n].end
	}
}

// adoptParts takes parts of the upload that the state does not know and that left
// the spool: it was restored from an older copy. Their sums are not known.
func (u *upload) adoptParts(ctx context.Context, there map[int]store.Part) error {
	if !u.onlyCopy() {
		return nil
	}
	known, err := state.Parts(ctx, u.m.o.DB.Reader(), u.f.ID)
	if err != nil {
		return err
	}
	noted := map[int]bool{}
	for _, p := range known {
		noted[p.Number] = true
	}
	u.cutAs(there)
	for _, p := range u.plan() {
		l := there[p.number]
		if noted[p.number] || !u.released(p) || l.Size != p.end-p.start {
			continue
		}
		row := state.PartRow{File: u.f.ID, Number: p.number, Start: p.start, Size: l.Size, ETag: l.ETag}
		u.parts[p.number] = row
		if err := u.m.o.DB.Update(ctx, func(tx *state.Tx) error { return tx.PutPart(row) }); err != nil {
			return err
		}
	}
	return nil
}
