package recorder

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// One publication of a rule: a file, ended, and the facts in their order.
func TestRuleRecords(t *testing.T) {
	b := newBench(t, rules(0, config.MP4, config.HLS))
	s := b.online("live/x")
	if !s.Recorded() || len(b.r.Live()) != 1 || len(b.r.Live()[0].Recordings) != 1 {
		t.Errorf("%+v", b.r.Live())
	}
	s.Rounds(0, 5)
	b.until("its state is shown", func() bool {
		x := b.r.Statuses()
		return len(x) == 1 && len(x[0].Outputs) == 2 && x[0].Outputs[0].Media > 4*time.Second && x[0].Live
	})
	s.Offline("gone")
	row := b.waitState(state.Finalizing)
	if row.Reason != "gone" || row.Stream != "x" || row.App != "live" || row.Template != "t" || !strings.Contains(string(row.Plan), `"version":2`) {
		t.Errorf("%+v", row)
	}
	b.until("it is over", func() bool { return len(b.r.Statuses()) == 0 && !s.Recorded() && len(b.r.Live()) == 0 })
	for _, f := range b.files() {
		if f.State != state.FileEnded || f.Duration < time.Second || strings.HasPrefix(f.Format, "hls") && f.Duration != 5*time.Second {
			t.Errorf("%+v", f)
		}
	}
	if got := b.text(); got != "started mp4\nstarted hls\nended [mp4 hls]\n" {
		t.Error(got)
	}
}

// What no rule or an empty template wants is not read, and says why.
func TestNotRecorded(t *testing.T) {
	c := rules(0, config.MP4)
	c.MaxRecordings = 1
	b := newBench(t, c)
	private, first, second := b.online("live/private"), b.online("live/x"), b.online("live/y")
	if private.Recorded() || !first.Recorded() || second.Recorded() {
		t.Error("the wrong ones are recorded")
	}
	for i, want := range []string{"has no format: not recorded", "recorded by", "maxRecordings (1) was reached"} {
		if why := b.r.Live()[i]; !strings.Contains(why.Why, want) {
			t.Errorf("%s: %s", why.Path, why.Why)
		}
	}
	second.Offline("")
	second.Offline("") // twice does no harm
	private.Offline("")
	first.Offline("")
}

// Splice: a chain is one recording. It ends with another template, and when
// somebody stops it.
func TestChain(t *testing.T) {
	b := newBench(t, rules(time.Minute, config.MP4))
	for i := range 3 {
		s := b.online("live/x")
		s.Rounds(i, i+1)
		s.Offline("lost")
	}
	row := b.waitJoined(2)
	if row.Deadline.IsZero() || len(b.files(state.FileWaiting)) != 1 {
		t.Errorf("%+v", row)
	}
	b.set(rules(time.Hour, config.MP4)) // edited: another template
	s := b.online("live/x")
	s.Rounds(0, 1)
	b.until("the chain has ended", func() bool { return b.recordings()[0].State == state.Finalizing && len(b.recordings()) == 2 })
	if f := b.files(state.FileEnded); len(f) != 1 || f[0].Duration != 3*time.Second {
		t.Errorf("%+v", f)
	}
	s.Offline("")
	waits := b.waitState(state.Interrupted)
	if !b.r.Stop(waits.ID, "enough") || b.r.Stop(12345, "") {
		t.Error("the one that waits can be stopped, another can't")
	}
	if row := b.waitState(state.Finalizing); row.Reason != "enough" {
		t.Errorf("%+v", row)
	}
	b.until("all is told", func() bool { return strings.Count(b.text(), "ended [mp4]") == 2 })
	if text := b.text(); strings.Count(text, "paused") != 4 || strings.Count(text, "resumed") != 2 || strings.Count(text, "started") != 2 {
		t.Error(text)
	}
}

