package recorder

import (
	"context"
	"fmt"
	"strings"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// createPiece opens the next piece of the playlist.
func (o *hlsOutput) createPiece(s *timeline.Sample) bool {
	l := o.list
	o.mux.StartPiece()
	p := &openFile{tracks: o.chosen, start: s.Time()}
	p.row = o.newPart(l.pieces, formatOf(l.container), l.container.PieceKey(l.key, l.pieces))
	o.date(p)
	p.row.Detail.Discontinuity = o.join && l.pieces > 0
	if err := o.insertPart(p); err != nil {
		o.fail(err)
		o.mux = nil
		return false
	}
	o.piece, o.join = p, false
	l.pieces++
	return true
}

// date notes when the piece was captured. That is known better at its end: a
// publication may begin with a burst.
func (o *hlsOutput) date(p *openFile) {
	if o.rec.tl != nil {
		p.row.Started = o.rec.tl.Wall(p.start)
		p.row.Detail.PDT = p.row.Started.UnixNano()
	}
}

func formatOf(c hls.Container) string {
	if c == hls.TS {
		return state.FormatTS
	}
	return state.FormatM4S
}

// newPart prepares the row of a piece or an init section.
func (o *hlsOutput) newPart(seq int, format, object string) state.FileRow {
	id := plan.NewRecordID(o.rec.now)
	return state.FileRow{
		ID: id, Recording: o.rec.row.ID, Parent: o.list.row.ID, Seq: seq, Format: format, Store: o.f.Store, Object: object,
		State: state.FileOpen, Spool: spoolName(id, format), Started: o.rec.now,
		Detail: state.FileDetail{Keep: int64(o.f.Keep)},
	}
}

func (o *hlsOutput) insertPart(p *openFile) error {
	tracks := make([]hooks.Track, len(p.tracks))
	for i, tr := range p.tracks {
		tracks[i] = *tr
	}
	err := o.rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
		if err := o.follow(tx, &p.row); err != nil {
			return err
		}
		return tx.InsertFile(&p.row)
	})
	if err != nil {
		return fmt.Errorf("the state can't be written: %w", err)
	}
	p.sp, err = o.rec.spoolFile(o.place, &p.row, tracks, 0)
	if err != nil {
		o.rec.dropFile(&p.row, o.place)
	}
	return err
}

// follow gives a new piece the key that its playlist has now: package upload
// gives it another one if what is not ours lies under the first.
func (o *hlsOutput) follow(tx *state.Tx, piece *state.FileRow) error {
	l := o.list
	object, err := tx.FileObject(l.row.ID)
	if err != nil || object == l.row.Object {
		return err
	}
	key := listKey(object)
	piece.Object = key + strings.TrimPrefix(piece.Object, l.key)
	l.row.Object, l.key = object, key
	return nil
}

// endPiece finishes the open piece, if any, with all that was written to it.
func (o *hlsOutput) endPiece() {
	if o.piece != nil {
		o.close(o.cut.End())
	}
}

func (o *hlsOutput) close(e hls.Ended) {
	if o.flush(); o.piece != nil {
		o.closePiece(e)
	}
}

// closePiece hands the piece over to package upload.
func (o *hlsOutput) closePiece(e hls.Ended) {
	p, l := o.piece, o.list
	o.piece = nil
	if p.sp.Size() == 0 {
		o.rec.discard(p, o.place)
		l.pieces--
		o.join = o.join || p.row.Detail.Discontinuity
		return
	}
	if err := o.initSection(); err != nil {
		o.fail(err)
	}
	o.date(p)
	p.row.State, p.row.Ended, p.row.Duration, p.row.Detail.Map = state.FileEnded, o.rec.now, e.Duration, l.mapURI
	p.row.Detail.Independent = !e.Dependent
	p.row.Size = p.sp.Size()
	p.row.Detail.End = int64(max(l.end, o.rec.lastShown()))
	l.sum += e.Duration
	if o.mux != nil {
		origin := o.mux.Origin()
		l.origin, p.row.Detail.Origin = &origin, origin
	}
	o.fixTarget()
	o.rec.endFile(p.sp, &p.row, o.rec.writeFile)
}

// fixTarget stores the target duration of the playlist before its first piece
// can be listed.
func (o *hlsOutput) fixTarget() {
	if o.list.row.Detail.Target == 0 {
		o.list.row.Detail.Target = o.cut.Target()
		o.rec.saveFile(&o.list.row)
	}
}

// initSection makes the init section of the current parameters, once.
func (o *hlsOutput) initSection() error {
	l := o.list
	if l.mapURI != "" || l.container == hls.TS || o.mux == nil {
		return nil
	}
	data, err := o.mux.Init()
	if err != nil || data == nil {
		return err
	}
	object := hls.InitKey(l.key, l.inits)
	f := &openFile{tracks: o.chosen, row: o.newPart(l.inits, state.FormatInit, object)}
	if err := o.insertPart(f); err != nil {
		return err
	}
	if err := f.sp.Append(mux.Batch{Body: [][]byte{data}, Size: int64(len(data))}); err != nil {
		o.rec.discard(f, o.place)
		return err
	}
	f.row.State, f.row.Ended, f.row.Size = state.FileEnded, o.rec.now, f.sp.Size()
	o.rec.endFile(f.sp, &f.row, o.rec.writeFile)
	l.inits++
	l.mapURI = hls.URI(l.key, f.row.Object)
	return nil
}
