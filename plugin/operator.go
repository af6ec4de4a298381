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

// List implements api.Operator.
func (o *operator) List(ctx context.Context, q api.ListQuery) ([]view.Recording, error) {
	rows, err := state.Recordings(ctx, o.house.db.Reader(),
		`WHERE (state=? OR ?='') AND (domain=? OR ?='') AND (app=? OR ?='') AND (stream=? OR ?='') ORDER BY id DESC LIMIT ?`,
		q.State, q.State, q.Domain, q.Domain, q.App, q.App, q.Stream, q.Stream, q.Limit)
	if err != nil {
		return nil, err
	}
	statuses := o.statuses()
	out := make([]view.Recording, 0, len(rows))
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

func viewOf(r *state.RecordingRow, statuses map[int64]recorder.Status) view.Recording {
	v := view.OfRecording(r, time.Now())
	s := statuses[r.ID]
	v.Dropped = s.Dropped
	for _, o := range s.Outputs {
		v.Outputs = append(v.Outputs, view.Output{Format: o.Format, Store: o.Store, Object: o.Object, Bytes: o.Bytes, Media: o.Media,
			Pieces: o.Segments, Problem: o.Problem, Until: o.Until})
	}
	return v
}

// Show implements api.Operator.
func (o *operator) Show(ctx context.Context, id string) (*view.Recording, error) {
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
	return &v, nil
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
func (o *operator) Events(ctx context.Context, q api.EventsQuery) ([]view.Event, error) {
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
func (o *operator) Resend(ctx context.Context, id string) (*view.Resent, error) {
	if err := o.house.notifier.Resend(ctx, id); err != nil {
		return nil, err
	}
	return &view.Resent{Event: id}, nil
}

// Explain implements api.Operator.
func (o *operator) Explain(_ context.Context, q api.ExplainQuery) (*view.Explanation, error) {
	s := plan.Stream{Domain: q.Domain, App: q.App, Name: q.Stream}
	e := &view.Explanation{Stream: s.String(), Verdicts: o.house.recorder.Plan().Table.Explain(s), Live: []view.Live{}}
	for _, l := range o.house.recorder.Live() {
		if l.Stream == s {
			e.Live = append(e.Live, view.Live{Path: l.Path, Protocol: l.Protocol, RemoteAddr: l.RemoteAddr, Since: l.Since,
				Recordings: l.Recordings, Why: l.Why, Discarded: l.Discarded})
		}
	}
	return e, nil
}
