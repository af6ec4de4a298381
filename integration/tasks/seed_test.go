package tasks

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// The cases of the original's guide, scaled down in time.

// 8 to 10 o'clock, in FLV pieces of 30 minutes.
func TestWindowInPieces(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {pieces: {flv: {interval: 10s}}}\n")
	source, p := w.push("lesson", 32)
	s := in(2*time.Second, 24*time.Second)
	id := w.task("lesson", s, w.template("pieces"))
	list := w.tasks("lesson")
	if len(list) != 1 || *list[0].TaskId != id || *list[0].StartTime != uint64(s.from.Unix()) || *list[0].EndTime != uint64(s.to.Unix()) || *list[0].Stopped != 0 {
		t.Fatalf("listed are %+v", list)
	}
	w.waitRecording("lesson", 1)
	r := w.waitDone("lesson", 1)[0]
	if !p.Running() {
		t.Fatalf("the publisher ended before the window did")
	}
	if r.Ended.Before(s.to) || r.Reason != "the task is over" {
		t.Errorf("ended at %s for %q, want not before %s", r.Ended, r.Reason, s.to)
	}
	files := w.paths(r)
	if len(files) != 3 {
		t.Fatalf("%d files, want 3: %v", len(files), files)
	}
	first, last := pieceOf(t, source, files...)
	t.Logf("pictures %d to %d, %.2f s of a window of 24 s", first, last, float64(last-first+1)/25)
	for _, f := range files[:2] {
		if filepath.Ext(f) != ".flv" {
			t.Errorf("%s is no FLV", f)
		}
		if n := len(lab.Pictures(t, f)); n != 250 {
			t.Errorf("%s: %d pictures, want those of 10 s", f, n)
		}
	}
}

// One hour in MP4 by a template of the API; without a template, FLV.
func TestTemplateOrNone(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {}\n")
	source, _ := w.push("show", 14)
	byTemplate := w.task("show", in(time.Second, 5*time.Second), w.makeTemplate(mp4))
	without := w.task("show", in(time.Second, 5*time.Second), 0)
	for _, r := range w.waitDone("show", 2) {
		files := w.paths(r)
		if len(files) != 1 {
			t.Fatalf("files of %s: %v", r.By, files)
		}
		want := map[string]string{"task " + byTemplate: ".mp4", "task " + without: ".flv"}[r.By]
		if filepath.Ext(files[0]) != want {
			t.Errorf("%s made %s, want %s", r.By, files[0], want)
		}
		pieceOf(t, source, files[0])
	}
}

// A highlight of a running stream, stopped early.
func TestHighlight(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {}\n")
	source, p := w.push("match", 25)
	time.Sleep(2 * time.Second)
	id := w.task("match", now(time.Hour), w.makeTemplate(mp4))
	w.waitRecording("match", 1)
	time.Sleep(3 * time.Second)
	before := time.Now()
	w.stopTask(id)
	r := w.waitDone("match", 1)[0]
	t.Logf("stored %.0f ms after the call to stop, ended %.0f ms after it", time.Since(before).Seconds()*1000, r.Ended.Sub(before).Seconds()*1000)
	if !p.Running() {
		t.Fatalf("the publisher ended too early")
	}
	first, last := pieceOf(t, source, w.paths(r)...)
	if first == 0 || last < first+25 {
		t.Errorf("pictures %d to %d: want a piece out of the middle", first, last)
	}
	list := w.tasks("match")
	if len(list) != 1 || math.Abs(float64(*list[0].Stopped)-float64(before.Unix())) > 45 {
		t.Errorf("listed are %+v", list)
	}
	w.stopTask(id) // again does no harm
	p.Cut()
	_, p = w.push("match", 3) // never again
	p.End()
	w.waitDone("match", 1)
}

// A template without formats, bound to one stream, disables it.
func TestDisable(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {mp4: {}}}\nrules: [{template: all}]\n")
	w.rule("quiet", w.makeTemplate(nil))
	_, quiet := w.push("quiet", 4)
	source, loud := w.push("loud", 4)
	quiet.Wait(t)
	loud.Wait(t)
	lab.SameMedia(t, source, lab.Whole, w.paths(w.waitDone("loud", 1)[0])...)
	if list := w.recordings("quiet"); len(list) != 0 {
		t.Fatalf("recorded: %+v", list)
	}
	w.deleteRule("quiet")
	source, quiet = w.push("quiet", 4)
	quiet.Wait(t)
	lab.SameMedia(t, source, lab.Whole, w.paths(w.waitDone("quiet", 1)[0])...)
}

// A template and a task record the same stream independently of each other.
func TestTemplateAndTask(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {mp4: {}}}\nrules: [{template: all}]\n")
	source, p := w.push("both", 12)
	id := w.task("both", in(time.Second, 4*time.Second), w.template("all"))
	p.Wait(t)
	for _, r := range w.waitDone("both", 2) {
		files := w.paths(r)
		if len(files) != 1 {
			t.Fatalf("files of %s: %v", r.By, files)
		}
		if r.By != "task "+id {
			lab.SameMedia(t, source, lab.Whole, files[0])
			continue
		}
		first, last := pieceOf(t, source, files[0])
		if first == 0 || last == 299 {
			t.Errorf("the task recorded the pictures %d to %d", first, last)
		}
	}
}
