package recorder

import (
	"context"
	"fmt"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/recorder/output"
	"github.com/live-recording/liverecord/internal/state"
)

// Events is told the facts of a recording's life, inside the transaction that
// stores them.
type Events interface {
	Started(tx *state.Tx, r *state.RecordingRow, f config.FormatName) error
	StartFailed(tx *state.Tx, r *state.RecordingRow, f config.FormatName, why string) error
	Failed(tx *state.Tx, r *state.RecordingRow, f config.FormatName, why string) error
	Paused(tx *state.Tx, r *state.RecordingRow, f []config.FormatName) error
	Resumed(tx *state.Tx, r *state.RecordingRow, f []config.FormatName) error
	Ended(tx *state.Tx, r *state.RecordingRow, f []config.FormatName) error
	// NotStored tells that a file is lost, or waits for a human.
	NotStored(tx *state.Tx, r *state.RecordingRow, f *state.FileRow, why string) error
	// Abnormal reports what is odd in a stream. It must not block.
	Abnormal(r *state.RecordingRow, a Abnormality)
}

// AbnormalKind is a type of the original's event 341.
type AbnormalKind int

// The kinds that the recorder sees (tencent-live §5.4).
const (
	VideoJump    AbnormalKind = -9
	BadTimestamp AbnormalKind = -11
	SizeChanged  AbnormalKind = -100
	WriteFailed  AbnormalKind = -104
	CodecChanged AbnormalKind = -120
	DroppedVideo AbnormalKind = -130
)

// Abnormality is one report.
type Abnormality struct {
	Kind   AbnormalKind
	Format config.FormatName // empty: all
	Occurs int
	Desc   string
}

// reporter is the output.Reporter of a recording: log, events and counters.
type reporter struct{ rec *recording }

var _ output.Reporter = reporter{}

// Started implements output.Reporter; only the first time of a format counts.
func (p reporter) Started(f config.FormatName) {
	rec := p.rec
	if rec.told[f] {
		return
	}
	rec.told[f] = true
	rec.event(func(tx *state.Tx, row *state.RecordingRow) error { return rec.r.o.Events.Started(tx, row, f) })
	rec.log.Info("recording", "format", f)
}

// Failed implements output.Reporter.
func (p reporter) Failed(f config.FormatName, why error) {
	rec := p.rec
	rec.log.Error("recording failed", "format", f, "error", why)
	started := rec.told[f]
	rec.event(func(tx *state.Tx, row *state.RecordingRow) error {
		if !started {
			return rec.r.o.Events.StartFailed(tx, row, f, why.Error())
		}
		return rec.r.o.Events.Failed(tx, row, f, why.Error())
	})
	if started {
		rec.abnormal(Abnormality{Kind: WriteFailed, Format: f, Occurs: 1, Desc: why.Error()})
	}
}

// Resumed implements output.Reporter.
func (p reporter) Resumed(f config.FormatName, problem string) {
	p.rec.log.Info("recording resumed", "format", f, "after", problem)
}

// Changed implements output.Reporter.
func (p reporter) Changed(f config.FormatName, had []*hooks.Track, now *hooks.Track) {
	for _, tr := range had {
		a := Abnormality{Kind: SizeChanged, Format: f, Occurs: 1, Desc: fmt.Sprintf(
			"the parameters of the %s track changed (%dx%d, now %dx%d)", now.Codec, tr.Width, tr.Height, now.Width, now.Height)}
		if tr.Codec.IsVideo() != now.Codec.IsVideo() {
			continue
		}
		if tr.Codec != now.Codec {
			a.Kind, a.Desc = CodecChanged, fmt.Sprintf("the codec changed from %s to %s", tr.Codec, now.Codec)
		}
		p.rec.abnormal(a)
		return
	}
}

// Odd implements output.Reporter; the log has the first one.
func (p reporter) Odd(f config.FormatName, why error) {
	p.rec.skipped++
	if p.rec.skipped == 1 {
		p.rec.log.Warn("a sample could not be recorded", "format", f, "error", why)
	}
	p.rec.abnormal(Abnormality{Kind: BadTimestamp, Format: f, Occurs: 1, Desc: why.Error()})
}

// LeftOut implements output.Reporter.
func (p reporter) LeftOut(f config.FormatName, track int, tr *hooks.Track, why error) {
	p.rec.log.Warn("a track is left out", "format", f, "track", track, "codec", tr.Codec, "reason", why)
}

// Unreadable implements output.Reporter.
func (p reporter) Unreadable(f config.FormatName, track int, tr *hooks.Track, why error) {
	p.rec.log.Warn("a track is left out: its parameters cannot be read",
		"format", f, "track", track, "codec", tr.Codec, "error", why)
}

// Withheld implements output.Reporter.
func (p reporter) Withheld() { p.rec.lost.changes.Add(1) }

// Damaged implements output.Reporter.
func (p reporter) Damaged(row *state.FileRow, bytes int64) {
	p.rec.log.Error("a file is damaged on the disk; what is whole of it is kept", "object", row.Object, "damaged", bytes)
	p.rec.abnormal(Abnormality{Kind: WriteFailed, Occurs: 1,
		Desc: fmt.Sprintf("%s: %d bytes were damaged on the disk and are left out", row.Object, bytes)})
}

func (rec *recording) abnormal(a Abnormality) { rec.r.o.Events.Abnormal(&rec.row, a) }

// event stores an event, with a copy of the row as it is now.
func (rec *recording) event(f func(*state.Tx, *state.RecordingRow) error) {
	row := rec.row
	rec.ledger.add("an event", func() error {
		return rec.r.o.DB.Update(context.Background(), func(tx *state.Tx) error { return f(tx, &row) })
	})
}
