package upload

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
)

// listing is a playlist that is being written: what is rendered so far.
type listing struct {
	mu   sync.Mutex
	row  *state.FileRow
	pl   *hls.Playlist
	next int  // sequence number of the next piece to list
	gap  bool // a piece was lost just before
}

// liveList is the object of the growing playlist.
func liveList(eof string) string { return plan.LivePlaylist(keyOf(eof)) }

func keyOf(eof string) string { return strings.TrimSuffix(eof, plan.Final("", config.HLS)) }

// lockList returns what is known of a playlist, locked.
func (m *Mover) lockList(parent int64) *listing {
	m.mu.Lock()
	l := m.lists[parent]
	if l == nil {
		l = &listing{}
		m.lists[parent] = l
	}
	m.mu.Unlock()
	l.mu.Lock()
	return l
}

func (m *Mover) listing(ctx context.Context, parent int64) (*listing, error) {
	l := m.lockList(parent)
	if l.row != nil {
		return l, nil
	}
	row, err := state.FileByID(ctx, m.o.DB.Reader(), parent)
	if err != nil {
		l.mu.Unlock()
		return nil, err
	}
	l.row = row
	l.pl = hls.NewPlaylist(hls.Container(row.Detail.Container), row.Detail.Target)
	return l, nil
}

// list brings the growing playlist up to date after a piece was stored.
func (m *Mover) list(ctx context.Context, t *Target, parent int64) error {
	l, err := m.listing(ctx, parent)
	if err != nil {
		return err
	}
	defer l.mu.Unlock()
	if s := l.row.State; s != state.FileOpen && s != state.FileWaiting && s != state.FileEnded {
		// It was finished between the settling of the piece and now, and says all.
		m.forgetList(parent)
		return nil
	}
	added, err := m.advance(ctx, l)
	if err != nil || !added || !l.row.Detail.Live {
		return err
	}
	if err := m.putList(ctx, t, l, liveList(l.row.Object), true); err != nil {
		// The pieces are safe. The next piece, at the latest the end, writes it again.
		m.o.Log.Warn("the live playlist can't be written", "object", liveList(l.row.Object), "error", err)
	}
	return nil
}

// advance adds the pieces that are stored, in order, up to the first that is not.
func (m *Mover) advance(ctx context.Context, l *listing) (added bool, err error) {
	pieces, err := state.Files(ctx, m.o.DB.Reader(), `WHERE parent=? AND format<>? AND seq>=? ORDER BY seq`,
		l.row.ID, state.FormatInit, l.next)
	if err != nil {
		return false, err
	}
	maps, err := m.storedMaps(ctx, l)
	if err != nil {
		return false, err
	}
	for _, p := range pieces {
		switch {
		case p.State == state.FileLost:
			l.gap = true
		case p.State != state.FileStored || p.Detail.Map != "" && maps[mapName(p.Detail.Map)] == "":
			return added, nil
		default:
			l.pl.Add(hls.Piece{
				URI: hls.URI(keyOf(l.row.Object), p.Object), Duration: p.Duration, PDT: state.Time(p.Detail.PDT),
				Discontinuity: p.Detail.Discontinuity || l.gap, Dependent: !p.Detail.Independent, Map: maps[mapName(p.Detail.Map)],
			})
			l.gap, added = false, true
		}
		l.next = p.Seq + 1
	}
	return added, nil
}

// storedMaps returns the URIs of the init sections that are stored, by the names
// that pieces call them.
func (m *Mover) storedMaps(ctx context.Context, l *listing) (map[string]string, error) {
	if l.row.Detail.Container != string(hls.FMP4) {
		return nil, nil
	}
	inits, err := state.Files(ctx, m.o.DB.Reader(), `WHERE parent=? AND format=? AND state=?`,
		l.row.ID, state.FormatInit, string(state.FileStored))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, f := range inits {
		out[mapName(hls.InitKey("", f.Seq))] = hls.URI(keyOf(l.row.Object), f.Object)
	}
	return out, nil
}

func (m *Mover) putList(ctx context.Context, t *Target, l *listing, object string, live bool) error {
	text := l.pl.Render(live)
	o := m.object(t, l.row)
	o.Key, o.ContentType = object, hls.PlaylistType
	_, err := m.put(ctx, t, o, text)
	return err
}

func (m *Mover) put(ctx context.Context, t *Target, o store.Object, data []byte) (store.Result, error) {
	r := bytes.NewReader(data)
	if t.Local != nil {
		return t.Local.Put(ctx, o, r, int64(len(data)))
	}
	return t.putRemote(ctx, o, r, int64(len(data)))
}

// finishList writes the finished playlist, and the same content in place of the
// growing one. All its pieces are settled.
func (m *Mover) finishList(ctx context.Context, t *Target, f *state.FileRow) error {
	l, err := m.listing(ctx, f.ID)
	if err != nil {
		return err
	}
	defer l.mu.Unlock()
	l.row = f
	if _, err := m.advance(ctx, l); err != nil {
		return err
	}
	if l.pl.Len() == 0 {
		return errGone
	}
	text := l.pl.Render(false)
	o := m.object(t, f)
	o.ContentType = hls.PlaylistType
	o.Key = liveList(f.Object)
	if _, err := m.put(ctx, t, o, text); err != nil {
		return err
	}
	o.Key = f.Object
	res, err := m.put(ctx, t, o, text)
	if err != nil {
		return err
	}
	if err := m.stored(ctx, t, f, res); err != nil {
		return err
	}
	m.forgetList(f.ID)
	if f.Expires.IsZero() && f.KeepFor == 0 {
		m.forgetPieces(ctx, f.ID)
	}
	return nil
}

func (m *Mover) forgetList(parent int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lists, parent)
}

// forgetPieces deletes the rows of pieces that nobody will ask for: the playlist
// names them, and nothing here is to delete them. Those of which something is
// missing stay: `record doctor` tells.
func (m *Mover) forgetPieces(ctx context.Context, parent int64) {
	m.write(ctx, func(tx *state.Tx) error {
		_, err := tx.Exec(`DELETE FROM files WHERE parent=? AND state=? AND json_extract(detail,'$.damaged') IS NULL AND json_extract(detail,'$.cut') IS NULL`,
			parent, string(state.FileStored))
		return err
	})
}

// object describes a file to its store.
func (m *Mover) object(t *Target, f *state.FileRow) store.Object {
	return store.Object{
		Key: f.Object, ContentType: contentTypes[f.Format], Tags: t.Config.Tags, Keep: time.Duration(f.Detail.Keep),
	}
}

var contentTypes = map[string]string{
	string(config.MP4): "video/mp4", string(config.FLV): "video/x-flv", string(config.AAC): "audio/aac",
	string(config.HLS): hls.PlaylistType, state.FormatTS: hls.TSType, state.FormatM4S: hls.FMP4Type, state.FormatInit: hls.FMP4Type,
}
