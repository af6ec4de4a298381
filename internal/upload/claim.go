package upload

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strconv"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// before makes sure that the key is free, or ours. An object with our bytes was
// stored by a request whose answer was lost, or by a run that died before it
// could note that; a foreign one stays, and ours gets another key.
func (u *upload) before(ctx context.Context, all concat) (*store.Result, error) {
	names := u.m.renamer(u.f)
	for {
		res, err := u.t.Remote.Head(ctx, u.f.Object)
		if err != nil && (store.KindOf(err) == store.KindNotFound || mayNotLook(err)) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		sum, err := sumOf(all)
		switch {
		case err != nil:
			return nil, err
		case u.is(res, whole{sum, true}):
			return &res, nil
		case u.ours(res):
			return nil, nil // a PUT of ours that went wrong
		}
		if err := u.another(ctx, names); err != nil {
			return nil, err
		}
	}
}

// claim makes sure that the key is free before an upload begins.
func (u *upload) claim(ctx context.Context) error {
	names := u.m.renamer(u.f)
	for {
		res, err := u.t.Remote.Head(ctx, u.f.Object)
		switch {
		case err != nil && (store.KindOf(err) == store.KindNotFound || mayNotLook(err)):
			return nil
		case err != nil:
			return err
		case u.ours(res): // an attempt that went wrong; Complete replaces it
			return nil
		case !u.ended:
			return errors.New("the key is taken by an object that is not ours; another one is used at the end")
		}
		if err := u.another(ctx, names); err != nil {
			return err
		}
	}
}

// stillFree looks once more before Complete, which replaces: the upload may have
// begun hours ago. An upload can't change its key; so it is restarted under
// another one, or, if it is the only copy, somebody must make room.
func (u *upload) stillFree(ctx context.Context) error {
	res, err := u.t.Remote.Head(ctx, u.f.Object)
	switch {
	case err != nil && (store.KindOf(err) == store.KindNotFound || mayNotLook(err)):
		return nil
	case err != nil:
		return err
	case u.ours(res):
		return nil
	}
	if u.onlyCopy() {
		return &store.Error{Op: "complete", Key: u.f.Object, Kind: store.KindPermanent, Code: "Exists",
			Err:    errors.New("an object that is not ours has come to this key while the file grew"),
			Remedy: "move that object away, then save recording.yml: the upload can't take another key, and has the only copy"}
	}
	if err := u.another(ctx, u.m.renamer(u.f)); err != nil {
		return err
	}
	return u.restart(ctx, errors.New("the key was taken by an object that is not ours while the file grew"))
}

// another gives the file another key, after the store has shown that it can say
// "not found": a host that says of everything that it is there proves nothing.
func (u *upload) another(ctx context.Context, names *renamer) error {
	if err := u.t.canSayNo(ctx, u.f.Object, &u.proved); err != nil {
		return err
	}
	return names.next(ctx)
}

// canSayNo asks for an object beside key that can't be there.
func (t *Target) canSayNo(ctx context.Context, key string, proved *bool) error {
	if *proved {
		return nil
	}
	_, err := t.Remote.Head(ctx, path.Join(path.Dir(key), "liverecord-probe-"+rand.Text()))
	switch {
	case err == nil:
		return &store.Error{Op: "head", Key: key, Kind: store.KindNotStore, Code: "NotTheStore", Status: http.StatusOK,
			Err:    errors.New("it says that every object is there, also one that can't be"),
			Remedy: "something that is not the store answered: correct endpoint or proxy; it is retried until the store itself answers"}
	case store.KindOf(err) != store.KindNotFound && !mayNotLook(err):
		return err
	}
	*proved = true
	return nil
}

// mayNotLook: HEAD is refused. Its answer has no body that would tell a wrong
// secret from a missing right, so the request that is really wanted is sent: it
// works, or tells.
func mayNotLook(err error) bool {
	var e *store.Error
	return errors.As(err, &e) && e.Kind != store.KindNotStore && e.Status == http.StatusForbidden
}

// ours tells whether an object was made from this file, by whatever attempt.
func (u *upload) ours(res store.Result) bool {
	return res.Meta[metaFile] == strconv.FormatInt(u.f.ID, 10)
}

// maxRenames is how many keys with numbers are tried for one file. Behind them
// comes one with its id, which nobody else can have.
const maxRenames = 20

// renamer finds other keys for a file whose key a foreign object has.
type renamer struct {
	m     *Mover
	f     *state.FileRow
	base  string
	tried map[string]bool
}

func (m *Mover) renamer(f *state.FileRow) *renamer {
	return &renamer{m: m, f: f, base: f.Object, tried: map[string]bool{f.Object: true}}
}

// next gives the file a key that no row has and that was not tried yet.
func (r *renamer) next(ctx context.Context) error {
	old := r.f.Object
	err := r.m.o.DB.UpdateNow(ctx, func(tx *state.Tx) (err error) {
		if r.f.Object, err = r.choose(tx); err != nil {
			return err
		}
		return tx.SettleFile(r.f)
	})
	if err != nil {
		r.f.Object = old
		return err
	}
	r.m.o.Log.Warn("the key is taken by a file that is not ours", "object", old, "now", r.f.Object)
	return nil
}

func (r *renamer) choose(tx *state.Tx) (key string, err error) {
	if len(r.tried) <= maxRenames {
		key = plan.Unique(r.base, func(key string) bool {
			taken, e := tx.TakenObject(r.f.Store, key)
			if e != nil {
				err = e
			}
			return e == nil && (taken || r.tried[key])
		})
	} else {
		key = plan.WithSuffix(r.base, strconv.FormatInt(r.f.ID, 10))
	}
	if err == nil && r.tried[key] {
		return "", &store.Error{Op: "store", Key: r.base, Kind: store.KindPermanent, Code: "Exists",
			Err:    fmt.Errorf("%d keys are taken by objects that are not ours", len(r.tried)),
			Remedy: "move the foreign objects away, or correct the path of the template"}
	}
	r.tried[key] = true
	return key, err
}
