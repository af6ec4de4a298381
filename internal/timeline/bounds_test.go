package timeline

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/memory"
)

// slack is what one unit more may cost that was let in below a bound.
const slack = 64 << 10

// bounded feeds units made by next, 20 µs apart by the clock on the wall, and
// checks what is held after each. It returns the number of samples given out.
func bounded(t *testing.T, tracks []hooks.Track, o Options, n int, most int64, next func(i int) hooks.Unit) (out *int, tl *Timeline) {
	t.Helper()
	out = new(int)
	tl = New(tracks, o, func(*Sample) { *out++ })
	for i := range n {
		now := noon.Add(time.Duration(i) * 20 * time.Microsecond)
		tl.Write(next(i), now)
		if held := tl.Held(); held > most+slack {
			t.Fatalf("after %d units %d bytes are held, more than %d", i+1, held, most)
		}
	}
	return out, tl
}

// A key frame, then sound whose clock stands still, and never a picture again:
// a publisher could fill the memory of the server so.
func TestHeldWithConstantPTS(t *testing.T) {
	const n = 1_000_000
	frame := make([]byte, 100)
	out, tl := bounded(t, avTracks(), free, n, maxInterleaved, func(i int) hooks.Unit {
		if i == 0 {
			return picture(0, true)
		}
		return hooks.Unit{Track: 1, PTS: 48, NTP: noon, Payload: [][]byte{frame}}
	})
	if *out < n*9/10 {
		t.Errorf("only %d of %d samples were given out", *out, n)
	}
	tl.Flush()
	if *out != n {
		t.Errorf("%d of %d samples at the end", *out, n)
	}
}

// The clock on the wall lets go what media time does not, also if nothing comes
// any more.
func TestWaitsByWallClock(t *testing.T) {
	var k taken
	tl := New(avTracks(), free, k.add)
	tl.Write(picture(0, true), noon)
	tl.Write(sound(0, 1), noon)
	for i := range 10 {
		tl.Write(sound(100*ms, 1), noon.Add(time.Duration(i)*100*ms))
	}
	if n := len(k.times(1)); n != 0 {
		t.Fatalf("%d samples at once", n)
	}
	tl.Tick(noon.Add(maxWait + 900*ms))
	if n := len(k.times(1)); n != 11 || tl.Held() != 0 {
		t.Errorf("%d of 11 samples, %d bytes held", n, tl.Held())
	}
}

// A track that leaps ahead does not wait for the other to come there.
func TestLeapingTrackDoesNotWaitForEver(t *testing.T) {
	var k taken
	tl := New(avTracks(), free, k.add)
	for i := range 250 {
		at := time.Duration(i) * 40 * ms
		now := noon.Add(at)
		tl.Write(picture(at, true), now)
		tl.Write(sound(at+50*time.Minute, 1), now)
	}
	if n := len(k.times(1)); n < 100 {
		t.Errorf("%d of 250 samples of the leaping track after ten seconds", n)
	}
}

// Nothing but pictures that can't be begun with, in compressed time.
func TestHeldWithoutKeyFrame(t *testing.T) {
	body := make([]byte, 50_000)
	body[0] = 1
	_, tl := bounded(t, avTracks(), free, 100_000, maxWaiting, func(i int) hooks.Unit {
		return hooks.Unit{Track: 0, PTS: int64(i) * 3600, NTP: noon, Payload: [][]byte{body}}
	})
	if tl.Started() != (100_000*20*time.Microsecond >= Patience) {
		t.Error("began too early")
	}
}

// Only sound, while a picture is waited for: too much of it begins the recording.
func TestHeldSoundBeforeTheFirstPicture(t *testing.T) {
	const n = 200_000
	out, tl := bounded(t, avTracks(), free, n, max(maxWaiting, maxInterleaved), func(i int) hooks.Unit { return sound(0, 1) })
	if !tl.Started() || *out == 0 {
		t.Errorf("started %v, %d samples", tl.Started(), *out)
	}
	tl.Flush()
	if *out+tl.Stats().BeforeKey != n {
		t.Errorf("%d samples and %d before the key, of %d", *out, tl.Stats().BeforeKey, n)
	}
}

// At a join all tracks are gathered; one that never comes, and a clock that
// stands still.
func TestHeldAtAJoin(t *testing.T) {
	body := make([]byte, 10_000)
	bounded(t, avTracks(), Options{JoinAt: time.Hour}, 40_000, maxGathered+maxInterleaved, func(i int) hooks.Unit {
		if i == 0 {
			return picture(0, true)
		}
		return hooks.Unit{Track: 1, PTS: 0, NTP: noon, Payload: [][]byte{body}}
	})
}

