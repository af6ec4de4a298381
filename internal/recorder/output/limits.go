package output

import (
	"time"

	"github.com/live-recording/liverecord/internal/memory"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/rate"
)

// The bounds of what an output holds in memory, and of how often it cuts.
const (
	flushSize  = 256 << 10              // body bytes in one append
	flushEvery = 400 * time.Millisecond // the longest that samples stay in memory
	// maxBatch bounds what the samples of one append cost in memory: of tiny
	// ones there may be very many in flushSize.
	maxBatch = 1 << 20

	// A stream that changes begins new files; more than one a second is a fault
	// or an attack. So many more may come at once: publishers change while they
	// find their rate.
	cutsAtOnce = 4
	cutEvery   = time.Second
	// A file or segment that ends for its length within youngFor by the clock on the
	// wall, and with fewer samples, was not filled by media but by a clock that leaps.
	youngFor     = time.Second
	fewInFile    = 200
	fewInSegment = 32

	// A file whose tracks have more than floodRate samples a second, by media and
	// by the clock on the wall, ends after floodSamples: its index has to fit into
	// memory. Sound has up to 400 frames a second (Opus of 2.5 ms).
	floodSamples = 4 << 20
	floodRate    = 2000
)

// cutLimit bounds how often an output may begin another file or segment because the
// stream changed. The zero value is ready.
type cutLimit struct{ b rate.Bucket }

// allows tells whether it may be done now, and counts it.
func (l *cutLimit) allows(now time.Time) bool {
	l.b.Burst, l.b.Every = cutsAtOnce, cutEvery
	return l.b.Take(now)
}

// batch is what a muxer holds and the spool does not have yet.
type batch struct {
	oldest  time.Time // when its first sample came; zero if there is none
	cost    int64     // in memory
	flushed bool      // the muxer keeps what was flushed until the next sample
}

func (b *batch) add(s *mux.Sample, now time.Time) {
	if b.flushed {
		b.flushed, b.cost = false, 0
	}
	if b.oldest.IsZero() {
		b.oldest = now
	}
	b.cost += memory.UnitCost(s.Payload)
}

// full tells whether it is to be flushed; buffered is what the muxer says.
func (b *batch) full(buffered int, now time.Time) bool {
	return buffered >= flushSize || b.cost >= maxBatch || b.late(now)
}

func (b *batch) late(now time.Time) bool {
	return !b.oldest.IsZero() && now.Sub(b.oldest) >= flushEvery
}

func (b *batch) done() { b.oldest, b.flushed = time.Time{}, true }

// flooded tells whether a file has so many samples that its index becomes a
// burden; samples and how long it has been recorded, by media and by the clock.
func flooded(samples int64, media, wall time.Duration, tracks int) bool {
	return samples >= floodSamples && float64(samples) > floodRate*float64(tracks)*max(media, wall).Seconds()
}
