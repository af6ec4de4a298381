package plugin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/notify"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/state"
)

// operator answers the command line.
type operator struct{ house *house }

// recordingView is one line of `record list`.
type recordingView struct {
	ID         string                  `json:"id"` // as text: it is beyond what JSON readers hold exactly
	Domain     string                  `json:"domain"`
	App        string                  `json:"app"`
	Stream     string                  `json:"stream"`
	Path       string                  `json:"path"`
	State      state.RecordingState    `json:"state"`
	By         string                  `json:"by"` // rule or task
	Template   string                  `json:"template"`
	Protocol   string                  `json:"protocol,omitempty"`
	Started    time.Time               `json:"started"`
	Ended      time.Time               `json:"ended,omitzero"`
	Joins      int                     `json:"joins,omitempty"`
	Until      time.Time               `json:"until,omitzero"`             // while interrupted: the deadline
	RemainingS int64                   `json:"remainingSeconds,omitempty"` // of it
	Reason     string                  `json:"reason,omitempty"`
	Dropped    int64                   `json:"dropped,omitempty"`
	Outputs    []recorder.OutputStatus `json:"outputs,omitempty"`
	Files      []fileView              `json:"files,omitempty"`
}

// fileView is a file as it is shown.
type fileView struct {
	ID       string          `json:"id"`
	Format   string          `json:"format"`
	Store    string          `json:"store"`
	Object   string          `json:"object"`
	State    state.FileState `json:"state"`
	Started  time.Time       `json:"started"`
	Ended    time.Time       `json:"ended,omitzero"`
	Duration float64         `json:"durationSeconds,omitempty"`
	Size     int64           `json:"size,omitempty"`
	CRC64    string          `json:"crc64,omitempty"`
	Attempts int             `json:"attempts,omitempty"`
	Due      time.Time       `json:"due,omitzero"`
	Error    string          `json:"error,omitempty"`
	LeftOut  []string        `json:"leftOut,omitempty"`
}

// List implements api.Operator.
func (o *operator) List(ctx context.Context, q api.ListQuery) (any, error) {
	rows, err := state.Recordings(ctx, o.house.db.Reader(),
		`WHERE (state=? OR ?='') AND (domain=? OR ?='') AND (app=? OR ?='') AND (stream=? OR ?='') ORDER BY id DESC LIMIT ?`,
		q.State, q.State, q.Domain, q.Domain, q.App, q.App, q.Stream, q.Stream, q.Limit)
	if err != nil {
		return nil, err
	}
	statuses := o.statuses()
	out := make([]recordingView, 0, len(rows))
	for _, r := range rows {
		out = append(out, view(r, statuses))
	}
	return out, nil
}

func (o *operator) statuses() map[int64]recorder.Status {
	out := map[int64]recorder.Status{}
	for _, s := range o.house.recorder.Statuses() {
		out[s.ID] = s
	}
	return out
}

func view(r *state.RecordingRow, statuses map[int64]recorder.Status) recordingView {
	v := recordingView{ID: formatID(r.ID), Domain: r.Domain, App: r.App, Stream: r.Stream, Path: r.Path, State: r.State,
		By: "rule " + r.Rule, Template: r.Template, Protocol: r.Publication.Protocol, Started: r.Started, Ended: r.Ended,
		Joins: r.Joins, Until: r.Deadline, Reason: r.Reason}
	if r.Task != "" {
		v.By = "task " + r.Task
	}
	if !r.Deadline.IsZero() {
		v.RemainingS = int64(max(time.Until(r.Deadline), 0) / time.Second)
	}
	if s, ok := statuses[r.ID]; ok {
		v.Outputs, v.Dropped = s.Outputs, s.Dropped
	}
	return v
}

