package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/inspect"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// playlist verifies a playlist and all that it names. row and pieces are what
// the state knows of them; both may be nil.
func (v *verifier) playlist(src source, key string, row *state.FileRow, pieces []*state.FileRow) {
	x := verdict{Object: key}
	if row != nil {
		x.Store = row.Store
	}
	var list *inspect.Playlist
	got, err := readObject(v.c.ctx, src, key, func(r io.Reader) (*inspect.Report, error) {
		l, err := inspect.ReadPlaylist(key, r)
		if err != nil {
			return nil, err
		}
		list = l
		return &l.Report, nil
	})
	if err != nil {
		x.bad("%s", notThere(err))
		v.add(x)
		return
	}
	got.fill(&x, row)
	if row != nil {
		if !list.Ended {
			x.bad("EXT-X-ENDLIST is missing")
		}
		v.liveTwin(&x, src, key, got)
	}
	v.add(x)
	v.pieces(src, x.Store, list, pieces)
}

// liveTwin checks that KEY.m3u8 has the content of KEY_eof.m3u8.
func (v *verifier) liveTwin(x *verdict, src source, key string, eof *readResult) {
	base, ok := strings.CutSuffix(key, plan.Final("", config.HLS))
	if !ok {
		return
	}
	live := plan.LivePlaylist(base)
	got, err := readObject(v.c.ctx, src, live, func(r io.Reader) (*inspect.Report, error) {
		_, err := io.Copy(io.Discard, r)
		return &inspect.Report{}, err
	})
	switch {
	case err != nil:
		x.bad("%s: %s", live, notThere(err))
	case got.sum != eof.sum:
		x.bad("%s has another content", live)
	}
}

// pieces walks over all pieces in their order, and adds one verdict on them all,
// and one on each that is damaged.
func (v *verifier) pieces(src source, store string, list *inspect.Playlist, rows []*state.FileRow) {
	known := map[string]*state.FileRow{}
	for _, r := range rows {
		if r.State == state.FileStored {
			known[r.Object] = r
		}
	}
	w, init := &inspect.Reader{}, ""
	all := verdict{Store: store, Object: "its segments"}
	n, wrong := 0, 0
	one := func(key string) {
		if v.c.ctx.Err() != nil {
			return
		}
		x := verdict{Store: store, Object: key}
		v.walk(&x, w, src, key, known[key])
		n++
		all.Size += x.Size
		if len(x.Problems) > 0 {
			wrong++
			v.add(x)
		}
	}
	for _, p := range list.Segments {
		if p.Discontinuity {
			w.Discontinuity()
		}
		if p.Map != init && p.Map != "" {
			init = p.Map
			one(init)
		}
		one(p.Object)
	}
	if n == 0 {
		return
	}
	all.Summary = fmt.Sprintf("%s of %d", strconv.Itoa(n-wrong), n)
	if wrong > 0 {
		all.bad("%s damaged or missing, see above", count(wrong, "segment"))
	}
	v.add(all)
}
