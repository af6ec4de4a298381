package plugin

import (
	"context"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/state"
)

// schedule tells the recorder which tasks run. It sleeps until the next task
// begins or ends, so tasks that wait cost nothing.
type schedule struct {
	house *house
	bell  chan struct{}
}

// maxSleep bounds the sleep, should the clock be set.
const maxSleep = time.Minute

func newSchedule(h *house) *schedule { return &schedule{house: h, bell: make(chan struct{}, 1)} }

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

func (s *schedule) run(ctx context.Context) {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.bell:
		case <-t.C:
			if err := s.apply(ctx); err != nil && ctx.Err() == nil {
				s.house.log.Error("the tasks can't be read", "error", err)
			}
		}
		t.Reset(s.next(ctx))
	}
}

// next is the pause until a task begins (less the lead) or ends.
func (s *schedule) next(ctx context.Context) time.Duration {
	now := time.Now().Add(recorder.TaskLead)
	at, err := state.NextTaskChange(ctx, s.house.db.Reader(), now)
	if err != nil {
		return time.Second
	}
	if at.IsZero() {
		return maxSleep
	}
	return min(max(at.Sub(now), 0)+time.Millisecond, maxSleep)
}

// apply reads the tasks that run now or within the lead.
func (s *schedule) apply(ctx context.Context) error {
	h, now := s.house, time.Now()
	var tasks []recorder.Task
	seen := map[string]bool{}
	for _, at := range []time.Time{now, now.Add(recorder.TaskLead)} {
		rows, err := state.RunningTasks(ctx, h.db.Reader(), at)
		if err != nil {
			return err
		}
		for _, k := range rows {
			if !seen[k.ID] {
				seen[k.ID] = true
				tasks = append(tasks, s.task(k))
			}
		}
	}
	h.recorder.SetTasks(tasks)
	return s.stopStopped(ctx)
}

// stopStopped ends what stopped tasks still record.
func (s *schedule) stopStopped(ctx context.Context) error {
	for _, id := range s.house.recorder.TaskIDs() {
		k, err := state.TaskByID(ctx, s.house.db.Reader(), id)
		if err != nil {
			return err
		}
		if k.Over(time.Now()) {
			s.house.recorder.StopTask(id, "the task was stopped")
		}
	}
	return nil
}

func (s *schedule) task(k *state.Task) recorder.Task {
	table := s.house.recorder.Plan().Table
	var ref string
	if k.TemplateID != 0 {
		ref = formatID(k.TemplateID)
	}
	p, known := table.PlanFor(ref)
	if !known && ref != "" {
		s.house.log.Warn("a task names a template that does not exist; it records as tasks without template do",
			"task", k.ID, "template", k.TemplateID)
	}
	return recorder.Task{ID: k.ID, Stream: plan.Stream{Domain: k.Domain, App: k.App, Name: k.Stream}, Template: p.Template,
		Start: k.Start, End: k.End}
}