// A rule that no longer records the stream ends its chain.
func TestChainEndsWithItsRule(t *testing.T) {
	b := newBench(t, rules(time.Minute, config.FLV))
	s := b.online("live/x")
	s.Rounds(0, 1)
	s.Offline("lost")
	b.waitState(state.Interrupted)
	c := rules(time.Minute, config.FLV)
	c.Rules[0].Template = "nothing"
	b.set(c)
	b.online("live/x").Offline("")
	if row := b.waitState(state.Finalizing); row.Reason != "the stream is no longer to be recorded" {
		t.Errorf("%+v", row)
	}
}

// The splice window passes.
func TestWindowPasses(t *testing.T) {
	b := newBench(t, rules(300*time.Millisecond, config.MP4))
	s := b.online("live/x")
	s.Rounds(0, 1)
	s.Offline("lost")
	if row := b.waitState(state.Finalizing); row.Reason != "the publisher did not come back in time" {
		t.Errorf("%+v", row)
	}
}

// Tasks record beside the rule, within their window, what is live and what comes.
func TestTasks(t *testing.T) {
	c := rules(0)
	b := newBench(t, c)
	formats := []config.Format{{Name: config.FLV, Store: "b", Path: "{RecordId}"}}
	task := func(id string, from, to time.Duration) Task {
		now := time.Now()
		return Task{ID: id, Stream: plan.Stream{Domain: "push.example.com", App: "live", Name: "x"}, Start: now.Add(from), End: now.Add(to),
			Template: plan.Template{Template: config.Template{Name: "task", Formats: formats}}}
	}
	s := b.online("live/x")
	if s.Recorded() {
		t.Error("nobody wants it")
	}
	b.r.SetTasks([]Task{task("now", -time.Second, time.Hour), task("past", -time.Hour, -time.Minute), task("later", time.Hour, 2*time.Hour)})
	if ids := b.r.TaskIDs(); !s.Recorded() || len(ids) != 2 {
		t.Errorf("%v", ids)
	}
	s.Rounds(0, 2)
	b.until("it is recorded", func() bool { return strings.Contains(b.text(), "started flv") })
	b.r.StopTask("later", "not wanted")
	b.r.StopTask("now", "enough")
	b.until("both have ended", func() bool { return len(b.r.Statuses()) == 0 })
	if s.Recorded() {
		t.Error("it is still read")
	}
	files := b.files()
	if len(files) != 1 || files[0].Store != "b" || files[0].Duration != 2*time.Second {
		t.Errorf("%+v", files)
	}
	b.r.SetTasks([]Task{task("short", -time.Second, 400*time.Millisecond)})
	b.until("the task is over", func() bool {
		rows := b.recordings()
		return rows[len(rows)-1].Reason == "the task is over"
	})
	b.r.SetTasks([]Task{task("again", -time.Second, time.Hour)})
	if ids := b.r.StopStream(plan.Stream{Domain: "push.example.com", App: "live", Name: "x"}, "all"); len(ids) != 1 {
		t.Errorf("%v", ids)
	}
	s.Offline("")
}

// A server that stops: what splices waits for the next start, the rest is finished.
func TestCloseAndRecover(t *testing.T) {
	b := newBench(t, rules(time.Hour, config.MP4, config.HLS))
	s := b.online("live/x")
	s.Rounds(0, 3)
	b.close()
	b.open()
	if row := b.recordings()[0]; row.State != state.Interrupted || len(b.files(state.FileWaiting)) != 2 {
		t.Fatalf("%+v, %+v", row, b.files())
	}
	b.recover()
	s = b.online("live/x")
	s.Rounds(3, 6)
	s.Offline("")
	row := b.waitJoined(1)
	if len(b.recordings()) != 1 {
		t.Errorf("%+v", row)
	}
	b.r.Stop(row.ID, "test")
	b.until("its files have ended", func() bool { return len(b.files(state.FileWaiting, state.FileOpen)) == 0 })
	for _, f := range b.files() {
		if f.Parent == 0 && (f.Duration < 5900*time.Millisecond || f.Duration > 6100*time.Millisecond) {
			t.Errorf("%+v", f)
		}
	}
}

