package timeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
)

// at moves a unit in time.
func at(u hooks.Unit, d time.Duration, clock int) hooks.Unit {
	u.PTS += int64(d/ms) * int64(clock) / 1000
	return u
}

func TestClockJumpsTogether(t *testing.T) {
	for _, jump := range []time.Duration{-20 * time.Second, -1500 * ms, 2 * time.Hour, -30 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			var k taken
			tl := New(avTracks(), free, k.add)
			for i := range 100 {
				d := time.Duration(0)
				if i >= 50 {
					d = jump
				}
				v, a := picture(time.Duration(i)*40*ms, i%25 == 0), sound(time.Duration(i)*40*ms+15*ms, 1)
				feed(tl, at(v, d, 90000), at(a, d, 48000))
			}
			tl.Flush()
			v, a := k.times(0), k.times(1)
			if len(v) != 100 || len(a) != 100 {
				t.Fatalf("%d pictures, %d frames", len(v), len(a))
			}
			for i := range v {
				if v[i] != i*40 {
					t.Fatalf("picture %d at %d ms: the timeline was to go on", i, v[i])
				}
				if d := a[i] - v[i]; d < 14 || d > 16 {
					t.Fatalf("audio %d is %d ms from its picture, was 15", i, d)
				}
			}
			if n := tl.Stats().Jumps; n != 2 {
				t.Errorf("%d jumps counted, one per track were made", n)
			}
		})
	}
}

func TestForwardGapStays(t *testing.T) {
	var k taken
	tl := New(avTracks(), free, k.add)
	feed(tl, picture(0, true), sound(0, 1), picture(40*ms, false), picture(5*time.Minute, true), sound(5*time.Minute, 1))
	tl.Flush()
	check(t, "video", k.times(0), []int{0, 40, 300000})
	check(t, "audio", k.times(1), []int{0, 300000})
}

func TestTrackThatComesAfterAJump(t *testing.T) {
	var k taken
	tl := New(avTracks(), free, k.add)
	feed(tl, picture(100*time.Second, true), picture(100040*ms, false))
	feed(tl, picture(0, true), picture(40*ms, false), sound(40*ms, 1), picture(80*ms, false))
	tl.Flush()
	check(t, "video", k.times(0), []int{100000, 100040, 100080, 100120, 100160})
	check(t, "audio", k.times(1), []int{100120})
}

func TestAudioNeverGoesBack(t *testing.T) {
	var k taken
	tl := New(avTracks()[1:], free, k.add)
	for _, x := range []time.Duration{0, 21, 42, 30, 10, 64, 85} {
		u := sound(x*ms, 1)
		u.Track = 0
		feed(tl, u)
	}
	tl.Flush()
	check(t, "audio", k.times(0), []int{0, 21, 42, 42, 42, 64, 85})
	if n := tl.Stats().Bent; n != 2 {
		t.Errorf("%d frames counted as bent, not 2", n)
	}
}

func TestInterleaving(t *testing.T) {
	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x96:r=25", Audio: true})
	var k taken
	tl := New(m.Tracks, free, k.add)
	// Audio comes in bursts of 300 ms, as from a host that waits for whole packets.
	var late []hooks.Unit
	for i := range m.Units {
		u := m.Units[i].Unit
		if u.Track == 1 {
			late = append(late, u)
			if len(late) < 14 {
				continue
			}
			for _, a := range late {
				tl.Write(a, noon)
			}
			late = nil
			continue
		}
		tl.Write(u, noon)
	}
	for _, a := range late {
		tl.Write(a, noon)
	}
	tl.Flush()
	if len(k) != len(m.Units) {
		t.Fatalf("%d samples of %d", len(k), len(m.Units))
	}
	for i := 1; i < len(k); i++ {
		if k[i].Time() < k[i-1].Time() {
			t.Fatalf("sample %d (track %d) at %v after %v", i, k[i].Track, k[i].Time(), k[i-1].Time())
		}
	}
}

// A silent track must hold up the others by maxLag at most.
func TestSilentTrackHoldsUpNobody(t *testing.T) {
	var k taken
	tl := New(avTracks(), free, k.add)
	for i := range 50 {
		feed(tl, picture(time.Duration(i)*40*ms, i == 0))
	}
	if held := 50 - len(k); held > int(maxLag/(40*ms)) {
		t.Errorf("%d pictures are held", held)
	}
}

