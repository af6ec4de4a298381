package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/spool"
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

// opened tells that a format has begun to be recorded; only once per format.
func (rec *recording) opened(f config.FormatName) {
	if rec.told[f] {
		return
	}
	rec.told[f] = true
	rec.event(func(tx *state.Tx, row *state.RecordingRow) error { return rec.r.o.Events.Started(tx, row, f) })
	rec.log.Info("recording", "format", f)
}

// failed tells that a format can't be recorded (for now).
func (rec *recording) failed(f config.FormatName, why error) {
	rec.log.Error("recording failed", "format", f, "error", why)
	started := rec.told[f]
	rec.event(func(tx *state.Tx, row *state.RecordingRow) error {
		if !started {
			return rec.r.o.Events.StartFailed(tx, row, f, why.Error())
		}
		return rec.r.o.Events.Failed(tx, row, f, why.Error())
	})
	if started {
		rec.r.o.Events.Abnormal(&rec.row, Abnormality{Kind: WriteFailed, Format: f, Occurs: 1, Desc: why.Error()})
	}
}

// resumed tells that a format is recorded again after a problem.
func (rec *recording) resumed(f config.FormatName, problem string) {
	if problem != "" {
		rec.log.Info("recording resumed", "format", f, "after", problem)
	}
}

// problemOf names the cause of a failure without the file that it struck, so
// that the next file's failure is known as the same.
func problemOf(err error) string {
	var p *fs.PathError
	switch {
	case errors.As(err, &p):
		return p.Op + ": " + p.Err.Error()
	case errors.Is(err, spool.ErrFull):
		return spool.ErrFull.Error()
	case errors.Is(err, spool.ErrLow):
		return spool.ErrLow.Error()
	}
	return err.Error()
}

// tellChange reports that a file had to end because the stream changed.
func (rec *recording) tellChange(f config.FormatName, had []*hooks.Track, now *hooks.Track) {
	for _, tr := range had {
		switch {
		case tr.Codec.IsVideo() != now.Codec.IsVideo():
			continue
		case tr.Codec != now.Codec:
			rec.r.o.Events.Abnormal(&rec.row, Abnormality{Kind: CodecChanged, Format: f, Occurs: 1,
				Desc: fmt.Sprintf("the codec changed from %s to %s", tr.Codec, now.Codec)})
		default:
			rec.r.o.Events.Abnormal(&rec.row, Abnormality{Kind: SizeChanged, Format: f, Occurs: 1,
				Desc: fmt.Sprintf("the parameters of the %s track changed (%dx%d, now %dx%d)", now.Codec, tr.Width, tr.Height, now.Width, now.Height)})
		}
		return
	}
}

// odd counts a sample that a format could not take.
func (rec *recording) odd(f config.FormatName, err error) {
	rec.skipped++
	if rec.skipped == 1 {
		rec.log.Warn("a sample could not be recorded", "format", f, "error", err)
	}
	rec.r.o.Events.Abnormal(&rec.row, Abnormality{Kind: BadTimestamp, Format: f, Occurs: 1, Desc: err.Error()})
}

// event stores an event, with a copy of the row as it is now.
func (rec *recording) event(f func(*state.Tx, *state.RecordingRow) error) {
	row := rec.row
	rec.ledger.add("an event", func() error {
		return rec.r.o.DB.Update(context.Background(), func(tx *state.Tx) error { return f(tx, &row) })
	})
}
