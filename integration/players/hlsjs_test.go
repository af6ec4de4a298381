package players

import (
	"math"
	"testing"
)

// slack is by how many pictures a player's clock may be off: it begins with the
// earliest sample of all tracks, and B-frames come late.
const slack = 2.5

// checkPictures checks that the pictures of a step are those of their times,
// and that at least so many were decoded.
func checkPictures(t *testing.T, what string, s stepReport, l timeline, least int) {
	t.Helper()
	if s.Decoded < least || least > 0 && len(s.Seen) == 0 {
		t.Errorf("%s: %d pictures decoded and %d seen, %d expected", what, s.Decoded, len(s.Seen), least)
	}
	if s.Corrupted > 0 {
		t.Errorf("%s: %d pictures are corrupt", what, s.Corrupted)
	}
	for _, p := range s.Seen {
		if want := l.at(p[0]); math.Abs(p[1]-want) > slack && !l.nearJoin(p[0]) {
			t.Errorf("%s: at %.3f s picture %.0f is shown, expected %.1f", what, p[0], p[1], want)
			return
		}
	}
}

// seekSteps seek about in a recording without joins, and play to its end.
func seekSteps(l timeline) []step {
	d := l.duration()
	return []step{
		{Do: "play", For: 1.5}, {Do: "seek", To: 0.75 * d, For: 1}, {Do: "seek", To: 0.31 * d, For: 1}, {Do: "seek", To: 0, For: 0.5},
		{Do: "seek", To: -0.8}, {Do: "end"},
	}
}

// joinSteps play across every join, seek to both sides of each, backwards, and
// play through everything at last.
func joinSteps(l timeline) (steps []step) {
	for i := len(l) - 1; i > 0; i-- {
		steps = append(steps, step{Do: "seek", To: l[i].start - 0.6, For: 1.2}, step{Do: "seek", To: l[i].start + 0.4, For: 0.3})
	}
	return append(steps, step{Do: "seek", To: 0, For: 0.2}, step{Do: "end", Rate: 2})
}

// checkReport checks what a player showed of a finished recording.
func checkReport(t *testing.T, steps []step, r report, l timeline) {
	t.Helper()
	for i, st := range r.Steps {
		what := steps[i].Do
		checkPictures(t, what, st, l, steps[i].least())
		if steps[i].To >= 0 && steps[i].For > 0 && st.To < steps[i].To+steps[i].For {
			t.Errorf("%s %v: the time is %v", what, steps[i], st.To)
		}
		if math.Abs(st.Duration-l.duration()) > 0.15 {
			t.Errorf("%s: the player's duration is %.3f s, the playlist's %.3f s", what, st.Duration, l.duration())
		}
	}
	last := r.Steps[len(r.Steps)-1]
	if !last.Ended {
		t.Error("did not come to the end")
	}
	checkOrder(t, last, l)
	if t.Failed() {
		t.Logf("%+v of %+v", r, l)
	}
}

// checkOrder checks that the pictures of a step only go forward, and are of all
// publications that begin within it.
func checkOrder(t *testing.T, s stepReport, l timeline) {
	t.Helper()
	for i, p := range s.Seen {
		if i > 0 && p[1] < s.Seen[i-1][1] {
			t.Errorf("picture %.0f after %.0f at %.3f s", p[1], s.Seen[i-1][1], p[0])
		}
	}
	for _, p := range l {
		n := 0
		for _, x := range s.Seen {
			if x[1] >= float64(p.first) && x[1] < float64(p.first)+p.length*rate+slack {
				n++
			}
		}
		if p.start >= s.From && n == 0 {
			t.Errorf("no picture of the publication that begins at %.3f s was shown", p.start)
		}
	}
}

// steps are how a finished recording is played.
func (l timeline) steps() []step {
	if len(l) > 1 {
		return joinSteps(l)
	}
	return seekSteps(l)
}

// liveSteps follow a playlist while it grows: play, go back, wait for more, and
// on to the end of the recording.
var liveSteps = []step{{Do: "play", For: 1.5}, {Do: "seek", To: 0.3, For: 1}, {Do: "grow", For: 2}, {Do: "end"}}

// checkLive checks what a player showed of a recording that grew meanwhile.
func checkLive(t *testing.T, r report, l timeline) {
	t.Helper()
	for i, st := range r.Steps {
		checkPictures(t, "live "+liveSteps[i].Do, st, l, 1)
	}
	last := r.Steps[len(r.Steps)-1]
	if !last.Ended || math.Abs(last.Duration-l.duration()) > 0.15 {
		t.Errorf("ended: %v, with a duration of %.3f s; the recording has %.3f s", last.Ended, last.Duration, l.duration())
	}
	if r.Steps[0].Duration > l.duration()-2 {
		t.Errorf("the player saw %.3f s of %.3f s from the beginning: it did not play while the recording grew",
			r.Steps[0].Duration, l.duration())
	}
	checkOrder(t, last, l)
}
