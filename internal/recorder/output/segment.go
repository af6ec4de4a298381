package output

import (
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// append adds a sample to the open segment, or to the next one.
func (o *hlsOutput) append(s *timeline.Sample, slot int) {
	x := o.renumber(s, slot)
	if o.open.young(o.rec.Now, fewInSegment) && o.cut.Cuts(x) && !o.mayCut(s) {
		return
	}
	if cut := o.cut.Next(x); cut.New {
		if o.open != nil {
			o.finishSegment(cut.Ended)
			o.join = o.join || cut.Gap
		}
		if o.mux == nil || !o.openSegment(s) {
			return
		}
	}
	if o.open == nil || !o.add(x) {
		return
	}
	l, at := o.list, s.Time()
	if !l.any {
		l.start, l.any = at, true
	}
	l.end = max(l.end, at+lengthOf(s))
	if o.open.full(o.rec.Now) {
		o.flush()
	}
}

// openSegment opens the next segment of the playlist.
func (o *hlsOutput) openSegment(s *timeline.Sample) bool {
	l := o.list
	o.mux.StartPiece()
	row := o.newPart(l.segments, formatOf(l.container), l.container.PieceKey(l.key(), l.segments))
	o.from = s.Time()
	o.date(&row)
	row.Detail.Discontinuity = o.join && l.segments > 0
	g, err := o.createPart(l, row, o.mux, plain(o.layout.tracks))
	if err != nil {
		o.fail(err)
		o.mux = nil
		return false
	}
	o.open, o.join = g, false
	l.segments++
	o.succeeded()
	return true
}

// date notes when the segment was captured. That is known better at its end: a
// publication may begin with a burst.
func (o *hlsOutput) date(row *state.FileRow) {
	if o.rec.Timeline != nil {
		row.Started = o.rec.Timeline.Wall(o.from)
		row.Detail.PDT = row.Started.UnixNano()
	}
}

func formatOf(c hls.Container) string {
	if c == hls.TS {
		return state.FormatTS
	}
	return state.FormatM4S
}

// newPart prepares the row of a segment or an initialization section.
func (o *hlsOutput) newPart(seq int, format, object string) state.FileRow {
	row := o.row(format, o.rec.Now)
	row.Seq, row.Object = seq, object
	return row
}

func (o *hlsOutput) createPart(l *playlist, row state.FileRow, m mux.Muxer, tracks []hooks.Track) (*growing, error) {
	row.Parent = l.row.ID
	insert := func(row *state.FileRow) error { return o.rec.Ledger.InsertPart(&l.row, row) }
	return o.create(row, insert, m, tracks, 0)
}

// flush hands what is buffered to the spool. If the disk refuses it, the segment
// ends with what is in it.
func (o *hlsOutput) flush() {
	if err := o.open.flush(); err != nil {
		o.fail(err)
		o.closeSegment(o.cut.End())
		o.mux, o.join = nil, true
	}
}

// endSegment finishes the open segment, if any, with all that was written to it.
func (o *hlsOutput) endSegment() {
	if o.open != nil {
		o.finishSegment(o.cut.End())
	}
}

func (o *hlsOutput) finishSegment(e hls.Ended) {
	if o.flush(); o.open != nil {
		o.closeSegment(e)
	}
}

// closeSegment gives the segment to package upload.
func (o *hlsOutput) closeSegment(e hls.Ended) {
	g, l := o.open, o.list
	o.open = nil
	if g.file.Size() == 0 {
		o.discard(g)
		l.segments--
		o.join = o.join || g.row.Detail.Discontinuity
		return
	}
	if err := o.initSection(l, o.mux, plain(o.layout.tracks)); err != nil {
		o.fail(err)
	}
	o.date(&g.row)
	g.row.Duration, g.row.Detail.Map, g.row.Detail.Independent = e.Duration, l.mapURI, !e.Dependent
	g.row.Detail.End = int64(max(l.end, o.rec.shown()))
	l.sum += e.Duration
	if o.mux != nil {
		origin := o.mux.Origin()
		l.origin, g.row.Detail.Origin = &origin, origin
	}
	o.fixTarget()
	o.end(g, "")
}

// fixTarget stores the target duration of the playlist before its first segment
// can be listed.
func (o *hlsOutput) fixTarget() {
	if o.list.row.Detail.Target == 0 {
		o.list.row.Detail.Target = o.cut.Target()
		o.rec.Ledger.Save(&o.list.row)
	}
}

// initSection makes the initialization section of the muxer's parameters, once.
func (o *hlsOutput) initSection(l *playlist, m hls.Pieces, tracks []hooks.Track) error {
	if l.mapURI != "" || l.container == hls.TS || m == nil {
		return nil
	}
	data, err := m.Init()
	if err != nil || data == nil {
		return err
	}
	g, err := o.createPart(l, o.newPart(l.inits, state.FormatInit, hls.InitKey(l.key(), l.inits)), nil, tracks)
	if err != nil {
		return err
	}
	if err := g.file.Append(mux.Batch{Body: [][]byte{data}, Size: int64(len(data))}); err != nil {
		o.discard(g)
		return err
	}
	o.end(g, "")
	l.inits++
	l.mapURI = hls.URI(l.key(), g.row.Object)
	return nil
}
