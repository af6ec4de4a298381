// Package schedule decides which record tasks run: it reads them from the state
// and hands those that run, or begin soon, to the recorder. It sleeps until the
// next task begins or ends, so tasks that wait cost nothing.
package schedule

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

// Task is a record task that runs now or begins within Options.Lead.
type Task struct {
	ID         string
	Stream     plan.Stream
	Template   plan.Template
	Start, End time.Time
}

// Options say what a schedule works with.
type Options struct {
	DB    *state.DB
	Log   *slog.Logger
	Table func() *plan.Table // the rules and templates in force
	Lead  time.Duration      // how long before its start a task is handed over

	// SetTasks takes all tasks that run, or begin within Lead.
	SetTasks func([]Task)
	// TaskIDs lists the tasks that are being recorded.
	TaskIDs func() []string
	// StopTask ends what a task records.
	StopTask func(id, reason string)
}

// Schedule is the list of tasks that run, and a timer for the next change.
type Schedule struct {
	opt  Options
	bell chan struct{}
	redo chan struct{} // asks Run to apply

	mu     sync.Mutex // one reading of the tasks at a time, so that the latest counts
	handed time.Time  // tasks that begin until here were handed over
}

// maxSleep bounds the sleep, should the clock be set.
const maxSleep = time.Minute

// New makes a schedule; Apply and Run make it work.
func New(o Options) *Schedule {
	return &Schedule{opt: o, bell: make(chan struct{}, 1), redo: make(chan struct{}, 1)}
}

// Changed is called after tasks were made, stopped or deleted. What was stopped
// ends before it returns.
func (s *Schedule) Changed() {
	if err := s.Apply(context.Background()); err != nil {
		s.opt.Log.Error("the tasks can't be read", "error", err)
	}
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Reloaded has the tasks read again soon: their templates may have changed. It
// does not wait for the state.
func (s *Schedule) Reloaded() {
	select {
	case s.redo <- struct{}{}:
	default:
	}
}

// Run applies each change when it is due, until ctx ends.
func (s *Schedule) Run(ctx context.Context) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.bell:
			t.Reset(s.next(ctx))
			continue
		case <-s.redo:
		case <-t.C:
		}
		if err := s.Apply(ctx); err != nil {
			if ctx.Err() == nil {
				s.opt.Log.Error("the tasks can't be read", "error", err)
			}
			t.Reset(time.Second)
			continue
		}
		t.Reset(s.next(ctx))
	}
}

// next is the pause until a task that was not handed over yet begins (less the lead),
// or one ends.
func (s *Schedule) next(ctx context.Context) time.Duration {
	s.mu.Lock()
	handed := s.handed
	s.mu.Unlock()
	at, err := state.NextTaskChange(ctx, s.opt.DB.Reader(), handed)
	if err != nil {
		return time.Second
	}
	if at.IsZero() {
		return maxSleep
	}
	return min(max(time.Until(at.Add(-s.opt.Lead)), 0)+time.Millisecond, maxSleep)
}

// Apply reads the tasks that run now or within the lead.
func (s *Schedule) Apply(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	until := now.Add(s.opt.Lead)
	rows, err := state.TasksBetween(ctx, s.opt.DB.Reader(), now, until)
	if err != nil {
		return err
	}
	tasks := make([]Task, len(rows))
	for i, k := range rows {
		tasks[i] = s.task(k)
	}
	s.opt.SetTasks(tasks)
	s.handed = until
	return s.stopStopped(ctx)
}

// stopStopped ends what stopped tasks still record, and what deleted ones were
// only about to record.
func (s *Schedule) stopStopped(ctx context.Context) error {
	for _, id := range s.opt.TaskIDs() {
		k, err := state.TaskByID(ctx, s.opt.DB.Reader(), id)
		if err != nil {
			return err
		}
		if k.Over(time.Now()) || !k.Deleted.IsZero() && k.Deleted.Before(k.Start) {
			s.opt.StopTask(id, "the task was stopped")
		}
	}
	return nil
}

func (s *Schedule) task(k *state.Task) Task {
	table := s.opt.Table()
	var ref string
	if k.TemplateID != 0 {
		ref = view.ID(k.TemplateID)
	}
	p, known := table.PlanFor(ref)
	if !known && ref != "" {
		s.opt.Log.Warn("a task names a template that does not exist; it records as tasks without template do",
			"task", k.ID, "template", k.TemplateID)
	}
	return Task{ID: k.ID, Stream: plan.Stream{Domain: k.Domain, App: k.App, Name: k.Stream}, Template: p.Template,
		Start: k.Start, End: k.End}
}
