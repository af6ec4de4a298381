package plugin

import (
	"context"
	"sync"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

// schedule tells the recorder which tasks run. It sleeps until the next task
// begins or ends, so tasks that wait cost nothing.
type schedule struct {
	house *house
	bell  chan struct{}
	redo  chan struct{} // asks run to apply

	mu   sync.Mutex // one reading of the tasks at a time, so that the latest counts
	told time.Time  // tasks that begin until here were told to the recorder
}

// maxSleep bounds the sleep, should the clock be set.
const maxSleep = time.Minute

func newSchedule(h *house) *schedule {
	return &schedule{house: h, bell: make(chan struct{}, 1), redo: make(chan struct{}, 1)}
}

// changed is called after tasks were made, stopped or deleted. What was stopped
// ends before it returns.
func (s *schedule) changed() {
	if err := s.apply(context.Background()); err != nil {
		s.house.log.Error("the tasks can't be read", "error", err)
	}
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// reloaded has the tasks read again soon: their templates may have changed. It
// does not wait for the state.
func (s *schedule) reloaded() {
	select {
	case s.redo <- struct{}{}:
	default:
	}
}

func (s *schedule) run(ctx context.Context) {
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
		if err := s.apply(ctx); err != nil {
			if ctx.Err() == nil {
				s.house.log.Error("the tasks can't be read", "error", err)
			}
			t.Reset(time.Second)
			continue
		}
		t.Reset(s.next(ctx))
	}
}

// next is the pause until a task that was not told yet begins (less the lead),
// or one ends.
func (s *schedule) next(ctx context.Context) time.Duration {
	s.mu.Lock()
	told := s.told
	s.mu.Unlock()
	at, err := state.NextTaskChange(ctx, s.house.db.Reader(), told)
	if err != nil {
		return time.Second
	}
	if at.IsZero() {
		return maxSleep
	}
	return min(max(time.Until(at.Add(-recorder.TaskLead)), 0)+time.Millisecond, maxSleep)
}

// apply reads the tasks that run now or within the lead.
func (s *schedule) apply(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	until := now.Add(recorder.TaskLead)
	rows, err := state.TasksBetween(ctx, s.house.db.Reader(), now, until)
	if err != nil {
		return err
	}
	tasks := make([]recorder.Task, len(rows))
	for i, k := range rows {
		tasks[i] = s.task(k)
	}
	s.house.recorder.SetTasks(tasks)
	s.told = until
	return s.stopStopped(ctx)
}

// stopStopped ends what stopped tasks still record, and what deleted ones were
// only about to record.
func (s *schedule) stopStopped(ctx context.Context) error {
	for _, id := range s.house.recorder.TaskIDs() {
		k, err := state.TaskByID(ctx, s.house.db.Reader(), id)
		if err != nil {
			return err
		}
		if k.Over(time.Now()) || !k.Deleted.IsZero() && k.Deleted.Before(k.Start) {
			s.house.recorder.StopTask(id, "the task was stopped")
		}
	}
	return nil
}

func (s *schedule) task(k *state.Task) recorder.Task {
	table := s.house.recorder.Plan().Table
	var ref string
	if k.TemplateID != 0 {
		ref = view.ID(k.TemplateID)
	}
	p, known := table.PlanFor(ref)
	if !known && ref != "" {
		s.house.log.Warn("a task names a template that does not exist; it records as tasks without template do",
			"task", k.ID, "template", k.TemplateID)
	}
	return recorder.Task{ID: k.ID, Stream: plan.Stream{Domain: k.Domain, App: k.App, Name: k.Stream}, Template: p.Template,
		Start: k.Start, End: k.End}
}
