package output

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/mux"
)

// Files for changes begin once a second, whatever the stream does.
func TestCutLimit(t *testing.T) {
	var l cutLimit
	now, cuts := time.Unix(1e9, 0), 0
	for range 25 * 60 {
		if now = now.Add(40 * time.Millisecond); l.allows(now) {
			cuts++
		}
	}
	if cuts < 60 || cuts > 60+cutsAtOnce {
		t.Errorf("%d cuts in a minute", cuts)
	}
}

// A batch of tiny samples is flushed for what it costs in memory; what was flushed
// counts until the muxer forgets it.
func TestBatchOfTinySamples(t *testing.T) {
	var b batch
	now := time.Unix(1e9, 0)
	s := &mux.Sample{Payload: [][]byte{{1}}}
	n := 0
	for ; !b.full(n, now); n++ {
		b.add(s, now)
	}
	if n < 1000 || n > 5000 {
		t.Errorf("flushed after %d samples of one byte", n)
	}
	b.done()
	if b.cost < maxBatch || b.full(0, now) && b.late(now.Add(time.Hour)) {
		t.Errorf("after the flush: %+v", b)
	}
	b.add(s, now)
	if b.cost > 1000 || !b.late(now.Add(flushEvery)) {
		t.Errorf("after the next sample: %+v", b)
	}
}

// Only a flood ends a file for the number of its samples: neither a week of
// ordinary media nor a burst is one.
func TestFlooded(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		samples     int64
		media, wall time.Duration
		tracks      int
		want        bool
	}{
		{7 * 86400 * 110, 7 * day, 7 * day, 2, false},
		{7 * 86400 * 460, 7 * day, time.Hour, 2, false},
		{floodSamples, 42 * time.Second, 42 * time.Second, 1, true},
		{floodSamples, 0, 42 * time.Second, 2, true},
		{floodSamples - 1, 0, time.Second, 1, false},
	} {
		if got := flooded(c.samples, c.media, c.wall, c.tracks); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
