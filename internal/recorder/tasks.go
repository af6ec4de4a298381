package recorder

import (
	"encoding/json"

	"github.com/live-recording/liverecord/internal/plan"
)

// identity is what makes a publication belong to a recording.
type identity struct {
	task, rule, template string
	stream               plan.Stream
}

// templateKey identifies what a template says: an edited template is another one.
func templateKey(t plan.Template) string {
	text, err := json.Marshal(t.Formats)
	if err != nil { // structs of strings and numbers
		panic(err)
	}
	return t.Name + string(text)
}

// Task is a record task that runs now: it records every publication of its
// stream until it is stopped.
type Task struct {
	ID       string
	Stream   plan.Stream
	Template plan.Template
}

// startTasks records what running tasks want of the stream. Called with the lock.
func (r *Recorder) startTasks(cur *Current, s *session, fromStart bool) {
	tasks := r.tasks.Load()
	if tasks == nil {
		return
	}
	for _, t := range *tasks {
		if t.Stream == s.stream && len(t.Template.Formats) > 0 {
			r.attach(cur, s, job{task: t.ID, template: t.Template}, fromStart)
		}
	}
}
