package recorder

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mask"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder/output"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// bookEvery is after how many messages the account is brought up to date.
const bookEvery = 32

// tick is how often a recording looks at its clocks: flushes, deadlines, retries.
const tick = 200 * time.Millisecond

// settleTime is how long a recording that has ended is listed while the state can't
// be written.
const settleTime = 10 * time.Second

// recording is one rule or task applied to one stream. All of it but the queue
// belongs to its goroutine.
type recording struct {
	r      *Recorder
	log    *slog.Logger
	q      *queue
	ledger *ledger

	row    state.RecordingRow
	window window // when a task wants it to record
	plan   plan.Pinned

	new     bool // the row is not in the state yet
	refused bool // and could not be written when it was tried

	shared  output.Recording // with the outputs
	outputs []output.Output

	lost      lossReport
	booked    int64                      // on the account, beside the queue
	discarded uint64                     // units dropped by the host, as told so far
	told      map[config.FormatName]bool // formats whose start was told
	skipped   int                        // samples that a format could not take
	done      chan struct{}
	shown     atomic.Pointer[[]OutputStatus] // for others to read
	looked    time.Time                      // when it was last renewed

	// These belong to the Recorder, under its lock.
	id       identity
	session  *session // the publication that is being recorded; nil while none is
	stopping bool
}

// run is the goroutine of a recording.
func (rec *recording) run() {
	defer rec.ledger.wait(0)
	defer rec.q.close()
	defer rec.r.ended(rec)
	defer close(rec.done)
	defer rec.ledger.wait(settleTime)
	defer func() {
		if p := recover(); p != nil {
			rec.log.Error("the recorder failed; this recording stops, its files so far are kept",
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			rec.abandon()
		}
	}()
	for !rec.insert() {
		select { // what comes meanwhile waits in the queue
		case <-time.After(retryPause):
		case <-rec.r.quit:
			return
		}
	}
	t := time.NewTicker(tick)
	defer t.Stop()
	var batch []message
	for !rec.isOver() {
		select {
		case <-rec.q.bell:
			batch = rec.q.take(batch)
			for i := range batch {
				if rec.handle(&batch[i]) || rec.isOver() {
					return
				}
				if i%bookEvery == 0 {
					rec.book()
				}
			}
			rec.relieve()
			rec.book()
		case rec.shared.Now = <-t.C:
			rec.onTick()
			rec.relieve()
			rec.book()
		}
	}
}

func (rec *recording) isOver() bool {
	return rec.row.State != state.Recording && rec.row.State != state.Interrupted
}

// insert stores the row before anything else is done for the recording.
func (rec *recording) insert() bool {
	if !rec.new {
		return true
	}
	err := rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
		return tx.InsertRecording(&rec.row)
	})
	if err != nil {
		if !rec.refused {
			rec.log.Error("a recording can't be started, will be retried: the state can't be written", "error", err)
		}
		rec.refused = true
		return false
	}
	rec.new = false
	return true
}

// handle acts on one message; true ends the goroutine at once.
func (rec *recording) handle(m *message) (quit bool) {
	if m.done != nil {
		defer close(m.done)
	}
	switch m.kind {
	case msgUnit:
		rec.shared.Now = m.at
		rec.unit(&m.unit)
		rec.q.did(m.cost)
	case msgDropped:
		rec.tellLost(false)
		if rec.shared.Timeline != nil {
			rec.shared.Timeline.Gap()
		}
		for _, o := range rec.outputs {
			o.Gap()
		}
	case msgBegin:
		rec.begin(m.begin)
	case msgEnd:
		rec.shared.Now = time.Now()
		rec.endPublication(m.reason)
	case msgStop:
		rec.shared.Now = time.Now()
		rec.stop(m.reason)
	case msgShutdown:
		rec.shared.Now = time.Now()
		if rec.row.State == state.Recording {
			rec.endPublication("the server stopped")
		}
		return true
	}
	return false
}

func (rec *recording) unit(u *hooks.Unit) {
	switch {
	case rec.shared.Timeline == nil || rec.window.before(rec.shared.Now):
	case rec.window.after(rec.shared.Now):
		rec.stop("the task is over")
	default:
		rec.shared.Timeline.Write(*u, rec.shared.Now)
	}
}

// begin starts or resumes with a publication.
func (rec *recording) begin(b *beginning) {
	rec.shared.Now = time.Now()
	opts := timeline.Options{FromStart: b.fromStart, JoinAt: -1, NoVideo: !rec.wantsVideo(b.tracks)}
	if rec.shared.End >= 0 {
		opts.JoinAt = rec.shared.End
	}
	rec.shared.Timeline = timeline.New(b.tracks, opts, rec.sample)
	rec.shared.RandomID = plan.NewRandomID()
	rec.row.Publication = publicationInfo(b.pub)
	if rec.row.State == state.Interrupted {
		rec.resume()
	}
	tracks := rec.shared.Timeline.Tracks()
	for _, o := range rec.outputs {
		o.Begin(tracks)
	}
}

func (rec *recording) resume() {
	rec.row.State, _ = next(rec.row.State, sigReturn)
	rec.row.Deadline = time.Time{}
	rec.row.Joins++
	formats := rec.formats()
	rec.store(func(tx *state.Tx, row *state.RecordingRow) error {
		return rec.r.o.Events.Resumed(tx, row, formats)
	})
	rec.log.Info("the publisher is back, the recording goes on", "joins", rec.row.Joins)
}

// wantsVideo: with only audio formats no key frame is waited for.
func (rec *recording) wantsVideo(tracks []hooks.Track) bool {
	for _, f := range rec.plan.Formats {
		if f.Name != config.AAC {
			return true
		}
	}
	return false
}

