package upload

import (
	"context"
	"fmt"

	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/store"
	"github.com/live-recording/liverecord/internal/store/crc64"
)

// complete sends part 1 and joins the parts.
func (u *upload) complete(ctx context.Context) error {
	head, err := u.head(u.size)
	if err != nil {
		return err
	}
	k := min(u.minPart(), u.size)
	parts := u.plan()
	n := 1 + len(parts)
	if len(head.Back) > 0 && len(parts) > 0 {
		if n, err = u.sendBack(ctx, parts[len(parts)-1], head.Back); err != nil {
			return err
		}
	}
	if err := u.send(ctx, 1, 0, concat{bytesAt(head.Front), section{u.body, 0, k}}); err != nil {
		return err
	}
	if err := u.stillFree(ctx); err != nil {
		return err
	}
	return u.join(ctx, n)
}

// sendBack sends what stands behind the body: with the last part, or, where that
// left the spool (then it is a full one), as a part of its own. It returns the
// number of the last part.
func (u *upload) sendBack(ctx context.Context, p part, back []byte) (int, error) {
	if u.released(p) {
		return p.number + 1, u.send(ctx, p.number+1, p.end, bytesAt(back))
	}
	r := concat{section{u.body, p.start, p.end - p.start}, bytesAt(back)}
	if have := u.parts[p.number]; have.Size == r.size() {
		return p.number, nil
	}
	return p.number, u.send(ctx, p.number, p.start, r)
}

// whole is what the joined parts must be. Of parts that were found in the store
// after the state was lost the sum is not known.
type whole struct {
	crc64.Sum
	known bool
}

func wholeOf(rows []state.PartRow) whole {
	w := whole{known: true}
	for _, p := range rows {
		w.Sum = w.Then(crc64.Sum{CRC: p.CRC64, Size: p.Size})
		w.known = w.known && p.HasCRC
	}
	return w
}

// join completes the upload and checks the whole.
func (u *upload) join(ctx context.Context, n int) error {
	var list []store.Part
	var rows []state.PartRow
	for i := 1; i <= n; i++ {
		p, ok := u.parts[i]
		if !ok {
			return fmt.Errorf("part %d is missing", i)
		}
		list = append(list, store.Part{Number: i, Size: p.Size, ETag: p.ETag, CRC64: p.CRC64})
		rows = append(rows, p)
	}
	want := wholeOf(rows)
	res, err := u.t.Remote.Complete(ctx, u.f.Object, u.f.Upload, list)
	if err != nil || !res.HasCRC || !u.is(res, want) {
		// Did it happen, and what did it make? The store knows.
		there, e := u.t.Remote.Head(ctx, u.f.Object)
		switch {
		case e == nil && u.is(there, want):
			res = there
		case err != nil:
			return err
		case mayNotLook(e) && !res.HasCRC:
			// Complete has told no sum, and nobody may look: its 200 must do.
		case e != nil:
			return e // the next attempt finds the upload gone, and asks again
		default:
			return u.wrong(ctx, there, want)
		}
	}
	return u.joined(ctx, res, want)
}

// joined settles a file whose parts make the object.
func (u *upload) joined(ctx context.Context, res store.Result, want whole) error {
	res.Size = want.Size
	if want.known {
		res.CRC64, res.HasCRC = want.CRC, true
	} else {
		u.m.o.Log.Warn("parts that the state had forgotten were found in the store; only their sizes could be checked, see `record verify`",
			"store", u.f.Store, "object", u.f.Object)
	}
	return u.m.stored(ctx, u.t, u.f, res)
}

// is tells whether an object is what our parts make. Without a checksum its size
// and our mark on it must do.
func (u *upload) is(r store.Result, want whole) bool {
	switch {
	case r.Size != want.Size:
		return false
	case r.HasCRC && want.known:
		return r.CRC64 == want.CRC
	}
	return u.ours(r)
}

// wrong: Complete made something else of our parts. The object stays, whatever it
// is; it may be the only copy of most of the file.
func (u *upload) wrong(ctx context.Context, there store.Result, want whole) error {
	err := &store.Error{Op: "complete", Key: u.f.Object, Kind: store.KindCorrupt,
		Err: fmt.Errorf("CRC64 %d and %d bytes in the store, %d and %d here", there.CRC64, there.Size, want.CRC, want.Size)}
	if u.onlyCopy() {
		return u.missing(err)
	}
	return u.restart(ctx, err) // the next upload puts the right object in its place
}

// completed: the store does not know the upload any more. If the object is what
// our parts make, they were joined, by an earlier run or by a request whose
// answer was lost.
func (u *upload) completed(ctx context.Context) (bool, error) {
	rows, err := state.Parts(ctx, u.m.o.DB.Reader(), u.f.ID)
	if err != nil || !u.ended || len(rows) == 0 {
		return false, err
	}
	for i, p := range rows {
		if p.Number != i+1 {
			return false, nil
		}
	}
	want := wholeOf(rows)
	res, err := u.t.Remote.Head(ctx, u.f.Object)
	switch {
	case err != nil && store.KindOf(err) == store.KindNotFound:
		return false, nil
	case err != nil:
		return false, err
	case !u.is(res, want):
		return false, nil
	}
	return true, u.joined(ctx, res, want)
}