func TestJoinKeepsSoundAndPictureTogether(t *testing.T) {
	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x96:r=25", Audio: true})
	first, tl := through(m.Tracks, m.Units, free)
	end := tl.End()
	if want := m.Length; end < want-ms || end > want+ms {
		t.Errorf("the first publication reaches to %v, not %v", end, want)
	}
	var second []feedtest.Unit
	for _, u := range m.Units { // another clock, and audio 130 ms late
		u.PTS += m.Ticks(u.Track, 7*time.Hour)
		if u.Track == 1 {
			u.PTS += m.Ticks(1, 130*ms)
		}
		second = append(second, u)
	}
	joined, _ := through(m.Tracks, second, Options{FromStart: true, JoinAt: end})
	for track := range joined {
		if len(joined[track]) != len(first[track]) {
			t.Fatalf("track %d: %d samples, not %d", track, len(joined[track]), len(first[track]))
		}
		last, next := first[track][len(first[track])-1], joined[track][0]
		if next.DTS <= last.DTS {
			t.Errorf("track %d goes on at DTS %d after %d", track, next.DTS, last.DTS)
		}
	}
	gap := at0(m, joined[1][0].PTS, 1) - at0(m, joined[0][0].PTS, 0)
	want := 130*ms + at0(m, first[1][0].PTS, 1) - at0(m, first[0][0].PTS, 0)
	if d := (gap - want).Abs(); d > 50*time.Microsecond {
		t.Errorf("audio is %v after video at the join, was delivered %v after", gap, want)
	}
	if d := (joined[0][0].Time() + 80*ms - end).Abs(); d > ms { // two pictures of reordering
		t.Errorf("the first picture is decoded at %v, the first publication ended at %v", joined[0][0].Time(), end)
	}
}

// Whatever comes: no panic, nothing lost, nothing doubled, DTS never back, PTS of
// pictures as delivered but for a constant per jump.
func TestRandomUnits(t *testing.T) {
	h := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x96:r=25", Audio: true})
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		tracks := append(avTracks(), h.Tracks[0])
		o := Options{FromStart: r.IntN(2) == 0, JoinAt: time.Duration(r.IntN(3)-1) * time.Hour, NoVideo: r.IntN(5) == 0}
		var k taken
		tl := New(tracks, o, k.add)
		sent := map[*byte]int{}
		for i := range r.IntN(400) {
			u := randomUnit(r, h, i)
			if u.Track >= 0 && u.Track < len(tracks) && len(u.Payload) > 0 {
				for j := range u.Payload { // a copy of its own is the mark of a frame
					u.Payload[j] = append([]byte(nil), u.Payload[j]...)
				}
				sent[&u.Payload[0][0]] = 0
			}
			tl.Write(u, noon.Add(time.Duration(i)*20*ms))
			if r.IntN(50) == 0 {
				tl.Gap()
			}
		}
		tl.Flush()
		judge(t, seed, k, sent, tl.Stats(), tracks)
	}
}

func randomUnit(r *rand.Rand, h *feedtest.Media, i int) hooks.Unit {
	var u hooks.Unit
	switch r.IntN(3) {
	case 0:
		u = picture(time.Duration(i)*20*ms, r.IntN(10) == 0)
	case 1:
		u = sound(time.Duration(i)*20*ms, 1)
	default:
		src := h.Units[r.IntN(len(h.Units))]
		if src.Track != 0 {
			return hooks.Unit{Track: 9}
		}
		u = hooks.Unit{Track: 2, PTS: src.PTS, Payload: append([][]byte(nil), src.Payload...)}
	}
	switch r.IntN(40) {
	case 0:
		u.PTS = r.Int64() // anything
	case 1:
		u.PTS = -r.Int64()
	case 2:
		u.PTS += r.Int64N(1 << 22)
	case 3:
		u.Payload = nil
	case 4:
		u.Track, u.Payload = r.IntN(10)-5, u.Payload[:1]
	}
	return u
}

func judge(t *testing.T, seed uint64, k taken, sent map[*byte]int, stats Stats, tracks []hooks.Track) {
	t.Helper()
	last := map[int]int64{}
	for _, s := range k {
		p := &s.Payload[0][0]
		if _, known := sent[p]; !known {
			t.Fatalf("seed %d: a sample that was not sent", seed)
		}
		if sent[p]++; sent[p] > 1 {
			t.Fatalf("seed %d: a sample of track %d twice", seed, s.Track)
		}
		if d, ok := last[s.Track]; ok && s.DTS < d {
			t.Fatalf("seed %d: track %d goes back from %d to %d", seed, s.Track, d, s.DTS)
		}
		last[s.Track] = s.DTS
	}
	missing := 0
	for _, n := range sent {
		if n == 0 {
			missing++
		}
	}
	if missing != stats.BeforeKey {
		t.Fatalf("seed %d: %d units missing, %d counted (%+v)", seed, missing, stats.BeforeKey, stats)
	}
}

func at0(m *feedtest.Media, ticks int64, track int) time.Duration {
	return m.Time(&feedtest.Unit{Unit: hooks.Unit{Track: track, PTS: ticks}})
}
