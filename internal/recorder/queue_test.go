package recorder

import (
	"runtime"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/memory"
)

// Sizes are in kB, less what a unit costs beside its payload.
func vp8(key bool, size int) hooks.Unit {
	p := make([]byte, 1000*size-overhead)
	p[0] = 1
	if key {
		p[0] = 0
	}
	return hooks.Unit{Track: 0, Payload: [][]byte{p}}
}

func opus(size int) hooks.Unit {
	return hooks.Unit{Track: 1, Payload: [][]byte{make([]byte, 1000*size-overhead)}}
}

var overhead = int(memory.UnitCost([][]byte{{}}))

func newTestQueue(limit int64, codecs ...hooks.Codec) *queue {
	q := newQueue(limit * 1000)
	q.open(memory.New(0))
	b := &beginning{}
	for _, c := range codecs {
		b.tracks = append(b.tracks, hooks.Track{Codec: c})
	}
	q.control(message{kind: msgBegin, begin: b})
	q.take(nil)
	<-q.bell
	return q
}

func kinds(batch []message) (out string) {
	for _, m := range batch {
		switch {
		case m.kind == msgDropped:
			out += "!"
		case m.kind != msgUnit:
			out += "."
		case m.unit.Track == 1:
			out += "a"
		case m.unit.Payload[0][0] == 0:
			out += "K"
		default:
			out += "p"
		}
	}
	return out
}

func TestQueueDropsWholeGroups(t *testing.T) {
	q := newTestQueue(1000, hooks.VP8, hooks.Opus)
	q.WriteUnit(vp8(true, 400))
	q.WriteUnit(vp8(false, 400))
	q.WriteUnit(opus(100))
	q.WriteUnit(vp8(false, 400)) // too much
	q.WriteUnit(vp8(false, 10))  // would fit, but has nothing to refer to
	q.WriteUnit(opus(10))
	q.WriteUnit(vp8(true, 100)) // a key frame, but there is no room to speak of
	batch := q.take(nil)
	if got := kinds(batch); got != "Kpa!" {
		t.Fatalf("queued: %s", got)
	}
	for i := range batch {
		q.did(batch[i].cost)
	}
	q.WriteUnit(vp8(false, 10))
	q.WriteUnit(opus(10))
	q.WriteUnit(vp8(true, 100))
	q.WriteUnit(opus(10))
	q.WriteUnit(vp8(false, 10))
	if got := kinds(q.take(nil)); got != "Kap" {
		t.Fatalf("queued after the loss: %s", got)
	}
	if n := q.lost(); n != (losses{lostSlow: 6}) {
		t.Errorf("%v units counted as lost, were 6", n)
	}
}

func TestQueueWithoutPicturesResumesAnywhere(t *testing.T) {
	q := newTestQueue(100, hooks.Opus, hooks.Opus)
	q.WriteUnit(opus(80))
	q.WriteUnit(opus(80))
	batch := q.take(nil)
	for i := range batch {
		q.did(batch[i].cost)
	}
	q.WriteUnit(opus(10))
	if got := kinds(batch) + kinds(q.take(nil)); got != "a!a" {
		t.Fatalf("queued: %s", got)
	}
}

// The owner has taken everything, and is still at work on it, when the limit is
// reached: the units after that must wake it all the same.
func TestQueueRingsAfterLoss(t *testing.T) {
	q := newTestQueue(1000, hooks.VP8)
	q.WriteUnit(vp8(true, 900))
	<-q.bell
	batch := q.take(nil)
	q.WriteUnit(vp8(false, 900))
	for i := range batch {
		q.did(batch[i].cost)
	}
	q.WriteUnit(vp8(true, 100))
	select {
	case <-q.bell:
	default:
		t.Fatal("units wait and nobody was told")
	}
	if got := kinds(q.take(nil)); got != "!K" {
		t.Fatalf("queued: %s", got)
	}
}

func TestQueueRefusesUnknownTracks(t *testing.T) {
	q := newTestQueue(1000, hooks.VP8)
	for _, track := range []int{-1, 1, 1 << 30} {
		q.WriteUnit(hooks.Unit{Track: track, Payload: [][]byte{{1}}})
	}
	if got := q.take(nil); len(got) != 0 || q.lost() != (losses{lostUnknown: 3}) {
		t.Fatalf("%d queued, %v lost", len(got), q.lost())
	}
}

