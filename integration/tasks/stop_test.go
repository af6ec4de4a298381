package tasks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/api"
)

// stop is `record stop` of live/stream.
func (w *world) stop(stream string) (stopped []string) {
	w.t.Helper()
	w.operate("LrStop", map[string]any{"DomainName": domain, "AppName": "live", "StreamName": stream}, &stopped)
	return stopped
}

// What waits for its publisher is listed with the time that remains, and ends at
// once when it is told to.
func TestStopWhatWaits(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {mp4: {splice: 10m}}}\nrules: [{template: all}]\n")
	source, p := w.push("x", 3)
	p.Wait(t)
	var list []recording
	lab.Eventually(t, "the recording to wait", func() bool {
		list = w.recordings("x")
		return len(list) == 1 && list[0].State == "interrupted"
	})
	if r := list[0].Remaining; r < 500 || r > 600 {
		t.Errorf("%d seconds remain, want nearly 600", r)
	}
	if got := w.stop("x"); !slices.Equal(got, []string{list[0].ID}) {
		t.Errorf("stopped %v, want %s", got, list[0].ID)
	}
	r := w.waitDone("x", 1)[0]
	lab.SameMedia(t, source, lab.Whole, w.paths(r)...)
	if r.Reason != "stopped by command" {
		t.Errorf("reason %q", r.Reason)
	}
	_, p = w.push("x", 2) // a recording of its own
	p.Wait(t)
	lab.Eventually(t, "the second recording to wait", func() bool {
		list = w.recordings("x")
		return len(list) == 2 && list[1].State == "interrupted"
	})
	w.Kill(t) // it waits on over a restart, and can be stopped there
	w.Run(t)
	var stopped []string
	w.operate("LrStop", map[string]any{"RecordingId": list[1].ID}, &stopped)
	w.waitDone("x", 2)
}

// Running recordings end at once, those of rules, of tasks and of deleted tasks;
// the publication is not recorded again, the next one is, but for the tasks.
func TestStopWhatRuns(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {flv: {}}}\nrules: [{template: all}]\n")
	source, p := w.push("x", 20)
	task, deleted := w.task("x", now(time.Hour), 0), w.task("x", now(time.Hour), 0)
	w.waitRecording("x", 3)
	w.deleteTask(deleted)
	time.Sleep(2 * time.Second)
	stopped := w.stop("x")
	list := w.waitDone("x", 3)
	if !p.Running() {
		t.Fatalf("the publisher ended too early")
	}
	if len(stopped) != 3 || stopped[0] != task {
		t.Errorf("stopped %v, want the task %s and two recordings", stopped, task)
	}
	for _, r := range list {
		pieceOf(t, source, w.paths(r)...)
		if r.By != "task "+task && !slices.Contains(stopped, r.ID) {
			t.Errorf("%s, by %s, is not among what was stopped: %v", r.ID, r.By, stopped)
		}
	}
	if k := w.tasks("x"); len(k) != 1 || *k[0].Stopped == 0 {
		t.Errorf("listed are %+v", k)
	}
	var e *api.Error
	err := w.cli.Operate(context.Background(), "LrStop", map[string]any{"DomainName": domain, "AppName": "live", "StreamName": "x"}, nil)
	if !errors.As(err, &e) || e.Code != "ResourceNotFound" {
		t.Errorf("to stop what does not run answers %v", err)
	}
	p.Cut()
	w.expect(".flv", "x", 3)
}

// One recording of several is stopped; its task stays, and records the next
// publication.
func TestStopOneRecording(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {flv: {}}}\nrules: [{template: all}]\n")
	_, p := w.push("x", 12)
	w.task("x", now(time.Hour), 0)
	w.waitRecording("x", 2)
	var id string
	for _, r := range w.recordings("x") {
		if strings.HasPrefix(r.By, "task ") {
			id = r.ID
		}
	}
	var stopped []string
	w.operate("LrStop", map[string]any{"RecordingId": id}, &stopped)
	if !slices.Equal(stopped, []string{id}) {
		t.Errorf("stopped %v, want %s", stopped, id)
	}
	w.waitRecording("x", 1)
	p.Cut()
	w.waitDone("x", 2)
	_, p = w.push("x", 3)
	p.Wait(t)
	w.waitDone("x", 4)
}
