package output

import (
	"errors"
	"slices"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
	"github.com/live-recording/liverecord/internal/state"
)

// reopen finishes the open segments, then the playlists but the last one, which
// waits if its window is open.
func (o *hlsOutput) reopen(rows []*state.FileRow, until func(time.Time) time.Time) error {
	lists := slices.DeleteFunc(slices.Clone(rows), func(r *state.FileRow) bool { return r.Parent != 0 })
	last := time.Time{} // when a segment was last written to
	for _, row := range rows {
		if row.Parent == 0 {
			continue
		}
		at, err := o.reopenSegment(row)
		if err != nil {
			return err
		}
		if at.After(last) {
			last = at
		}
	}
	for i, row := range lists {
		parts, err := o.rec.Ledger.Parts(row.ID)
		if err != nil {
			return err
		}
		o.resumeList(row, parts)
		if last.IsZero() {
			last = lastWritten(row, parts)
		}
		if deadline := until(last); !deadline.IsZero() && i == len(lists)-1 {
			o.deadline = deadline
		} else {
			o.endList("the server was stopped")
		}
	}
	return nil
}

// lastWritten is when the last segment of a playlist ended.
func lastWritten(list *state.FileRow, parts []*state.FileRow) time.Time {
	for _, p := range slices.Backward(parts) {
		if p.Format != state.FormatInit {
			return p.Ended
		}
	}
	return list.Started
}

// reopenSegment finishes a segment that was being written.
func (o *hlsOutput) reopenSegment(row *state.FileRow) (last time.Time, err error) {
	g, tracks, last := o.repair(row)
	if g == nil {
		return last, nil
	}
	if g.file.Size() == 0 {
		o.discard(g)
		return last, nil
	}
	g.row.Ended = last
	if err := o.describe(&g.row, plain(tracks)); err != nil {
		o.rec.Ledger.Later(row, errors.Join(err, g.file.Close()))
		return last, nil
	}
	o.end(g, "")
	return last, nil
}

// describe fills in what the playlist says of a repaired segment.
func (o *hlsOutput) describe(row *state.FileRow, tracks []hooks.Track) error {
	if row.Format == state.FormatInit {
		return nil
	}
	container := hls.FMP4
	if row.Format == state.FormatTS {
		container = hls.TS
	}
	records := o.place.Dir.Records(row.Spool)
	sum, err := piece.Sum(len(tracks), records)
	if err != nil {
		return err
	}
	row.Duration, row.Detail.Independent = sum.Info(tracks).Duration, !sum.Dependent(tracks)
	for i, t := range tracks {
		row.Detail.End = max(row.Detail.End, int64(ticksToTime(sum.Spans[i].Shown, t.ClockRate)))
	}
	m, err := container.Resume(tracks, records)
	if err != nil {
		return err
	}
	row.Detail.Origin = m.Origin()
	if container == hls.FMP4 {
		return o.mapFor(row, m, tracks)
	}
	return nil
}

// mapFor gives a repaired fMP4 segment its initialization section: that of the
// segment before if nothing has changed, else a new one.
func (o *hlsOutput) mapFor(row *state.FileRow, m hls.Pieces, tracks []hooks.Track) error {
	parts, err := o.rec.Ledger.Parts(row.Parent)
	if err != nil {
		return err
	}
	if before := segmentBefore(parts, row.Seq); before != nil && !row.Detail.Discontinuity {
		row.Detail.Map = before.Detail.Map
		return nil
	}
	list, err := o.rec.Ledger.File(row.Parent)
	if err != nil {
		return err
	}
	l := o.listOf(list, parts)
	if err := o.initSection(l, m, tracks); err != nil {
		return err
	}
	row.Detail.Map = l.mapURI
	return nil
}

func segmentBefore(parts []*state.FileRow, seq int) (before *state.FileRow) {
	for _, p := range parts {
		if p.Format == state.FormatM4S && p.Seq < seq {
			before = p
		}
	}
	return before
}

// resumeList makes a playlist of an earlier run the open one.
func (o *hlsOutput) resumeList(row *state.FileRow, parts []*state.FileRow) {
	l := o.listOf(row, parts)
	if l.any {
		o.rec.End = max(o.rec.End, l.end)
	}
	if l.row.Detail.Target == 0 { // it crashed within the first segment
		var longest time.Duration
		for _, p := range parts {
			longest = max(longest, p.Duration)
		}
		l.row.Detail.Target = int(max(longest, o.f.Segment).Seconds()*1.5) + 1
		o.rec.Ledger.Save(&l.row)
	}
	o.list = l
}

// listOf rebuilds a playlist from its rows.
func (o *hlsOutput) listOf(row *state.FileRow, parts []*state.FileRow) *playlist {
	l := &playlist{row: *row, container: hls.Container(row.Detail.Container)}
	for _, p := range parts {
		if p.Format == state.FormatInit {
			l.inits = max(l.inits, p.Seq+1)
			continue
		}
		l.segments = max(l.segments, p.Seq+1)
		l.sum += p.Duration
		l.start, l.end, l.any = l.start-p.Duration, time.Duration(p.Detail.End), true
		l.origin = &p.Detail.Origin
	}
	if l.any {
		l.start += l.end
	}
	return l
}
