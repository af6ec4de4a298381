package api

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

const (
	operatorLimit = 1000           // rows of one answer at most
	defaultFor    = 24 * time.Hour // of LrStart
)

// operated answers an action of the command line.
type operated struct{ Result any }

func operate(result any, err error) (any, error) {
	var e *Error
	switch {
	case err == nil:
		return operated{result}, nil
	case errors.As(err, &e):
		return nil, err
	case errors.Is(err, state.ErrNotFound):
		return nil, Errorf(codeResourceNotFound, "%s", err)
	}
	return nil, err
}

func (s *Server) operator() (Operator, error) {
	if s.opt.Operator == nil {
		return nil, Errorf(codeUnsupported, "This server has no operator's actions.")
	}
	return s.opt.Operator, nil
}

type listInput struct {
	State      *string
	DomainName *string
	AppName    *string
	StreamName *string
	Limit      *uint64
}

func limitOf(n *uint64) int {
	if v := value(n, 0); v > 0 && v < operatorLimit {
		return int(v)
	}
	return operatorLimit
}

func (s *Server) operatorList(ctx context.Context, p *listInput) (any, error) {
	o, err := s.operator()
	if err != nil {
		return nil, err
	}
	return operate(o.List(ctx, ListQuery{State: value(p.State, ""), Domain: strings.ToLower(value(p.DomainName, "")),
		App: value(p.AppName, ""), Stream: value(p.StreamName, ""), Limit: limitOf(p.Limit)}))
}

type recordingID struct {
	RecordingId *string `api:"required"`
}

func (s *Server) operatorShow(ctx context.Context, p *recordingID) (any, error) {
	o, err := s.operator()
	if err != nil {
		return nil, err
	}
	return operate(o.Show(ctx, *p.RecordingId))
}

type eventsInput struct {
	RecordingId *string
	State       *string
	Limit       *uint64
}

func (s *Server) operatorEvents(ctx context.Context, p *eventsInput) (any, error) {
	o, err := s.operator()
	if err != nil {
		return nil, err
	}
	return operate(o.Events(ctx, EventsQuery{Recording: value(p.RecordingId, ""), State: value(p.State, ""), Limit: limitOf(p.Limit)}))
}

type eventID struct {
	EventId *string `api:"required"`
}

func (s *Server) operatorResend(ctx context.Context, p *eventID) (any, error) {
	o, err := s.operator()
	if err != nil {
		return nil, err
	}
	return operate(o.Resend(ctx, *p.EventId))
}

type streamInput struct {
	DomainName *string `api:"required"`
	AppName    *string `api:"required"`
	StreamName *string `api:"required"`
}

func (s *Server) operatorExplain(ctx context.Context, p *streamInput) (any, error) {
	o, err := s.operator()
	if err != nil {
		return nil, err
	}
	return operate(o.Explain(ctx, ExplainQuery{Domain: strings.ToLower(*p.DomainName), App: *p.AppName, Stream: *p.StreamName}))
}

type startInput struct {
	DomainName *string `api:"required"`
	AppName    *string `api:"required"`
	StreamName *string `api:"required"`
	For        *uint64 // s; default 24 h
	Template   *string // name or id
}

// operatorStart makes a task from now on.
func (s *Server) operatorStart(ctx context.Context, p *startInput) (any, error) {
	stream, err := checkTaskStream(*p.DomainName, *p.AppName, *p.StreamName)
	if err != nil {
		return nil, err
	}
	id, err := s.templateNamed(ctx, value(p.Template, ""))
	if err != nil {
		return nil, err
	}
	length := seconds(min(value(p.For, uint64(defaultFor/time.Second)), uint64(maxTaskTime/time.Second)))
	if length <= 0 {
		return nil, Errorf(codeInvalid, "For must be one second at least.")
	}
	now := s.now()
	return s.addTask(ctx, &state.Task{Domain: stream.Domain, App: stream.App, Stream: stream.Name,
		Start: now, End: now.Add(length), TemplateID: id, Created: now})
}

// templateNamed finds a template by name (recording.yml's first) or id.
func (s *Server) templateNamed(ctx context.Context, ref string) (int64, error) {
	if ref == "" {
		return 0, nil
	}
	ids := map[string]int64{}
	var names []string
	add := func(name string, id int64) {
		if _, dup := ids[name]; !dup {
			ids[name] = id
			names = append(names, name)
		}
		ids[strconv.FormatInt(id, 10)] = id
	}
	for _, t := range s.opt.Config().Templates {
		add(t.Name, plan.TemplateID(t.Name))
	}
	rows, err := state.Templates(ctx, s.opt.DB.Reader())
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		add(r.Name, r.ID)
	}
	id, ok := ids[ref]
	if !ok {
		return 0, Errorf(codeInvalid, "There is no template %q; there are: %s.", clip(ref), strings.Join(names[:min(len(names), 50)], ", "))
	}
	return id, nil
}

type stopInput struct {
	TaskId      *string
	RecordingId *string
	DomainName  *string
	AppName     *string
	StreamName  *string
}

// stopped are the ids of tasks and recordings.
type stopped []string

func (o operated) made() slog.Attr {
	if ids, ok := o.Result.(stopped); ok {
		return slog.Any("stopped", []string(ids))
	}
	return slog.Attr{}
}

// operatorStop stops one task, one recording, or all that records a stream, also
// what waits for its publisher; it lists what was stopped.
func (s *Server) operatorStop(ctx context.Context, p *stopInput) (any, error) {
	task, recording := value(p.TaskId, ""), value(p.RecordingId, "")
	stream := plan.Stream{Domain: strings.ToLower(value(p.DomainName, "")), App: value(p.AppName, ""), Name: value(p.StreamName, "")}
	named := stream.Domain != "" && stream.App != "" && stream.Name != ""
	switch {
	case task != "" && recording == "" && stream == plan.Stream{}:
		return s.stopTasks(ctx, []string{task})
	case recording != "" && task == "" && stream == plan.Stream{}:
		return operate(s.stopRecordings(ctx, recording, stream))
	case named && task == "" && recording == "":
		return s.stopStream(ctx, stream)
	}
	return nil, Errorf(codeMissing, "Name a task (TaskId), or a recording (RecordingId), or a stream (DomainName, AppName, StreamName).")
}

func (s *Server) stopTasks(ctx context.Context, ids []string) (any, error) {
	for _, id := range ids {
		if _, err := s.stopTask(ctx, &taskID{TaskId: &id}); err != nil {
			return nil, err
		}
	}
	return operated{stopped(ids)}, nil
}

func (s *Server) stopRecordings(ctx context.Context, id string, stream plan.Stream) (stopped, error) {
	o, err := s.operator()
	if err != nil {
		return nil, err
	}
	return o.Stop(ctx, id, stream)
}

// stopStream stops the tasks that run for a stream, and what is left of its
// recordings then: those of rules and of deleted tasks.
func (s *Server) stopStream(ctx context.Context, stream plan.Stream) (any, error) {
	tasks, err := state.RunningTasks(ctx, s.opt.DB.Reader(), s.now())
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, k := range tasks {
		if k.Domain == stream.Domain && k.App == stream.App && k.Stream == stream.Name {
			ids = append(ids, k.ID)
		}
	}
	if _, err := s.stopTasks(ctx, ids); err != nil {
		return nil, err
	}
	recordings, err := s.stopRecordings(ctx, "", stream)
	if err != nil {
		return operate(nil, err)
	}
	if ids = append(ids, recordings...); len(ids) == 0 {
		return nil, Errorf(codeResourceNotFound, "Nothing records that stream now.")
	}
	return operated{stopped(ids)}, nil
}
