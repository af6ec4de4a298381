package tasks

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// A server that is killed at random during tasks goes on with them after the
// next start: those that run, and those whose time comes later. A task that was
// stopped or deleted stays so.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {mp4: {splice: 0s}}, joined: {flv: {splice: 10m}}}\n")
	source := tiny.Long(6).Make(t)
	apart := w.task("x", now(time.Hour), w.template("all"))
	joined := w.task("x", now(time.Hour), w.template("joined"))
	stopped := w.task("x", now(time.Hour), w.template("all"))
	deleted := w.task("x", now(time.Hour), w.template("all"))
	later := in(25*time.Second, time.Hour)
	waiting := w.task("x", later, w.template("all"))

	var rounds int
	answered := map[string]int{} // made in the instant before a kill
	for ; rounds < 4 || time.Now().Before(later.from); rounds++ {
		mark := w.Mark()
		p := w.Publish(t, source, w.RTMP("live/x"))
		w.WaitLogAfter(t, mark, "is publishing to path 'live/x'")
		w.WaitLogAfter(t, mark, "recording ", "format=mp4")
		if rounds == 0 {
			w.stopTask(stopped)
			w.deleteTask(deleted)
		}
		time.Sleep(time.Duration(rand.IntN(2500)) * time.Millisecond)
		answered[w.task("y", now(time.Hour), 0)] = 1
		w.Kill(t)
		p.End()
		w.Run(t)
	}
	_, p := w.push("x", 6)
	y, q := w.push("y", 3)
	p.Wait(t)
	q.Wait(t)
	w.checkLives(w.waitDone("y", rounds), y, answered)
	list := w.recordings("x")
	lab.Eventually(t, "everything but the spliced recording to be done", func() bool {
		list = w.recordings("x")
		return !slices.ContainsFunc(list, func(r recording) bool { return r.State != "done" && r.By != "task "+joined })
	})
	w.stopTask(joined)
	lab.Eventually(t, "everything to be done", func() bool {
		list = w.recordings("x")
		return !slices.ContainsFunc(list, func(r recording) bool { return r.State != "done" })
	})
	w.checkLives(list, source, map[string]int{apart: rounds + 1, joined: 1, stopped: 1, deleted: 1, waiting: some})
}

const some = -1 // number of recordings, but not none

// checkLives checks how many recordings each task has, and that each of their
// files can be read from end to end.
func (w *world) checkLives(list []recording, source string, want map[string]int) {
	w.t.Helper()
	got := map[string]int{}
	for _, r := range list {
		task := r.By[len("task "):]
		got[task]++
		w.t.Logf("%.4s: joins %d, %d files, %s", task, r.Joins, len(r.Files), r.Reason)
		for _, f := range w.paths(r) {
			if r.Joins == 0 {
				pieceOf(w.t, source, f)
			} else {
				lab.Silent(w.t, f)
			}
		}
	}
	for task, n := range want {
		if got[task] != n && (n != some || got[task] == 0) {
			w.t.Errorf("task %.4s: %d recordings, want %d", task, got[task], n)
		}
	}
	if len(got) != len(want) {
		w.t.Errorf("recordings by %v, want %v", got, want)
	}
}
