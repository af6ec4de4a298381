package upload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/live-recording/liverecord/internal/mux"
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
	res, err := u.t.putRemote(ctx, u.describe(), all, all.size())
	if err != nil {
		return err
	}
	return u.m.stored(ctx, u.t, u.f, res)
}

// putRemote stores an object. A store that did not confirm the checksum is asked
// what it has: only that counts.
func (t *Target) putRemote(ctx context.Context, o store.Object, body io.ReaderAt, size int64) (store.Result, error) {
	res, err := t.Remote.Put(ctx, o, body, size)
	if err != nil || res.HasCRC {
		return res, err
	}
	there, err := t.Remote.Head(ctx, o.Key)
	switch {
	case mayNotLook(err):
		return res, nil
	case err != nil && store.KindOf(err) == store.KindNotFound:
		return res, &store.Error{Op: "put", Key: o.Key, Kind: store.KindTemporary, Err: errors.New("the store took it, and does not have it")}
	case err != nil:
		return res, err
	case there.Size != size || there.ETag != res.ETag || there.HasCRC && there.CRC64 != res.CRC64:
		return res, &store.Error{Op: "put", Key: o.Key, Kind: store.KindCorrupt,
			Err: fmt.Errorf("%d bytes of ETag %s were sent, the store has %d of %s", size, res.ETag, there.Size, there.ETag)}
	}
	return res, nil
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