// Pictures of a reordered stream are held until there are enough of them: few
// large ones, and few that nothing follows.
func TestHeldForReordering(t *testing.T) {
	var r reorder
	r.depth = maxDepth
	given := 0
	for i := range 40 {
		s := &Sample{}
		s.PTS, s.Payload = int64(-i), [][]byte{make([]byte, 5<<20)} // an order that never comes to an end
		given += len(r.push(s, noon, nil))
		if r.cost > maxReordered+(6<<20) {
			t.Fatalf("%d bytes are held after %d pictures", r.cost, i+1)
		}
	}
	if given != 40 || len(r.window) > maxDepth+1 {
		t.Errorf("%d pictures given out, %d times remembered", given, len(r.window))
	}
	slow := reorder{depth: maxDepth}
	slow.push(&Sample{}, noon, nil)
	if slow.overdue(noon.Add(maxWait-1)) || !slow.overdue(noon.Add(maxWait)) {
		t.Error("a picture without successor is not let go in time")
	}
}

// Small units cost more than their bytes.
func TestCostOfSmallUnits(t *testing.T) {
	if c := memory.UnitCost([][]byte{{1}}); c < 300 {
		t.Errorf("%d bytes", c)
	}
	if c := memory.UnitCost(make([][]byte, 1000)); c < 24_000 {
		t.Errorf("1000 empty NAL units cost %d", c)
	}
}

// A clock that leaps at each key frame is a broken one: the timeline goes on
// without gaps, after the first few. Pictures at their true times keep theirs.
func TestLeapsAreRare(t *testing.T) {
	var k taken
	tl := New(avTracks()[:1], free, k.add)
	now := noon
	for i := range 1000 {
		now = now.Add(40 * ms)
		tl.Write(picture(time.Duration(i)*30*time.Minute, true), now)
	}
	tl.Flush()
	times := k.times(0)
	if last := time.Duration(times[len(times)-1]) * ms; last > 15*30*time.Minute || len(times) != 1000 {
		t.Errorf("%d pictures up to %v", len(times), last)
	}
	if n := tl.Stats().Jumps; n < 900 {
		t.Errorf("%d jumps are told", n)
	}
	k = nil
	tl = New(avTracks()[:1], free, k.add)
	for i := range 100 { // one picture in ten minutes, as it is
		at := time.Duration(i) * 10 * time.Minute
		tl.Write(picture(at, true), noon.Add(at))
	}
	tl.Flush()
	if times := k.times(0); times[99] != int(99*10*time.Minute/ms) || tl.Stats().Jumps != 0 {
		t.Errorf("the last of 100 pictures at %d ms, %d jumps", times[99], tl.Stats().Jumps)
	}
}

// Times that alternate by hours stay on one timeline.
func TestAlternatingTimes(t *testing.T) {
	var k taken
	tl := New(avTracks()[:1], free, k.add)
	for i := range 1000 {
		at := time.Duration(i) * 40 * ms
		tl.Write(picture(at+time.Duration(i%2)*5*time.Hour, true), noon.Add(at))
	}
	tl.Flush()
	if times := k.times(0); len(times) != 1000 || times[999] > 120_000 {
		t.Errorf("%d pictures up to %d ms", len(times), times[len(times)-1])
	}
}

// Parameter sets that no file can hold are not taken over.
func TestHugeParameters(t *testing.T) {
	tracks := avTracks()
	tracks[0] = hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: []byte{0x67, 0x42}, PPS: []byte{0x68}}
	tl := New(tracks, free, func(*Sample) {})
	before := len(tl.Tracks()[0].PPS)
	huge := append([]byte{0x68}, make([]byte, 1<<20)...)
	tl.Write(hooks.Unit{Track: 0, NTP: noon, Payload: [][]byte{huge, {0x65, 1}}}, noon)
	tl.Flush()
	if got := len(tl.Tracks()[0].PPS); got != before || tl.Stats().Huge == 0 {
		t.Errorf("a PPS of %d bytes is in force, %d are told", got, tl.Stats().Huge)
	}
}

// When memory is short a Timeline lets go of all.
func TestRelieve(t *testing.T) {
	tl := New(avTracks(), free, func(*Sample) {})
	for i := range 1000 {
		tl.Write(picture(time.Duration(i)*ms, false), noon)
	}
	if tl.Relieve(); tl.Held() != 0 || tl.Stats().BeforeKey != 1000 {
		t.Errorf("%d bytes held, %d dropped", tl.Held(), tl.Stats().BeforeKey)
	}
	feed(tl, picture(2*time.Second, true), picture(2040*ms, false))
	if tl.Relieve(); tl.Held() != 0 {
		t.Errorf("%d bytes held", tl.Held())
	}
}
