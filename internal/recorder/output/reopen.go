package output

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/mux/index"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
)

// Reopen makes the output of a format from what an earlier run left of it, however
// that ended: rows of its open files. It cuts off what is torn. A file whose
// splice window is still open waits for the next publication, see Pending; the
// others are finished. until tells when the window of a file ends that was last
// written to at a time, zero if it is over. place is where its store grows.
func Reopen(rec *Recording, f config.Format, place Place, rows []*state.FileRow, until func(last time.Time) time.Time) (Output, error) {
	if f.Name == config.HLS {
		o := newHLS(rec, f)
		o.place = place
		return o, o.reopen(rows, until)
	}
	o := newFile(rec, f)
	o.place = place
	o.reopen(rows, until)
	return o, nil
}

// Filler is what knows how a damaged range of a file of that format is filled,
// as spool.File.Fill takes it. formats are those of whole files.
func Filler(formats map[config.FormatName]mux.Format, format string) any {
	switch format {
	case state.FormatTS:
		return hls.TS.Format()
	case state.FormatM4S:
		return hls.FMP4.Format()
	case state.FormatInit:
		return fmp4.InitFormat{}
	}
	return formats[config.FormatName(format)]
}

func (o *fileOutput) reopen(rows []*state.FileRow, until func(time.Time) time.Time) {
	for _, row := range rows {
		g, tracks, last := o.repair(row)
		if g == nil {
			continue
		}
		o.seq = max(o.seq, row.Seq+1)
		x, err := o.resume(g, plain(tracks))
		if err != nil {
			o.rec.Log.Warn("a file can't be resumed, it is finished", "object", row.Object, "error", err)
		}
		deadline := until(last)
		if deadline.IsZero() || err != nil || o.open != nil {
			o.handOver(g, &x)
			continue
		}
		o.open, o.layout, o.extent, o.deadline = g, layout{tracks: tracks}, x, deadline
	}
}

// resume rebuilds what the file needs to be written to again.
func (o *fileOutput) resume(g *growing, tracks []hooks.Track) (x extent, err error) {
	records := o.place.Dir.Records(g.row.Spool)
	if x, err = extentOf(tracks, records); err != nil {
		return extent{}, err
	}
	o.rec.End = max(o.rec.End, x.end)
	g.mux, err = o.format.Resume(tracks, records)
	return x, err
}

// extentOf reads from the journal which part of the timeline a file covers. A
// sample without a duration lasts as long as the one before.
func extentOf(tracks []hooks.Track, records mux.Records) (x extent, err error) {
	first := true
	last, step := make([]int64, len(tracks)), make([]int64, len(tracks))
	seen := make([]bool, len(tracks))
	for p, err := range index.Entries(records) {
		if err != nil {
			return extent{}, err
		}
		if p.Track >= len(tracks) {
			continue
		}
		if seen[p.Track] && p.DTS > last[p.Track] {
			step[p.Track] = p.DTS - last[p.Track]
		}
		last[p.Track], seen[p.Track] = p.DTS, true
		clock := tracks[p.Track].ClockRate
		at := ticksToTime(p.DTS, clock)
		if first || at < x.start {
			x.start, first = at, false
		}
		x.end = max(x.end, ticksToTime(p.DTS+max(p.CTO, 0)+max(p.Dur, step[p.Track], 1), clock))
	}
	x.any = x.end > x.start
	x.shownFrom, x.shownTo = x.start, x.end
	return x, nil
}

// ticksToTime converts ticks of a clock without overflow below 292 years.
func ticksToTime(t int64, clock int) time.Duration {
	c := int64(max(clock, 1))
	return time.Duration(t/c*int64(time.Second) + t%c*int64(time.Second)/c)
}

// repair opens a growing file of an earlier run. last is when it was last
// written to. nil: there is nothing of it, it was set aside, or it can't be read now.
func (o *base) repair(row *state.FileRow) (g *growing, tracks []*hooks.Track, last time.Time) {
	dir := o.place.Dir
	if s, err := os.Stat(dir.BodyPath(row.Spool)); err == nil {
		last = s.ModTime()
	}
	file, h, rep, err := dir.Open(row.Spool)
	if err == nil {
		if err = file.Fill(h.Tracks, Filler(o.rec.Formats, row.Format)); err != nil {
			err = errors.Join(err, file.Close())
		}
	}
	at, _ := dir.AsideOf(row.Spool)
	switch {
	case errors.Is(err, fs.ErrNotExist) && at != "": // and the row could not be written then
		o.rec.Ledger.SetAside(row, dir, errors.New("the file was set aside before"))
		return nil, nil, last
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, spool.ErrNoHeader):
		o.rec.Ledger.Drop(row, dir)
		return nil, nil, last
	case errors.Is(err, spool.ErrBad):
		o.rec.Ledger.SetAside(row, dir, err)
		return nil, nil, last
	case err != nil: // one file's trouble is not that of the others
		o.rec.Ledger.Later(row, err)
		return nil, nil, last
	}
	row.Detail.Cut += rep.CutBody
	row.Detail.Damaged = rep.Damaged
	if rep.Torn() {
		o.rec.Log.Warn("a torn file was repaired", "object", row.Object, "bytes", rep.Body, "cut", rep.CutBody)
	}
	if rep.Damaged > 0 {
		o.rec.Reporter.Damaged(row, rep.Damaged)
	}
	for i := range h.Tracks {
		tracks = append(tracks, &h.Tracks[i])
	}
	return &growing{row: *row, file: file}, tracks, last
}
