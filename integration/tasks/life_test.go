package tasks

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	live "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/live/v20180801"

	"github.com/live-recording/liverecord/integration/lab"
)

// A task for a stream that is not live yet records each publication in its
// window; into one file if the template splices.
func TestPublicationsInTheWindow(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {apart: {mp4: {}}, joined: {mp4: {splice: 10m}}}\n")
	apart := w.task("later", now(time.Hour), w.template("apart"))
	joined := w.task("later", now(time.Hour), w.template("joined"))
	var sources []string
	for n := range 3 {
		source, p := w.push("later", 3+n)
		p.Wait(t)
		sources = append(sources, source)
		lab.Eventually(t, "the publication's recordings", func() bool {
			done, joins := 0, -1
			for _, r := range w.recordings("later") {
				switch {
				case r.By == "task "+apart && r.State == "done":
					done++
				case r.By == "task "+joined && r.State == "interrupted":
					joins = r.Joins
				}
			}
			return done == n+1 && joins == n
		})
	}
	w.stopTask(joined) // what waits for its publisher ends at once
	var seen int
	for _, r := range w.waitDone("later", 4) {
		files := w.paths(r)
		if len(files) != 1 {
			t.Fatalf("files of %s: %v", r.By, files)
		}
		lab.Silent(t, files[0])
		if r.By == "task "+apart {
			lab.SameMedia(t, sources[seen], lab.Whole, files[0])
			seen++
			continue
		}
		var want, got []string
		for _, s := range sources {
			want = append(want, hashes(t, s)...)
		}
		if got = hashes(t, files[0]); !slices.Equal(got, want) {
			t.Errorf("%d pictures in the joined file, want %d", len(got), len(want))
		}
	}
}

func hashes(t *testing.T, file string) (out []string) {
	t.Helper()
	for _, f := range lab.Pictures(t, file) {
		out = append(out, f.Hash)
	}
	return out
}

// What a deleted task records goes on to the end of the window or of the
// publication; new publications are not recorded.
func TestDeleteWhileRunning(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {mp4: {}}}\n")
	source, p := w.push("a", 9)
	long := w.task("a", now(time.Hour), w.template("all"))
	w.waitRecording("a", 1)
	w.deleteTask(long)
	if list := w.tasks("a"); len(list) != 0 {
		t.Errorf("still listed: %+v", list)
	}
	p.Wait(t)
	if _, last := pieceOf(t, source, w.paths(w.waitDone("a", 1)[0])...); last != 224 {
		t.Errorf("the last picture is number %d, want 224, the publication's last", last)
	}
	_, p = w.push("a", 3)
	p.End()
	w.waitDone("a", 1)

	source, p = w.push("b", 14)
	_, other := w.push("c", 12)
	s := in(time.Second, 5*time.Second)
	short := w.task("b", s, w.template("all"))
	never := w.task("c", in(time.Second, 5*time.Second), w.template("all"))
	w.deleteTask(never)
	w.waitRecording("b", 1)
	w.deleteTask(short)
	r := w.waitDone("b", 1)[0]
	if !p.Running() || r.Ended.Before(s.to) {
		t.Errorf("it ended at %s, want the end of the window, %s", r.Ended, s.to)
	}
	pieceOf(t, source, w.paths(r)...)
	other.End()
	if list := w.recordings("c"); slices.ContainsFunc(list, func(r recording) bool { return len(r.Files) > 0 }) {
		t.Errorf("recorded although it was deleted before its start: %+v", list)
	}
}

// Any number of tasks overlap, each with files of its own.
func TestOverlap(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {flv: {}}}\n")
	source, p := w.push("x", 16)
	spans := map[string]span{}
	for n := range 6 {
		s := in(2*time.Second+time.Duration(n%3)*time.Second, time.Duration(3+n)*time.Second)
		spans["task "+w.task("x", s, w.template("all"))] = s
	}
	p.Wait(t)
	for _, r := range w.waitDone("x", 6) {
		s, ok := spans[r.By]
		if !ok || len(r.Files) != 1 {
			t.Fatalf("%s, files %v", r.By, r.Files)
		}
		delete(spans, r.By)
		first, last := pieceOf(t, source, w.paths(r)...)
		t.Logf("%s: pictures %d to %d, %.2f s of a window of %s", fmt.Sprint(r.By)[:9], first, last, float64(last-first+1)/25, s.to.Sub(s.from))
	}
}

// Tasks of a second that begin at once, and right after each other.
func TestTasksOfASecond(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {all: {flv: {}}}\n")
	source, p := w.push("x", 14)
	first := in(0, time.Second)
	ids := []string{w.task("x", first, w.template("all"))}
	for n := range 3 {
		s := span{first.to.Add(time.Duration(n) * time.Second), first.to.Add(time.Duration(n+1) * time.Second)}
		ids = append(ids, w.task("x", s, w.template("all")))
	}
	p.Wait(t)
	list := w.waitDone("x", 4)
	var order []string
	for _, id := range ids {
		for _, r := range list {
			if r.By == "task "+id {
				order = append(order, w.paths(r)...)
			}
		}
	}
	if len(order) != 4 {
		t.Fatalf("files %v", order)
	}
	for i, f := range order {
		a, b := pieceOf(t, source, f)
		t.Logf("task %d: pictures %d to %d", i, a, b)
	}
}

// Tasks are listed by start, a hundred at a time, also after a restart.
func TestListing(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {}\n")
	base := in(time.Hour, time.Hour)
	want := make([]string, 210)
	for n := range want {
		i := (n * 101) % len(want) // in any order
		s := span{base.from.Add(time.Duration(i) * time.Second), base.to.Add(time.Duration(i) * time.Second)}
		want[i] = w.task(fmt.Sprint("s", i%2), s, 0)
	}
	w.Kill(t)
	w.Run(t)
	r := live.NewDescribeRecordTaskRequest()
	r.StartTime, r.EndTime = common.Uint64Ptr(uint64(time.Now().Unix())), common.Uint64Ptr(uint64(time.Now().Add(24*time.Hour).Unix()))
	var got []string
	var pages int
	for ; pages == 0 || *r.ScrollToken != ""; pages++ {
		page := must[*live.DescribeRecordTaskResponse](t)(w.sdk.DescribeRecordTask(r)).Response
		for _, k := range page.TaskList {
			got = append(got, *k.TaskId)
		}
		r.ScrollToken = page.ScrollToken
	}
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("%d tasks on %d pages, want %d on 3, by start", len(got), pages, len(want))
	}
	if n := len(w.tasks("s1")); n != 100 { // of 105
		t.Errorf("%d tasks of one stream on the first page, want 100", n)
	}
}
