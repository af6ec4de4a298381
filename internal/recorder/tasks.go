package recorder

import (
	"slices"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
)

// identity is what makes a publication belong to a recording.
type identity struct {
	task, rule, template string // template: its hash
	stream               plan.Stream
}

// TaskLead is how long before its start a task should be among those of
// SetTasks, so that not even the first unit of its window is missed.
const TaskLead = 2 * time.Second

// Task is a record task: it records every publication of its stream, from the
// first key frame that arrives at or after Start to the last unit that arrives
// before End, by the clock of this machine.
type Task struct {
	ID         string
	Stream     plan.Stream
	Template   plan.Template
	Start, End time.Time
}

// window is when a recording records; zero times are open ends.
type window struct{ from, until time.Time }

func (w window) before(t time.Time) bool { return !w.from.IsZero() && t.Before(w.from) }
func (w window) after(t time.Time) bool  { return !w.until.IsZero() && !t.Before(w.until) }

// SetTasks tells which tasks run now (or within TaskLead). Those that are new
// start at once on what is live. One that is missing takes no publication any
// more; what it records goes on until its End, or until StopTask.
func (r *Recorder) SetTasks(tasks []Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.tasks
	r.tasks = slices.Clone(tasks)
	if r.closed {
		return
	}
	cur := r.current.Load()
	for _, t := range r.tasks {
		if slices.ContainsFunc(old, func(o Task) bool { return o.ID == t.ID }) {
			continue
		}
		for _, s := range r.sessions {
			if r.startTask(cur, s, t, false) {
				r.read(s)
			}
		}
	}
}

// StopTask ends what the task is recording.
func (r *Recorder) StopTask(id, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = slices.DeleteFunc(slices.Clone(r.tasks), func(t Task) bool { return t.ID == id })
	for rec := range r.all {
		if rec.id.task == id {
			r.stopOne(rec, reason)
		}
	}
}

// TaskIDs lists the tasks that have recordings.
func (r *Recorder) TaskIDs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for rec := range r.all {
		if rec.id.task != "" && !slices.Contains(out, rec.id.task) {
			out = append(out, rec.id.task)
		}
	}
	return out
}

// StopStream ends all recordings of a stream, also those that wait; it returns
// the ids of those that were not ending already.
func (r *Recorder) StopStream(s plan.Stream, reason string) []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []int64
	for rec := range r.all {
		if rec.id.stream == s && !rec.stopping {
			r.stopOne(rec, reason)
			out = append(out, rec.row.ID)
		}
	}
	return out
}

// Stop ends one recording; false if it does not run.
func (r *Recorder) Stop(id int64, reason string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for rec := range r.all {
		if rec.row.ID == id {
			r.stopOne(rec, reason)
			return true
		}
	}
	return false
}

func (r *Recorder) stopOne(rec *recording, reason string) {
	if !rec.stopping {
		rec.stopping = true
		rec.q.control(message{kind: msgStop, reason: reason})
	}
}

// startTasks records what running tasks want of a new publication. Called with
// the lock.
func (r *Recorder) startTasks(cur *Current, s *session) {
	for _, t := range r.tasks {
		r.startTask(cur, s, t, true)
	}
}

func (r *Recorder) startTask(cur *Current, s *session, t Task, fromStart bool) bool {
	w, now := window{t.Start, t.End}, time.Now()
	if t.Stream != s.stream || len(t.Template.Formats) == 0 || w.after(now) || s.recordedBy(t.ID) {
		return false
	}
	r.attach(cur, s, job{task: t.ID, template: t.Template, window: w}, fromStart && !w.before(now))
	return true
}

// recordedBy tells whether a task records the publication already: it may be new
// to the recorder again, after the clock was set.
func (s *session) recordedBy(task string) bool {
	return slices.ContainsFunc(s.recs, func(rec *recording) bool { return rec.id.task == task && !rec.stopping })
}

// taskWindow finds the window of a task that an earlier run recorded.
func (r *Recorder) taskWindow(id string) (window, bool) {
	for _, t := range r.tasks {
		if t.ID == id {
			return window{t.Start, t.End}, true
		}
	}
	return window{}, false
}
