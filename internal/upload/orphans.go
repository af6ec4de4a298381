package upload

import (
	"context"

	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// sweep aborts open uploads of the file's key before another one is begun: the
// answer to an Initiate may be lost, or the server may die before it notes the
// id, and the store would keep (and bill) such an upload for ever.
//
// An upload that such an accident leaves has no parts, because parts are sent
// after the id was noted. One with parts is somebody's: of another server that
// writes to this key, or of a state that was lost. It may be the only copy of what
// it holds, and stays for the bucket's lifecycle rule.
func (u *upload) sweep(ctx context.Context) error {
	open, err := u.t.Remote.ListUploads(ctx, u.f.Object)
	if err != nil && store.KindOf(err) == store.KindPermanent {
		u.m.o.Log.Debug("open uploads can't be listed", "store", u.f.Store, "error", err)
		return nil // the key pair may not list; `record doctor` says so
	}
	if err != nil {
		return err
	}
	for _, x := range open {
		if x.Key != u.f.Object {
			continue // a key that begins with ours
		}
		if err := u.sweepOne(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

func (u *upload) sweepOne(ctx context.Context, x store.Upload) error {
	known, err := state.UploadKnown(ctx, u.m.o.DB.Reader(), u.f.Store, x.ID)
	if err != nil || known {
		return err
	}
	parts, err := u.t.Remote.ListParts(ctx, x.Key, x.ID)
	switch {
	case err != nil && (store.KindOf(err) == store.KindNoUpload || store.KindOf(err) == store.KindPermanent):
		return nil
	case err != nil:
		return err
	case len(parts) > 0:
		u.m.o.Log.Warn("an open upload of this key is not ours to abort: it has parts", "store", u.f.Store,
			"object", x.Key, "upload", x.ID, "parts", len(parts))
		return nil
	}
	if err := u.t.Remote.Abort(ctx, x.Key, x.ID); err != nil && store.KindOf(err) != store.KindNoUpload {
		return err
	}
	u.m.o.Log.Info("an upload that nobody knew was aborted", "store", u.f.Store, "object", x.Key, "upload", x.ID)
	return nil
}
