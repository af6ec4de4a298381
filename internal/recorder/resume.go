package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
	"github.com/live-recording/liverecord/internal/mux/index"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// Recover takes up what an earlier run left, however that ended. A recording
// that was running or waiting is an interrupted one now: outputs whose splice
// window is still open wait for the publisher, the others are finished with all
// that is whole in the spool. Call it after SetTasks and
// before the first publication.
func (r *Recorder) Recover(ctx context.Context) error {
	rows, err := state.Recordings(ctx, r.o.DB.Reader(), `WHERE state IN (?,?) OR state=? AND EXISTS
		(SELECT 1 FROM files f WHERE f.recording=recordings.id AND f.state IN (?,?)) ORDER BY id`,
		string(state.Recording), string(state.Interrupted), string(state.Finalizing), string(state.FileOpen), string(state.FileWaiting))
	if err != nil {
		return err
	}
	for _, row := range rows {
		err := r.takeUp(ctx, row)
		if state.IsBroken(err) {
			return fmt.Errorf("recording %d: %w", row.ID, err)
		}
		if err != nil { // one recording's trouble is not that of the others
			r.o.Log.Error("a recording can't be taken up; it stays as it is until the next start", "recording", row.ID, "path", row.Path, "error", err)
		}
	}
	r.adopt(ctx)
	if err := r.settleDone(ctx); err != nil {
		return err
	}
	if len(rows) > 0 {
		r.o.Log.Info("took up what an earlier run left", "recordings", len(rows), "waiting", len(r.all))
	}
	return nil
}

