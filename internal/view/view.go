// Package view holds what people are shown of recordings, files, events and
// publications: the same from a running server (the actions Lr… of the API, which
// command line and console call) and from its state when it does not run. These
// types are the JSON of both; nobody else declares their fields.
package view

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// Recording is a line of `record list`. Numbers beyond 2⁵³ are text: readers of
// JSON do not hold them exactly.
type Recording struct {
	ID        string               `json:"id"`
	Domain    string               `json:"domain"`
	App       string               `json:"app"`
	Stream    string               `json:"stream"`
	Path      string               `json:"path"`
	State     state.RecordingState `json:"state"`
	By        string               `json:"by"` // rule or task
	Template  string               `json:"template"`
	Protocol  string               `json:"protocol,omitempty"`
	Started   time.Time            `json:"started"`
	Ended     time.Time            `json:"ended,omitzero"`
	Joins     int                  `json:"joins,omitempty"`
	Until     time.Time            `json:"until,omitzero"`             // while interrupted: the deadline
	Remaining int64                `json:"remainingSeconds,omitempty"` // of it
	Reason    string               `json:"reason,omitempty"`
	Files     []File               `json:"files,omitempty"`

	// Only of a running server.
	Dropped int64    `json:"dropped,omitempty"` // units that the queue had to drop
	Outputs []Output `json:"outputs,omitempty"`
}

// OfRecording makes the view of a row, without its files.
func OfRecording(r *state.RecordingRow, now time.Time) Recording {
	v := Recording{ID: ID(r.ID), Domain: r.Domain, App: r.App, Stream: r.Stream, Path: r.Path, State: r.State,
		By: "rule " + ruleText(r.Rule), Template: r.Template, Protocol: r.Publication.Protocol, Started: r.Started, Ended: r.Ended,
		Joins: r.Joins, Reason: r.Reason}
	if r.Task != "" {
		v.By = "task " + r.Task
	}
	if r.State == state.Interrupted && !r.Deadline.IsZero() {
		v.Until, v.Remaining = r.Deadline, int64(max(r.Deadline.Sub(now), 0)/time.Second)
	}
	return v
}

// Name is DOMAIN/APP/STREAM.
func (v *Recording) Name() string {
	return plan.Stream{Domain: v.Domain, App: v.App, Name: v.Stream}.String()
}

// ruleText shows the three values of a rule; * stands for any.
func ruleText(rule string) string {
	domain, rest, ok := strings.Cut(rule, "/")
	i := strings.LastIndexByte(rest, '/')
	if !ok || i < 0 {
		return rule
	}
	return cmp.Or(domain, "*") + "/" + cmp.Or(rest[:i], "*") + "/" + cmp.Or(rest[i+1:], "*")
}

// File is a file, or a playlist with its pieces.
type File struct {
	ID       string          `json:"id"`
	Format   string          `json:"format"`
	Store    string          `json:"store"`
	Object   string          `json:"object"`
	State    state.FileState `json:"state"`
	Started  time.Time       `json:"started"`
	Ended    time.Time       `json:"ended,omitzero"`
	Duration float64         `json:"durationSeconds,omitempty"`
	Size     int64           `json:"size,omitempty"`
	Pieces   int             `json:"pieces,omitempty"`
	CRC64    string          `json:"crc64,omitempty"`
	Attempts int             `json:"attempts,omitempty"`
	Due      time.Time       `json:"due,omitzero"`
	Error    string          `json:"error,omitempty"`
	LeftOut  []string        `json:"leftOut,omitempty"`
}

// OfFile makes the view of a row.
func OfFile(f *state.FileRow) File {
	v := File{ID: ID(f.ID), Format: f.Format, Store: f.Store, Object: f.Object, State: f.State, Started: f.Started,
		Ended: f.Ended, Duration: f.Duration.Seconds(), Size: f.Size, Attempts: f.Attempts, Due: f.Due, Error: f.Error,
		LeftOut: f.Detail.LeftOut}
	if f.HasCRC {
		v.CRC64 = strconv.FormatUint(f.CRC64, 10)
	}
	return v
}

// ID writes the number of a recording or file.
func ID(n int64) string { return strconv.FormatInt(n, 10) }