// sample is where the timeline gives samples out.
func (rec *recording) sample(s *timeline.Sample) {
	for _, o := range rec.outputs {
		o.Write(s)
	}
}

func (rec *recording) onTick() {
	if rec.shared.Now.Sub(rec.looked) >= time.Second {
		rec.looked = rec.shared.Now
		rec.publish()
		rec.tellDiscarded()
	}
	if rec.shared.Timeline != nil && rec.q.empty() { // else the units say what time it is
		rec.shared.Timeline.Tick(rec.shared.Now)
	}
	rec.tellLost(false)
	if rec.window.after(rec.shared.Now) && rec.q.empty() { // what came before the end belongs to it
		rec.stop("the task is over")
		return
	}
	for _, o := range rec.outputs {
		o.Tick(rec.shared.Now)
	}
	if rec.row.State == state.Interrupted && !rec.r.returning(rec) {
		rec.deadlines()
	}
}

// deadlines finishes outputs whose splice window has passed, and with the last
// of them the recording.
func (rec *recording) deadlines() {
	var wait bool
	for _, o := range rec.outputs {
		if d := o.Pending(); rec.shared.Now.Before(d) {
			wait = true
		} else if !d.IsZero() {
			o.Finish("the splice window has passed")
		}
	}
	if !wait && rec.r.retire(rec) {
		rec.over(sigPassed, "the publisher did not come back in time")
	}
}

// tellDiscarded reports what the host dropped before it came to us: it was
// starved of CPU. Where the units are missing nobody knows.
func (rec *recording) tellDiscarded() {
	n := rec.r.discarded(rec)
	if n > rec.discarded {
		rec.log.Warn("MediaMTX dropped units before they could be recorded: the machine is too slow", "units", n-rec.discarded, "total", n)
		rec.abnormal(Abnormality{Kind: DroppedVideo, Occurs: int(n - rec.discarded),
			Desc: "units were dropped by MediaMTX because the machine is too slow"})
	}
	rec.discarded = n // the next publication counts anew
}

// endPublication ends the current publication, for whatever reason.
func (rec *recording) endPublication(reason string) {
	if rec.shared.Timeline != nil {
		rec.shared.Timeline.Flush()
		if rec.shared.Timeline.Started() {
			rec.shared.End = rec.shared.Timeline.End()
		}
		rec.tellOdd(rec.shared.Timeline.Stats())
	}
	rec.tellLost(true)
	var deadline time.Time
	for _, o := range rec.outputs {
		if d := o.Interrupt(rec.shared.Now); d.After(deadline) {
			deadline = d
		}
	}
	rec.shared.Timeline = nil
	if deadline.IsZero() && rec.r.retire(rec) {
		rec.over(sigEndFree, reason)
		return
	}
	rec.row.State, _ = next(rec.row.State, sigEnd)
	rec.row.Deadline = deadline
	formats := rec.formats()
	rec.store(func(tx *state.Tx, row *state.RecordingRow) error {
		return rec.r.o.Events.Paused(tx, row, formats)
	})
	rec.log.Info("the publication ended, the recording waits", "until", deadline.UTC().Format(time.RFC3339), "reason", reason)
}

func (rec *recording) tellOdd(s timeline.Stats) {
	if s.Jumps > 0 {
		rec.log.Warn("timestamps jumped; the timeline was continued", "jumps", s.Jumps)
		rec.abnormal(Abnormality{Kind: VideoJump, Occurs: s.Jumps, Desc: "timestamps jumped"})
	}
	if s.Huge > 0 {
		rec.log.Warn("parameter sets above 64 KB were not taken over", "times", s.Huge)
	}
}

// stop finishes the recording, whatever its state.
func (rec *recording) stop(reason string) {
	if rec.shared.Timeline != nil {
		rec.shared.Timeline.Flush()
	}
	for _, o := range rec.outputs {
		o.Finish(reason)
	}
	rec.shared.Timeline = nil
	rec.tellLost(true)
	rec.over(sigStop, reason)
}

// over moves the recording to finalizing: nothing more is written.
func (rec *recording) over(x signal, reason string) {
	rec.row.State, _ = next(rec.row.State, x)
	rec.row.Deadline = time.Time{}
	rec.row.Ended = rec.shared.Now
	rec.row.Reason = reason
	formats := rec.formats()
	rec.store(func(tx *state.Tx, row *state.RecordingRow) error {
		if err := rec.r.o.Events.Ended(tx, row, formats); err != nil {
			return err
		}
		_, err := tx.SetRecordingDoneIfStored(row.ID)
		return err
	})
	rec.log.Info("the recording has ended", "reason", reason)
}

// abandon is the last resort after a panic: what is in the files is finished,
// nothing more is written. If even that fails, they stay open in the state and
// the next start repairs them.
func (rec *recording) abandon() {
	defer func() {
		if p := recover(); p != nil {
			rec.log.Error("its files wait for the next start", "panic", fmt.Sprint(p))
			rec.row.State, rec.row.Reason = state.Interrupted, "internal error"
			rec.store(func(*state.Tx, *state.RecordingRow) error { return nil })
		}
	}()
	for _, o := range rec.outputs {
		o.Abandon()
	}
	rec.over(sigStop, "internal error")
}

// formats lists the formats whose start was told, for events.
func (rec *recording) formats() []config.FormatName {
	var out []config.FormatName
	for _, f := range rec.plan.Formats {
		if rec.told[f.Name] {
			out = append(out, f.Name)
		}
	}
	return out
}

func publicationInfo(p *hooks.Publication) state.PublicationInfo {
	return state.PublicationInfo{ID: p.ID, Protocol: p.Protocol, RemoteAddr: p.RemoteAddr, User: p.User, Query: mask.Query(p.Query)}
}