// Show implements api.Operator.
func (o *operator) Show(ctx context.Context, id string) (any, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("recording %q: %w", id, state.ErrNotFound)
	}
	r, err := state.RecordingByID(ctx, o.house.db.Reader(), n)
	if err != nil {
		return nil, err
	}
	files, err := state.Files(ctx, o.house.db.Reader(), `WHERE recording=? AND parent=0 ORDER BY started, id`, n)
	if err != nil {
		return nil, err
	}
	v := view(r, o.statuses())
	v.Files = []fileView{}
	for _, f := range files {
		x := fileView{ID: formatID(f.ID), Format: f.Format, Store: f.Store, Object: f.Object, State: f.State, Started: f.Started,
			Ended: f.Ended, Duration: f.Duration.Seconds(), Size: f.Size, Attempts: f.Attempts, Due: f.Due, Error: f.Error,
			LeftOut: f.Detail.LeftOut}
		if f.HasCRC {
			x.CRC64 = strconv.FormatUint(f.CRC64, 10)
		}
		v.Files = append(v.Files, x)
	}
	return v, nil
}

// Stop implements api.Operator.
func (o *operator) Stop(_ context.Context, id string, s plan.Stream) ([]string, error) {
	const reason = "stopped by command"
	if id != "" {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || !o.house.recorder.Stop(n, reason) {
			return nil, fmt.Errorf("no recording %s is running or waiting: %w", id, state.ErrNotFound)
		}
		return []string{id}, nil
	}
	stopped := []string{}
	for _, n := range o.house.recorder.StopStream(s, reason) {
		stopped = append(stopped, formatID(n))
	}
	return stopped, nil
}

// eventView is an event with its way to the endpoints.
type eventView struct {
	ID         string         `json:"id"`
	Recording  string         `json:"recording"`
	Sequence   int64          `json:"sequence"`
	Kind       string         `json:"kind"`
	Type       int            `json:"type"`
	Created    time.Time      `json:"created"`
	Body       string         `json:"body"`
	Deliveries []deliveryView `json:"deliveries"`
}

type deliveryView struct {
	Endpoint string    `json:"endpoint"`
	State    string    `json:"state"`
	Attempts int       `json:"attempts"`
	Due      time.Time `json:"due,omitzero"`
	Error    string    `json:"error,omitempty"`
}

// Events implements api.Operator.
func (o *operator) Events(ctx context.Context, q api.EventsQuery) (any, error) {
	f := notify.Filter{State: state.DeliveryState(q.State), Limit: q.Limit}
	if q.Recording != "" {
		n, err := strconv.ParseInt(q.Recording, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("recording %q: %w", q.Recording, state.ErrNotFound)
		}
		f.Recording = n
	}
	entries, err := notify.List(ctx, o.house.db.Reader(), f)
	if err != nil {
		return nil, err
	}
	out := make([]eventView, 0, len(entries))
	for _, e := range entries {
		v := eventView{ID: e.Event.ID, Recording: formatID(e.Event.Recording), Sequence: e.Event.Sequence, Kind: string(e.Event.Kind),
			Type: e.Event.Type, Created: e.Event.Created, Body: string(e.Event.Body), Deliveries: []deliveryView{}}
		for _, d := range e.Deliveries {
			v.Deliveries = append(v.Deliveries, deliveryView{Endpoint: d.Endpoint, State: string(d.State), Attempts: d.Attempts,
				Due: d.Due, Error: d.Error})
		}
		out = append(out, v)
	}
	return out, nil
}

// Resend implements api.Operator.
func (o *operator) Resend(ctx context.Context, id string) (any, error) {
	if err := o.house.notifier.Resend(ctx, id); err != nil {
		return nil, err
	}
	return map[string]string{"resent": id}, nil
}

// explanation is the answer of Explain.
type explanation struct {
	Stream   string                `json:"stream"`
	Verdicts []plan.Verdict        `json:"verdicts"`
	Live     []recorder.LiveStatus `json:"live"`
}

// Explain implements api.Operator.
func (o *operator) Explain(_ context.Context, q api.ExplainQuery) (any, error) {
	s := plan.Stream{Domain: q.Domain, App: q.App, Name: q.Stream}
	e := explanation{Stream: s.String(), Verdicts: o.house.recorder.Plan().Table.Explain(s), Live: []recorder.LiveStatus{}}
	for _, l := range o.house.recorder.Live() {
		if l.Stream == s {
			e.Live = append(e.Live, l)
		}
	}
	return e, nil
}

func formatID(n int64) string { return strconv.FormatInt(n, 10) }