// A process that is killed: with a window the recording resumes, without one it is
// finished with what is in the spool.
func TestRecoverAfterDeath(t *testing.T) {
	for _, splice := range []time.Duration{0, time.Hour} {
		b := newBench(t, rules(splice, config.MP4, config.FLV, config.HLS))
		s := b.online("live/x")
		s.Rounds(0, 3)
		b.dies()
		b.recover()
		if splice == 0 {
			row := b.waitState(state.Finalizing)
			if row.Reason != "the server was stopped" || len(b.files(state.FileOpen, state.FileWaiting)) != 0 {
				t.Errorf("%+v, %+v", row, b.files())
			}
			continue
		}
		b.until("it waits", func() bool { return b.recordings()[0].State == state.Interrupted })
		s = b.online("live/x")
		s.Rounds(3, 4)
		s.Offline("")
		if row := b.waitJoined(1); len(b.recordings()) != 1 {
			t.Errorf("%+v", row)
		}
	}
}

// The plan that commit 95dbd97 stored, without version: the recording resumes with
// the same template.
func TestRecoverPlanOfVersion1(t *testing.T) {
	b := newBench(t, rules(time.Hour, config.MP4))
	s := b.online("live/x")
	s.Rounds(0, 1)
	b.close()
	b.open()
	const old = `{"formats":[{"Name":"mp4","Interval":0,"Splice":3600000000000,"Store":"a","Path":"` + config.DefaultPath +
		`","Keep":0,"FastStart":false,"Segment":2000000000,"Container":"ts","Live":false}],"zone":"UTC"}`
	err := b.db.Update(context.Background(), func(tx *state.Tx) error {
		_, err := tx.Exec("UPDATE recordings SET plan=?", old)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.recover()
	s = b.online("live/x")
	s.Rounds(1, 2)
	s.Offline("")
	b.waitJoined(1)
	if len(b.recordings()) != 1 || len(b.files()) != 1 {
		t.Errorf("%d recordings, %d files", len(b.recordings()), len(b.files()))
	}
}

// A plan that can't be read costs its recording, not the others.
func TestRecoverUnknownPlan(t *testing.T) {
	b := newBench(t, rules(time.Hour, config.MP4))
	b.online("live/x").Rounds(0, 1)
	b.online("live/y").Rounds(0, 1)
	b.close()
	b.open()
	err := b.db.Update(context.Background(), func(tx *state.Tx) error {
		_, err := tx.Exec(`UPDATE recordings SET plan='{"version": 99}' WHERE path='live/x'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.recover()
	if n := len(b.r.Statuses()); n != 1 || b.recordings()[0].State != state.Interrupted {
		t.Errorf("%d wait; %+v", n, b.recordings()[0])
	}
}

// A store is away at the start: its files wait, and are finished when it is back.
func TestRecoverLate(t *testing.T) {
	c := rules(0, config.MP4, config.FLV)
	c.Templates[0].Formats[1].Store = "b"
	b := newBench(t, c)
	b.online("live/x").Rounds(0, 2)
	b.dies()
	b.places["b"] = false
	b.recover()
	b.waitState(state.Finalizing)
	if open := b.files(state.FileOpen); len(open) != 1 || open[0].Store != "b" {
		t.Fatalf("%+v", open)
	}
	if err := b.r.RecoverLate(context.Background(), map[string]Place{"b": {Dir: b.dirs["b"]}}); err != nil {
		t.Fatal(err)
	}
	b.until("its file has ended", func() bool { return len(b.files(state.FileOpen)) == 0 })
	if f := b.files(state.FileEnded); len(f) != 2 || f[1].Duration < time.Second {
		t.Errorf("%+v", f)
	}
}

// A store that is away while a publication begins fails that format only.
func TestStoreAway(t *testing.T) {
	c := rules(0, config.MP4, config.FLV)
	c.Templates[0].Formats[1].Store = "b"
	b := newBench(t, c)
	b.places["b"] = false
	s := b.online("live/x")
	s.Rounds(0, 2)
	s.Offline("")
	b.waitState(state.Finalizing)
	if text := b.text(); !strings.Contains(text, "start failed flv") || !strings.Contains(text, "ended [mp4]") {
		t.Error(text)
	}
}