// Units of one byte cost what they take in memory, not one byte.
func TestQueueOfTinyUnits(t *testing.T) {
	q := newQueue(queueBytes)
	q.open(memory.New(0))
	q.control(message{kind: msgBegin, begin: &beginning{tracks: []hooks.Track{{Codec: hooks.Opus}}}})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 1_000_000 {
		q.WriteUnit(hooks.Unit{Payload: [][]byte{make([]byte, 1)}})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grew := int64(after.HeapAlloc) - int64(before.HeapAlloc); grew > 2*queueBytes {
		t.Errorf("a queue of %d MB holds %d MB", queueBytes>>20, grew>>20)
	}
	if q.waiting() > queueBytes || q.lost()[lostSlow] < 800_000 {
		t.Errorf("%d bytes wait, %v lost", q.waiting(), q.lost())
	}
	if most := cap(q.take(nil)); most == 0 {
		t.Fatal("nothing was queued")
	}
	for range 3 { // what was long once does not stay so
		q.take(q.take(nil))
	}
	if n := cap(q.items); n > spareItems {
		t.Errorf("an empty queue has room for %d messages", n)
	}
}

// A unit that no file can hold is refused for what it is, and the stream goes on.
func TestQueueRefusesHugeUnits(t *testing.T) {
	q := newQueue(queueBytes)
	q.open(memory.New(0))
	q.control(message{kind: msgBegin, begin: &beginning{tracks: []hooks.Track{{Codec: hooks.VP8}}}})
	q.take(nil)
	q.WriteUnit(vp8(true, 1))
	q.WriteUnit(vp8(true, 200_000))
	q.WriteUnit(vp8(false, 1))
	q.WriteUnit(vp8(true, 1))
	q.WriteUnit(hooks.Unit{Payload: make([][]byte, 1_000_000)})
	if got := kinds(q.take(nil)); got != "K!K!" {
		t.Errorf("queued: %s", got)
	}
	if n := q.lost(); n != (losses{lostHuge: 3}) {
		t.Errorf("%v units are lost", n)
	}
}

// When memory is short, what waits is dropped as whole groups, and the messages
// between stay; nobody else's queue suffers.
func TestQueueSheds(t *testing.T) {
	b := memory.New(10_000_000)
	hog, other := newTestQueue(100_000, hooks.VP8), newTestQueue(100_000, hooks.VP8)
	for _, q := range []*queue{hog, other} {
		q.account.Close()
		q.open(b)
		q.WriteUnit(vp8(true, 100))
	}
	for range 100 {
		hog.WriteUnit(vp8(false, 100))
		if b.Used() > b.Limit() {
			t.Fatalf("%d of %d bytes in use", b.Used(), b.Limit())
		}
	}
	hog.control(message{kind: msgEnd})
	held := hog.waiting()
	if freed := hog.shed(); freed < held/2 || freed > held/2+200_000 || hog.waiting() != held-freed {
		t.Errorf("%d of %d bytes freed, %d wait", freed, held, hog.waiting())
	}
	hog.WriteUnit(vp8(false, 100))
	hog.WriteUnit(vp8(true, 100))
	got := kinds(hog.take(nil))
	if !strings.HasPrefix(got, "Kpppp") || !strings.HasSuffix(got, "!.K") && !strings.HasSuffix(got, "!!.K") {
		t.Errorf("queued: %s", got)
	}
	if n := hog.lost()[lostMemory]; n != int64(103-len(strings.Trim(got, "!.K"))-2) || b.Dropped() != n {
		t.Errorf("%d units lost, %d told; queued: %s", n, b.Dropped(), got)
	}
	if !hog.relieve() || hog.relieve() || other.relieve() {
		t.Error("the recording is to be told once that memory is short")
	}
	if got := kinds(other.take(nil)); got != "K" {
		t.Errorf("the other queue: %s", got)
	}
	hog.close()
	other.close()
	hog.WriteUnit(vp8(true, 1))
	if b.Used() != 0 {
		t.Errorf("%d bytes are booked after all", b.Used())
	}
}
