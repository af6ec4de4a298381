package recorder

import (
	"testing"

	"github.com/live-recording/liverecord/hooks"
)

func vp8(key bool, size int) hooks.Unit {
	p := make([]byte, size)
	p[0] = 1
	if key {
		p[0] = 0
	}
	return hooks.Unit{Track: 0, Payload: [][]byte{p}}
}

func opus(size int) hooks.Unit { return hooks.Unit{Track: 1, Payload: [][]byte{make([]byte, size)}} }

func newTestQueue(limit int64, codecs ...hooks.Codec) *queue {
	q := newQueue(limit)
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
		q.did(&batch[i].unit)
	}
	q.WriteUnit(vp8(false, 10))
	q.WriteUnit(opus(10))
	q.WriteUnit(vp8(true, 100))
	q.WriteUnit(opus(10))
	q.WriteUnit(vp8(false, 10))
	if got := kinds(q.take(nil)); got != "Kap" {
		t.Fatalf("queued after the loss: %s", got)
	}
	if n := q.lost(); n != 6 {
		t.Errorf("%d units counted as lost, were 6", n)
	}
}

func TestQueueWithoutPicturesResumesAnywhere(t *testing.T) {
	q := newTestQueue(100, hooks.Opus, hooks.Opus)
	q.WriteUnit(opus(80))
	q.WriteUnit(opus(80))
	batch := q.take(nil)
	for i := range batch {
		q.did(&batch[i].unit)
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
		q.did(&batch[i].unit)
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
	if got := q.take(nil); len(got) != 0 || q.lost() != 3 {
		t.Fatalf("%d queued, %d lost", len(got), q.lost())
	}
}
