package upload

import (
	"context"

	"github.com/live-recording/liverecord/internal/store"
)

// sweep aborts open uploads of the file's key before another one is begun: the
// answer to an Initiate may be lost, or the server may die before it notes the
// id, and the store would keep (and bill) such an upload for ever. The key is
// ours, see claim, and no upload of it is known.
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
		if err := u.t.Remote.Abort(ctx, x.Key, x.ID); err != nil && store.KindOf(err) != store.KindNoUpload {
			return err
		}
		u.m.o.Log.Info("an upload that nobody knew was aborted", "store", u.f.Store, "object", x.Key, "upload", x.ID)
	}
	return nil
}
