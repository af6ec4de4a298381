package plugin

import (
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/upload"
)

// events turns the facts of recorder and upload into notifications.
type events struct {
	emit   func(*state.Tx, state.Event) error
	report func(event.AbnormalFacts)
	places *places
	secret []byte // signs links to local stores
}

// linkLife is how long the link in an event to a file in a local store is good.
const linkLife = 7 * 24 * time.Hour

var (
	_ recorder.Events = (*events)(nil)
	_ upload.Events   = (*events)(nil)
)

func (e *events) subject(r *state.RecordingRow, store string) event.Subject {
	s := event.Subject{Recording: r.ID, Domain: r.Domain, App: r.App, Stream: r.Stream, TaskID: r.Task, Template: r.TemplateID}
	if t, err := e.places.target(store); err == nil {
		s.Bucket = t.Config.Bucket
	}
	return s
}

func (e *events) status(tx *state.Tx, r *state.RecordingRow, what string, f config.FormatName) error {
	return e.emit(tx, event.Status(event.StatusFacts{
		Subject: e.subject(r, ""), What: what, Format: string(f), Pulled: r.Publication.Protocol == "static", Time: time.Now(),
	}))
}

func (e *events) statuses(tx *state.Tx, r *state.RecordingRow, what string, formats []config.FormatName) error {
	for _, f := range formats {
		if err := e.status(tx, r, what, f); err != nil {
			return err
		}
	}
	return nil
}

func (e *events) Started(tx *state.Tx, r *state.RecordingRow, f config.FormatName) error {
	return e.status(tx, r, event.StartSucceeded, f)
}

func (e *events) StartFailed(tx *state.Tx, r *state.RecordingRow, f config.FormatName, _ string) error {
	return e.status(tx, r, event.StartFailed, f)
}

func (e *events) Failed(tx *state.Tx, r *state.RecordingRow, f config.FormatName, _ string) error {
	return e.status(tx, r, event.Error, f)
}

func (e *events) Paused(tx *state.Tx, r *state.RecordingRow, f []config.FormatName) error {
	return e.statuses(tx, r, event.Paused, f)
}

func (e *events) Resumed(tx *state.Tx, r *state.RecordingRow, f []config.FormatName) error {
	return e.statuses(tx, r, event.Resumed, f)
}

func (e *events) Ended(tx *state.Tx, r *state.RecordingRow, f []config.FormatName) error {
	return e.statuses(tx, r, event.Ended, f)
}

func (e *events) Abnormal(r *state.RecordingRow, a recorder.Abnormality) {
	level := event.Warning
	if a.Kind == recorder.WriteFailed {
		level = event.Severe
	}
	e.report(event.AbnormalFacts{Subject: e.subject(r, ""), Type: int(a.Kind), Level: level, Desc: a.Desc, Occurs: a.Occurs,
		Format: string(a.Format), Time: time.Now()})
}

// Stored tells of a finished file (event 100).
func (e *events) Stored(tx *state.Tx, r *state.RecordingRow, f *state.FileRow) error {
	facts := event.FileFacts{
		Subject: e.subject(r, f.Store), File: f.ID, Format: f.Format, Started: f.Started, Ended: f.Ended, Duration: f.Duration,
		Size: f.Size, Query: r.Publication.Query, MediaStart: f.Detail.MediaStart,
		VideoCodec: f.Detail.VideoCodec, Width: f.Detail.Width, Height: f.Detail.Height,
	}
	if f.Format == string(config.HLS) {
		var pieces int64
		if err := tx.QueryRow(`SELECT COALESCE(SUM(size), 0) FROM files WHERE parent=?`, f.ID).Scan(&pieces); err != nil {
			return err
		}
		facts.Size += pieces
	}
	if t, err := e.places.target(f.Store); err == nil {
		if t.Remote != nil {
			facts.URL = t.Remote.URL(f.Object)
		} else {
			facts.URL = t.Local.SignedURL(f.Object, f.Ended.Add(linkLife), e.secret)
		}
	}
	return e.emit(tx, event.File(facts))
}

// NotStored tells that a file is parked or lost.
func (e *events) NotStored(tx *state.Tx, r *state.RecordingRow, f *state.FileRow, why string) error {
	e.report(event.AbnormalFacts{Subject: e.subject(r, f.Store), Type: event.WriteFailed, Level: event.Severe, Desc: why,
		Occurs: 1, Format: f.Format, Time: time.Now()})
	return e.status(tx, r, event.Error, config.FormatName(f.Format))
}
