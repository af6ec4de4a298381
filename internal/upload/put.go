package upload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"sort"
	"strconv"

	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/crc64"
)

// put stores a small file, or a piece, as one object.
func (u *upload) put(ctx context.Context) error {
	head, err := u.head(u.size)
	if err != nil {
		return err
	}
	all := concat{bytesAt(head.Front), section{u.body, 0, u.size}, bytesAt(head.Back)}
	if there, err := u.before(ctx, all); err != nil {
		return err
	} else if there != nil {
		return u.m.stored(ctx, u.t, u.f, *there)
	}
	res, err := u.t.Remote.Put(ctx, u.describe(), all, all.size())
	if err != nil {
		return err
	}
	if res.Size == 0 {
		res.Size = all.size()
	}
	return u.m.stored(ctx, u.t, u.f, res)
}

// before makes sure that the key is free, or ours. An object with our bytes was
// stored by a request whose answer was lost, or by a run that died before it
// could note that; a foreign one stays, and ours gets another key.
func (u *upload) before(ctx context.Context, all concat) (*store.Result, error) {
	if u.f.Parent != 0 {
		return nil, nil // below a key that the playlist has claimed
	}
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
		case sameObject(res, sum):
			return &res, nil
		case u.ours(res):
			return nil, nil // a PUT of ours that went wrong
		}
		if err := u.m.rename(ctx, u.f); err != nil {
			return nil, err
		}
	}
}

// mayNotLook: HEAD is refused. Its answer has no body that would tell a wrong
// secret from a missing right, so the request that is really wanted is sent: it
// works, or tells.
func mayNotLook(err error) bool {
	var e *store.Error
	return errors.As(err, &e) && e.Status == http.StatusForbidden
}

// ours tells whether an object was made from this file, by whatever attempt.
func (u *upload) ours(res store.Result) bool {
	return res.Meta[metaFile] == strconv.FormatInt(u.f.ID, 10)
}

func sumOf(r concat) (sum crc64.Sum, err error) {
	buf := make([]byte, 256<<10)
	for off := int64(0); off < r.size(); {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), r.size()-off)], off)
		if err != nil && !errors.Is(err, io.EOF) {
			return sum, err
		}
		sum = sum.Add(buf[:n])
		off += int64(n)
	}
	return sum, nil
}

func (u *upload) head(bodySize int64) (mux.Head, error) {
	format, ok := u.m.o.Formats[u.f.Format]
	if !ok {
		return mux.Head{}, fmt.Errorf("unknown format %q", u.f.Format)
	}
	return format.Head(u.h.Tracks, u.t.Dir.Records(u.f.Spool), bodySize, 0)
}

// metaFile marks an object as ours, so that a later attempt knows it.
const metaFile = "liverecord-file"

func (u *upload) describe() store.Object {
	o := u.m.object(u.t, u.f)
	o.Disposition = path.Base(u.f.Object)
	o.Meta = map[string]string{metaFile: strconv.FormatInt(u.f.ID, 10), "recording": strconv.FormatInt(u.f.Recording, 10)}
	var r struct{ Domain, App, Stream string } // of state.RecordingRow
	if json.Unmarshal(u.h.Stream, &r) == nil {
		o.Meta["stream"] = r.Domain + "/" + r.App + "/" + r.Stream
	}
	if !u.f.Started.IsZero() {
		o.Meta["start"] = u.f.Started.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if u.ended {
		o.Meta["end"] = u.f.Ended.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return o
}

// claim makes sure that the key is free before an upload begins.
func (u *upload) claim(ctx context.Context) error {
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
		if err := u.m.rename(ctx, u.f); err != nil {
			return err
		}
	}
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
	there := map[int]string{}
	for _, p := range listed {
		there[p.Number] = p.ETag
	}
	var parts []state.PartRow
	for _, p := range u.parts {
		if p.Number > 1 && there[p.Number] == p.ETag {
			parts = append(parts, p)
		}
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].Number < parts[j].Number })
	var give [][2]int64
	for _, p := range parts {
		if !live.IsReleased(p.Start, p.Start+p.Size) {
			give = append(give, [2]int64{p.Start, p.Start + p.Size})
		}
	}
	if err := live.Release(give...); err != nil {
		return true, fmt.Errorf("giving parts back to the disk: %w", err)
	}
	return false, nil
}

// concat reads several pieces one after the other.
type concat []sized

type sized interface {
	io.ReaderAt
	size() int64
}

func (c concat) size() (n int64) {
	for _, p := range c {
		n += p.size()
	}
	return n
}

// ReadAt implements io.ReaderAt.
func (c concat) ReadAt(p []byte, off int64) (n int, err error) {
	for _, part := range c {
		if off >= part.size() {
			off -= part.size()
			continue
		}
		want := min(int64(len(p)-n), part.size()-off)
		k, err := part.ReadAt(p[n:n+int(want)], off)
		n += k
		if int64(k) < want {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
		off = 0
	}
	return n, io.EOF
}

type bytesAt []byte

func (b bytesAt) size() int64 { return int64(len(b)) }

func (b bytesAt) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type section struct {
	r      io.ReaderAt
	off, n int64
}

func (s section) size() int64 { return s.n }

func (s section) ReadAt(p []byte, off int64) (int, error) {
	p = p[:min(int64(len(p)), s.n-off)]
	return s.r.ReadAt(p, s.off+off)
}
