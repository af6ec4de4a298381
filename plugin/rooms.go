package plugin

import (
	"github.com/live-recording/liverecord/internal/metrics"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/schedule"
	"github.com/live-recording/liverecord/internal/state"
)

// newSchedule wires the record tasks to the recorder.
func (h *house) newSchedule() *schedule.Schedule {
	return schedule.New(schedule.Options{
		DB: h.db, Log: h.log, Lead: recorder.TaskLead,
		Table: func() *plan.Table { return h.recorder.Plan().Table },
		SetTasks: func(tasks []schedule.Task) {
			all := make([]recorder.Task, len(tasks))
			for i, k := range tasks {
				all[i] = recorder.Task{ID: k.ID, Stream: k.Stream, Template: k.Template, Start: k.Start, End: k.End}
			}
			h.recorder.SetTasks(all)
		},
		TaskIDs: h.recorder.TaskIDs, StopTask: h.recorder.StopTask,
	})
}

// newMetrics wires the counts to who has them.
func (h *house) newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Options{
		DB: h.db, Log: h.log,
		Queues: func() (dropped, waiting int64) {
			for _, s := range h.recorder.Statuses() {
				dropped, waiting = dropped+s.Dropped, waiting+s.Waiting
			}
			return dropped, waiting
		},
		Spools: func() map[string]metrics.Spool {
			used := map[string]metrics.Spool{}
			for _, name := range h.places.names() {
				if t, err := h.places.target(name); err == nil {
					used[name] = metrics.Spool{Bytes: t.Dir.Used(), Aside: t.Dir.AsideCount()}
				}
			}
			return used
		},
		Away: func() map[string]bool {
			away := map[string]bool{}
			for _, name := range h.places.names() {
				away[name] = false
			}
			for name := range h.places.absent() {
				away[name] = true
			}
			return away
		},
		SpoolLimit: func() int64 { return h.config.Load().Spool.MaxSize },
		Memory: func() metrics.Memory {
			return metrics.Memory{Used: h.memory.Used(), Limit: h.memory.Limit(), Dropped: h.memory.Dropped()}
		},
		Broken: func() (int, error) {
			aside, err := state.Aside(h.config.Load().State)
			n := len(aside)
			if h.db.Damage() != nil {
				n++
			}
			return n, err
		},
	})
}
