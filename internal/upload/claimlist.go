package upload

import (
	"context"
	"errors"
	"path"

	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// errTakenMeanwhile: another file got the key between the choice and the claim.
var errTakenMeanwhile = errors.New("the chosen key was taken meanwhile")

// A playlist has many keys: KEY.m3u8, KEY_eof.m3u8 and all below KEY/. Before the
// first of them is written they are looked for. If one is there it is not ours (of
// a recording with the same path, whose rows are lost or belong to another
// server), and the whole playlist gets another KEY. After that what lies under
// these keys is ours, which is noted first. A single piece that meets a foreign
// object later gets a key of its own; the playlist names it as it is.

// claimList claims the keys of f's playlist, once; f is the playlist or a piece
// of it, and is read again.
func (m *Mover) claimList(ctx context.Context, t *Target, f *state.FileRow) error {
	id := f.ID
	if f.Parent != 0 {
		id = f.Parent
	}
	l := m.lockList(id)
	defer l.mu.Unlock()
	list, err := state.FileByID(ctx, m.o.DB.Reader(), id)
	if err != nil {
		return err
	}
	if !list.Claimed {
		if err := m.claimKeys(ctx, t, list); err != nil {
			return err
		}
		if l.row != nil {
			l.row.Object = list.Object
		}
	}
	row, err := state.FileByID(ctx, m.o.DB.Reader(), f.ID)
	if err == nil {
		*f = *row
	}
	return err
}

func (m *Mover) claimKeys(ctx context.Context, t *Target, list *state.FileRow) error {
	old := list.Object
	tried := map[string]bool{}
	proved := false
	for {
		taken, err := t.listTaken(ctx, list)
		if err != nil {
			return err
		}
		if !taken {
			break
		}
		if t.Remote != nil {
			if err := t.canSayNo(ctx, list.Object, &proved); err != nil {
				return err
			}
		}
		tried[list.Object] = true
		if err := m.otherKey(ctx, list, old, tried); err != nil {
			return err
		}
	}
	err := m.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		if list.Object != old {
			if taken, err := tx.TakenObject(list.Store, list.Object); err != nil || taken {
				return errors.Join(err, errTakenMeanwhile)
			}
		}
		return tx.ClaimList(list.ID, list.Object, keyOf(old), keyOf(list.Object))
	})
	if err == nil && list.Object != old {
		m.o.Log.Warn("the key is taken by a file that is not ours", "object", old, "now", list.Object)
	}
	return err
}

// otherKey chooses the next key of a playlist that no row has.
func (m *Mover) otherKey(ctx context.Context, list *state.FileRow, old string, tried map[string]bool) error {
	r := &renamer{m: m, f: list, base: old, tried: tried}
	return m.o.DB.UpdateNow(ctx, func(tx *state.Tx) (err error) {
		list.Object, err = r.choose(tx)
		return err
	})
}

// listTaken tells whether something lies under the keys of a playlist.
func (t *Target) listTaken(ctx context.Context, list *state.FileRow) (bool, error) {
	key := keyOf(list.Object)
	if t.Local != nil {
		for _, k := range []string{plan.LivePlaylist(key), list.Object, key} {
			if taken, err := t.Local.Taken(ctx, k); err != nil || taken {
				return taken, err
			}
		}
		return false, nil
	}
	c := hls.Container(list.Detail.Container)
	keys := []string{plan.LivePlaylist(key), list.Object, c.PieceKey(key, 0)}
	if c == hls.FMP4 {
		keys = append(keys, hls.InitKey(key, 0))
	}
	for _, k := range keys {
		_, err := t.Remote.Head(ctx, k)
		switch {
		case err == nil:
			return true, nil
		case store.KindOf(err) != store.KindNotFound && !mayNotLook(err):
			return false, err
		}
	}
	return false, nil
}

// mapName is what pieces and init sections of a playlist agree on, whatever key
// the playlist has got meanwhile.
func mapName(uri string) string { return path.Base(uri) }