// settleDone ends recordings that wait for files and have none any more: the power
// failed when the last one was dropped.
func (r *Recorder) settleDone(ctx context.Context) error {
	rows, err := state.Recordings(ctx, r.o.DB.Reader(), "WHERE state=?", string(state.Finalizing))
	if err != nil || len(rows) == 0 {
		return err
	}
	return r.o.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		for _, row := range rows {
			if _, err := tx.SetRecordingDoneIfStored(row.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeUp makes an interrupted recording of a row, or ends it.
func (r *Recorder) takeUp(ctx context.Context, row *state.RecordingRow) error {
	rec := &recording{r: r, q: newQueue(queueBytes), row: *row, end: -1, done: make(chan struct{}), now: time.Now(),
		told: map[config.FormatName]bool{}, random: plan.NewRandomID()}
	rec.log = r.logFor(row)
	rec.ledger = &ledger{log: rec.log, quit: r.quit}
	defer rec.ledger.wait(settleTime)
	if err := json.Unmarshal(row.Plan, &rec.plan); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	var err error
	if rec.zone, err = time.LoadLocation(rec.plan.Zone); err != nil {
		rec.zone = time.UTC
	}
	rec.id = identity{task: row.Task, rule: row.Rule, stream: plan.Stream{Domain: row.Domain, App: row.App, Name: row.Stream},
		template: templateKey(plan.Template{Template: config.Template{Name: row.Template, Formats: rec.plan.Formats}})}
	taskRuns := true
	if row.Task != "" {
		rec.task, taskRuns = r.taskWindow(row.Task)
	}
	files, err := state.Files(ctx, r.o.DB.Reader(), "WHERE recording=? AND state IN (?,?) ORDER BY id",
		row.ID, string(state.FileOpen), string(state.FileWaiting))
	if err != nil {
		return err
	}
	if r.only != 0 {
		files = slices.DeleteFunc(files, func(f *state.FileRow) bool { return f.ID != r.only })
	}
	deadline, err := rec.restore(ctx, files)
	if err != nil {
		return err
	}
	if rec.row.State == state.Finalizing { // their store was missing at the last start
		for _, o := range rec.outs {
			o.finish(rec.now, "the recording has ended before")
		}
		rec.ledger.add("the recording", func() error { // all may have been dropped
			return r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
				_, err := tx.SetRecordingDoneIfStored(row.ID)
				return err
			})
		})
		return nil
	}
	if deadline.IsZero() || !taskRuns {
		rec.stop("the server was stopped")
		return nil
	}
	crashed := rec.row.State == state.Recording
	rec.row.State, _ = next(rec.row.State, sigEnd)
	rec.row.Deadline = deadline
	formats := rec.formats()
	rec.store(func(tx *state.Tx, row *state.RecordingRow) error {
		if !crashed { // told when its publication ended
			return nil
		}
		return r.o.Events.Paused(tx, row, formats)
	})
	r.launch(rec)
	return nil
}

// restore gives the recording its outputs back. Until the returned time they
// wait; zero if none does.
func (rec *recording) restore(ctx context.Context, files []*state.FileRow) (deadline time.Time, err error) {
	for _, f := range rec.plan.Formats {
		place, err := rec.r.o.Place(f.Store)
		if err != nil { // its files are kept; the store may come back
			rec.log.Error("a store is missing; what was recorded for it stays in the spool", "store", f.Store, "error", err)
			rec.outs = append(rec.outs, rec.newOutput(f)) // it may come while the recording goes on
			continue
		}
		var own []*state.FileRow
		for _, x := range files {
			if x.Store == f.Store && (x.Format == string(f.Name) || f.Name == config.HLS && x.Parent != 0) {
				own = append(own, x)
			}
		}
		var o output
		var until time.Time
		if f.Name == config.HLS {
			o, until, err = rec.restoreList(ctx, f, place, own)
		} else {
			o, until = rec.restoreFile(f, place, own)
		}
		if err != nil {
			return deadline, err
		}
		rec.outs = append(rec.outs, o)
		rec.told[f.Name] = len(own) > 0
		if until.After(deadline) {
			deadline = until
		}
	}
	return deadline, nil
}

// window is until when a file may be gone on with: the stored deadline, or,
// after a crash, the splice window from its last byte on.
func (rec *recording) window(splice time.Duration, last time.Time) time.Time {
	if splice <= 0 || rec.row.State == state.Finalizing {
		return time.Time{}
	}
	until := last.Add(splice)
	if rec.row.State == state.Interrupted && !rec.row.Deadline.IsZero() && rec.row.Deadline.Before(until) {
		until = rec.row.Deadline
	}
	if !until.After(rec.now) {
		return time.Time{}
	}
	if latest := rec.now.Add(splice); until.After(latest) { // the clock was ahead and has come back
		return latest
	}
	return until
}

func (rec *recording) restoreFile(f config.Format, p Place, files []*state.FileRow) (output, time.Time) {
	o := &fileOutput{rec: rec, f: f, format: rec.r.o.Formats[f.Name], place: p, leftOut: map[int]bool{}, bad: map[int]bool{}}
	for _, row := range files {
		c, last := rec.reopen(p, row)
		if c == nil {
			continue
		}
		o.seq = max(o.seq, row.Seq+1)
		if err := o.revive(c, row); err != nil {
			rec.log.Warn("a file can't be gone on with, it is finished", "object", row.Object, "error", err)
			c.mux = nil
		}
		until := rec.window(f.Splice, last)
		if until.IsZero() || c.mux == nil || o.cur != nil {
			rec.closeFile(c, f, p)
			continue
		}
		o.cur, o.deadline = c, until
	}
	return o, o.deadline
}

// revive rebuilds what the file needs to be gone on with.
func (o *fileOutput) revive(c *openFile, row *state.FileRow) error {
	tracks := plainTracks(c.tracks)
	records := o.place.Dir.Records(row.Spool)
	var err error
	if c.start, c.end, err = extent(tracks, records); err != nil {
		return err
	}
	c.any = c.end > c.start
	c.shownFrom, c.shownTo = c.start, c.end
	o.rec.end = max(o.rec.end, c.end)
	c.mux, err = o.format.Resume(tracks, records)
	return err
}

// extent reads from the journal which part of the timeline a file covers. A
// sample without a duration lasts as long as the one before.
func extent(tracks []hooks.Track, records mux.Records) (start, end time.Duration, err error) {
	first := true
	last, step := make([]int64, len(tracks)), make([]int64, len(tracks))
	seen := make([]bool, len(tracks))
	for p, err := range index.Entries(records) {
		if err != nil {
			return 0, 0, err
		}
		if p.Track >= len(tracks) {
			continue
		}
		if seen[p.Track] && p.DTS > last[p.Track] {
			step[p.Track] = p.DTS - last[p.Track]
		}
		last[p.Track], seen[p.Track] = p.DTS, true
		clock := max(tracks[p.Track].ClockRate, 1)
		at := ticksToTime(p.DTS, clock)
		if first || at < start {
			start, first = at, false
		}
		end = max(end, ticksToTime(p.DTS+max(p.CTO, 0)+max(p.Dur, step[p.Track], 1), clock))
	}
	return start, end, nil
}

func ticksToTime(t int64, clock int) time.Duration {
	c := int64(clock)
	return time.Duration(t/c*int64(time.Second) + t%c*int64(time.Second)/c)
}

func plainTracks(tracks []*hooks.Track) []hooks.Track {
	out := make([]hooks.Track, len(tracks))
	for i, t := range tracks {
		out[i] = *t
	}
	return out
}

func (rec *recording) restoreList(ctx context.Context, f config.Format, p Place, files []*state.FileRow) (output, time.Time, error) {
	o := &hlsOutput{rec: rec, f: f, place: p, leftOut: map[int]bool{}, bad: map[int]bool{}}
	var lists []*state.FileRow
	last := time.Time{}
	for _, row := range files {
		if row.Parent == 0 {
			lists = append(lists, row)
			continue
		}
		at, err := o.restorePiece(row)
		if err != nil {
			return nil, time.Time{}, err
		}
		if at.After(last) {
			last = at
		}
	}
	rec.ledger.wait(settleTime) // its pieces are read from the state
	for _, row := range lists {
		if err := o.restoreList(ctx, row); err != nil {
			return nil, time.Time{}, err
		}
		if last.IsZero() {
			last = rec.lastPiece(ctx, row)
		}
		if until := rec.window(f.Splice, last); !until.IsZero() && row == lists[len(lists)-1] {
			o.deadline = until
		} else {
			o.end("the server was stopped")
		}
	}
	return o, o.deadline, nil
}

// restorePiece finishes a piece that was being written.
func (o *hlsOutput) restorePiece(row *state.FileRow) (last time.Time, err error) {
	c, last := o.rec.reopen(o.place, row)
	if c == nil {
		return last, nil
	}
	format := hls.FMP4
	if row.Format == state.FormatTS {
		format = hls.TS
	}
	if c.sp.Size() == 0 {
		o.rec.discard(c, o.place)
		return last, nil
	}
	o.rec.ledger.wait(settleTime) // the pieces before it are read from the state
	row.State, row.Ended, row.Size = state.FileEnded, last, c.sp.Size()
	if err := o.describePiece(row, format, plainTracks(c.tracks)); err != nil {
		o.rec.unreadable(row, errors.Join(err, c.sp.Close()))
		return last, nil
	}
	o.rec.endFile(c.sp, row, o.rec.writeFile)
	return last, nil
}

// describePiece fills in what the playlist says of a repaired piece.
func (o *hlsOutput) describePiece(row *state.FileRow, format hls.Container, tracks []hooks.Track) error {
	if row.Format == state.FormatInit {
		return nil
	}
	e, err := format.Inspect(tracks, o.place.Dir.Records(row.Spool))
	if err != nil {
		return err
	}
	row.Duration, row.Detail.Independent = e.Duration, !e.Dependent
	if err := o.restoreTimes(row, format, tracks); err != nil {
		return err
	}
	return o.restoreMap(row, format, tracks)
}

// restoreTimes notes up to where on the timeline a repaired piece goes.
func (o *hlsOutput) restoreTimes(row *state.FileRow, format hls.Container, tracks []hooks.Track) error {
	records := o.place.Dir.Records(row.Spool)
	sum, err := piece.Sum(len(tracks), records)
	if err != nil {
		return err
	}
	for i, t := range tracks {
		row.Detail.End = max(row.Detail.End, int64(ticksToTime(sum.Spans[i].Shown, max(t.ClockRate, 1))))
	}
	m, err := format.Resume(tracks, records)
	if err == nil {
		row.Detail.Origin = m.Origin()
	}
	return err
}

// restoreMap gives a repaired fMP4 piece its init section: the one of the piece
// before if nothing has changed, else a new one.
func (o *hlsOutput) restoreMap(row *state.FileRow, format hls.Container, tracks []hooks.Track) error {
	if format != hls.FMP4 {
		return nil
	}
	ctx := context.Background()
	before, err := state.Files(ctx, o.rec.r.o.DB.Reader(), "WHERE parent=? AND seq<? AND format=? ORDER BY seq DESC LIMIT 1",
		row.Parent, row.Seq, state.FormatM4S)
	if err != nil {
		return err
	}
	if len(before) == 1 && !row.Detail.Discontinuity {
		row.Detail.Map = before[0].Detail.Map
		return nil
	}
	list, err := state.FileByID(ctx, o.rec.r.o.DB.Reader(), row.Parent)
	if err != nil {
		return err
	}
	if err := o.restoreList(ctx, list); err != nil {
		return err
	}
	if o.mux, err = format.Resume(tracks, o.place.Dir.Records(row.Spool)); err != nil {
		return err
	}
	for i := range tracks {
		o.chosen = append(o.chosen, &tracks[i])
	}
	err = o.initSection()
	row.Detail.Map = o.list.mapURI
	o.mux, o.list, o.chosen = nil, nil, nil
	return err
}

// restoreList rebuilds the playlist that goes on.
func (o *hlsOutput) restoreList(ctx context.Context, row *state.FileRow) error {
	pieces, err := state.Files(ctx, o.rec.r.o.DB.Reader(), "WHERE parent=? ORDER BY seq", row.ID)
	if err != nil {
		return err
	}
	l := &playlistFile{row: *row, container: hls.Container(row.Detail.Container), key: listKey(row.Object)}
	for _, p := range pieces {
		if p.Format == state.FormatInit {
			l.inits = max(l.inits, p.Seq+1)
			continue
		}
		l.pieces = max(l.pieces, p.Seq+1)
		l.sum += p.Duration
		l.start, l.end, l.any = l.start-p.Duration, time.Duration(p.Detail.End), true
		l.origin = &p.Detail.Origin
	}
	if l.any {
		l.start += l.end
		o.rec.end = max(o.rec.end, l.end)
	}
	if row.Detail.Target == 0 { // it crashed within the first piece
		var longest time.Duration
		for _, p := range pieces {
			longest = max(longest, p.Duration)
		}
		l.row.Detail.Target = int(max(longest, o.f.Segment).Seconds()*1.5) + 1
		o.rec.saveFile(&l.row)
	}
	o.list = l
	return nil
}

func (rec *recording) lastPiece(ctx context.Context, list *state.FileRow) time.Time {
	pieces, err := state.Files(ctx, rec.r.o.DB.Reader(), "WHERE parent=? ORDER BY seq DESC LIMIT 1", list.ID)
	if err != nil || len(pieces) == 0 {
		return list.Started
	}
	return pieces[0].Ended
}
