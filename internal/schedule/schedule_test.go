package schedule

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// recorder notes what it is handed.
type recorder struct {
	mu      sync.Mutex
	tasks   []string
	stopped []string
}

func (r *recorder) set(tasks []Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = nil
	for _, k := range tasks {
		r.tasks = append(r.tasks, k.ID)
	}
	slices.Sort(r.tasks)
}

func (r *recorder) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.tasks)
}

func (r *recorder) stop(id, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = append(r.stopped, id)
}

func newTest(t *testing.T) (*Schedule, *recorder, *state.DB) {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	c := &config.Config{DefaultStore: "local"}
	table, _ := plan.Compile(c, plan.Dynamic{})
	return New(Options{DB: db, Log: slog.New(slog.DiscardHandler), Lead: 2 * time.Second, Table: func() *plan.Table { return table },
		SetTasks: r.set, TaskIDs: r.ids, StopTask: r.stop}), r, db
}

func add(t *testing.T, db *state.DB, k *state.Task) {
	t.Helper()
	if err := db.Update(context.Background(), func(tx *state.Tx) error { return tx.InsertTask(k) }); err != nil {
		t.Fatal(err)
	}
}

// Tasks that run or begin within the lead are handed over, others are not.
func TestApply(t *testing.T) {
	s, r, db := newTest(t)
	defer db.Close()
	now := time.Now()
	for id, span := range map[string][2]time.Duration{"past": {-time.Hour, -time.Minute}, "now": {-time.Minute, time.Hour},
		"soon": {time.Second, time.Hour}, "later": {time.Hour, 2 * time.Hour}} {
		add(t, db, &state.Task{ID: id, Domain: "d", App: "a", Stream: id, Start: now.Add(span[0]), End: now.Add(span[1]), Created: now})
	}
	s.Changed()
	if got := r.ids(); !slices.Equal(got, []string{"now", "soon"}) {
		t.Errorf("handed over: %v", got)
	}
	if err := db.Update(context.Background(), func(tx *state.Tx) error { return tx.StopTask("now", time.Now()) }); err != nil {
		t.Fatal(err)
	}
	r.tasks = []string{"now", "soon"} // as a recorder that still records it
	keep := s.opt.TaskIDs
	s.opt.TaskIDs = func() []string { return []string{"now", "soon"} }
	s.Changed()
	s.opt.TaskIDs = keep
	if !slices.Equal(r.stopped, []string{"now"}) {
		t.Errorf("stopped: %v", r.stopped)
	}
}

// Without tasks there is nothing to do for long; with one, until it begins.
func TestSleep(t *testing.T) {
	s, _, db := newTest(t)
	defer db.Close()
	if err := s.Apply(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d := s.next(context.Background()); d != maxSleep {
		t.Errorf("without tasks: %v", d)
	}
	now := time.Now()
	add(t, db, &state.Task{ID: "k", Domain: "d", App: "a", Stream: "s", Start: now.Add(30 * time.Second), End: now.Add(time.Hour), Created: now})
	if d := s.next(context.Background()); d > 29*time.Second || d <= 0 {
		t.Errorf("before a task: %v", d)
	}
}

// Run ends with its context, and a closed state is an error, not a panic.
func TestRun(t *testing.T) {
	s, _, db := newTest(t)
	db.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	s.Changed()
	cancel()
	<-done
	if s.next(context.Background()) != time.Second {
		t.Error("an error is tried again in a second")
	}
}

// After a reload Run reads the tasks again, while nobody waits for it.
func TestReloaded(t *testing.T) {
	s, r, db := newTest(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	applied := make(chan struct{}, 10)
	s.opt.SetTasks = func(tasks []Task) { r.set(tasks); applied <- struct{}{} }
	go func() { s.Run(ctx); close(done) }()
	<-applied // at its start
	s.Reloaded()
	s.Reloaded()
	<-applied
	cancel()
	<-done
	db.Close()
}
