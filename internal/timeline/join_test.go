package timeline

import (
	"slices"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/feedtest"
)

// MPEG-TS delivers audio long after the pictures that it belongs to. The join
// must not lay its first frames over the last ones of the publication before.
func TestJoinWaitsForLateAudio(t *testing.T) {
	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x96:r=25", Audio: true})
	late := slices.Clone(m.Units)
	slices.SortStableFunc(late, func(a, b feedtest.Unit) int { return int(arrival(m, a) - arrival(m, b)) })
	const end = time.Hour
	joined, tl := through(m.Tracks, late, Options{FromStart: true, JoinAt: end})
	first := time.Duration(1<<62 - 1)
	for track := range joined {
		for _, s := range joined[track] {
			first = min(first, at0(m, s.PTS, track))
		}
	}
	if first < end || first > end+ms {
		t.Errorf("the publication joins at %v, wanted is %v", first, end)
	}
	if n := tl.Stats().Bent; n != 0 {
		t.Errorf("%d samples were bent", n)
	}
}

// arrival delays audio by 600 ms.
func arrival(m *feedtest.Media, u feedtest.Unit) time.Duration {
	at := m.Decode(&u)
	if u.Track == 1 {
		at += 600 * ms
	}
	return at
}

// A track that never comes holds nothing back for long.
func TestJoinWithoutOneTrack(t *testing.T) {
	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x96:r=25", Audio: true})
	n := 0
	tl := New(m.Tracks, Options{FromStart: true, JoinAt: time.Hour}, func(*Sample) { n++ })
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, u := range m.Units {
		if u.Track == 0 && at0(m, u.PTS, 0) < 2*time.Second {
			tl.Write(u.Unit, now)
		}
	}
	if n == 0 {
		t.Error("nothing after two seconds of media")
	}
	tl = New(m.Tracks, Options{FromStart: true, JoinAt: time.Hour}, func(*Sample) { n++ })
	n = 0
	for _, u := range m.Units[:1] {
		tl.Write(u.Unit, now)
	}
	tl.Tick(now.Add(joinWait))
	tl.Flush()
	if n != 1 || tl.End() < time.Hour {
		t.Errorf("%d samples, ends at %v", n, tl.End())
	}
}
