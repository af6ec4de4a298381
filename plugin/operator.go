package plugin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

// operator answers the command line.
type operator struct{ house *house }

// recordingView is a recording with what only a running server knows.
type recordingView struct {
	view.Recording
	Outputs []recorder.OutputStatus `json:"outputs,omitempty"`
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
		out = append(out, viewOf(r, statuses))
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

func viewOf(r *state.RecordingRow, statuses map[int64]recorder.Status) recordingView {
	v := recordingView{Recording: view.OfRecording(r, time.Now())}
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
	v := viewOf(r, o.statuses())
	v.Files = []view.File{}
	for _, f := range files {
		v.Files = append(v.Files, view.OfFile(f))
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
		stopped = append(stopped, view.ID(n))
	}
	return stopped, nil
}

// Events implements api.Operator.
func (o *operator) Events(ctx context.Context, q api.EventsQuery) (any, error) {
	f := view.EventFilter{State: state.DeliveryState(q.State), Limit: q.Limit}
	if q.Recording != "" {
		n, err := strconv.ParseInt(q.Recording, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("recording %q: %w", q.Recording, state.ErrNotFound)
		}
		f.Recording = n
	}
	return view.Events(ctx, o.house.db.Reader(), f)
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
