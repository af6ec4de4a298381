package plugin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
	"github.com/live-recording/liverecord/internal/state"
)

// lost is what the running recordings of a path had to leave out.
func (b *bench) lost() (n int64) {
	for _, s := range b.p.house.recorder.Statuses() {
		n += s.Dropped
	}
	return n
}

// Another set of parameters with each picture: files begin once a second, what
// comes between is dropped, counted and told.
func TestAlternatingParametersAreBounded(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}, flv: {}, hls: {segment: 2s}}}\nrules: [{template: t}]\n")
	media := [2]*feedtest.Media{small(t), feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x120:r=25", Audio: true})}
	var keys [2]hooks.Unit
	for i, m := range media {
		keys[i] = m.Units[0].Unit
		if keys[i].Track != 0 {
			t.Fatal("the media does not begin with a picture")
		}
	}
	s := b.online("live/x", media[0])
	began := time.Now()
	const n = 500
	for i := range n {
		u := keys[i%2]
		u.PTS, u.NTP = int64(i)*3600, began.Add(time.Duration(i)*40*time.Millisecond)
		s.Write(u)
		time.Sleep(5 * time.Millisecond)
	}
	b.until("all is acted on", 10*time.Second, func() bool { return b.waiting() == 0 })
	took := time.Since(began)
	var dropped int64
	b.until("the loss is told", 10*time.Second, func() bool {
		dropped = b.lost()
		return strings.Contains(b.text(), "faster than files may begin")
	})
	s.Offline("")
	b.until("all is stored", time.Minute, func() bool {
		for _, f := range b.files() {
			if f.State != state.FileStored {
				return false
			}
		}
		return len(b.files()) > 0
	})
	allowed := int(took/time.Second) + 7
	recorded := int64(0)
	counts := map[string]int{}
	for _, f := range b.files() {
		counts[f.Format]++
		if f.Format == "hls" {
			continue
		}
		decodes(t, b.fetch(f))
		v, _, _ := count(t, b.fetch(f))
		recorded += int64(v)
	}
	for format, k := range counts {
		if k > allowed {
			t.Errorf("%d files %s in %v", k, format, took)
		}
	}
	pieces, err := state.Files(t.Context(), b.p.house.db.Reader(), "WHERE parent<>0")
	must(t, err)
	if len(pieces) > allowed {
		t.Errorf("%d pieces of HLS in %v", len(pieces), took)
	}
	if recorded > 2*n || recorded+dropped < 2*n {
		t.Errorf("mp4 and flv have %d pictures of 2 times %d, %d are told as dropped by all three", recorded, n, dropped)
	}
	b.complaints("faster than files may begin")
}

// Publications that come and go leave nothing in memory.
func TestManyPathsLeaveNothing(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {aac: {}}}\nrules: [{template: t}]\n")
	m := small(t)
	for i := range 1000 {
		s := b.online(fmt.Sprintf("live/%d", i), m)
		if i%2 == 0 {
			s.Write(m.Units[0].Unit)
		}
		s.Offline("")
	}
	b.until("all recordings are over", time.Minute, func() bool {
		return len(b.p.house.recorder.Statuses()) == 0 && len(b.p.house.recorder.Live()) == 0
	})
	if used := b.p.house.memory.Used(); used != 0 {
		t.Errorf("%d bytes are booked when nothing is recorded", used)
	}
	b.p.gate.mu.Lock()
	defer b.p.gate.mu.Unlock()
	if n := len(b.p.gate.live); n != 0 {
		t.Errorf("the gate knows %d publications", n)
	}
}

// One budget for all: the stream that holds most drops groups of pictures and
// says why; the one beside it loses nothing.
func TestMemoryBudget(t *testing.T) {
	t.Parallel()
	b := start(t, "memory: 16MB\ntemplates: {t: {mp4: {}}}\nrules: [{template: t}]\n")
	hog, good := b.online("live/hog", heavy(t)), b.online("live/good", small(t))
	done := make(chan struct{})
	go func() {
		defer close(done)
		hog.Rounds(0, 10) // 120 MB at once
	}()
	good.Speed = 4
	good.Rounds(0, 2)
	<-done
	b.until("the queues are empty", time.Minute, func() bool { return b.waiting() == 0 })
	b.until("the loss is told", 10*time.Second, func() bool { return strings.Contains(b.text(), "the memory for recordings is used up") })
	if b.p.house.memory.Dropped() == 0 || b.p.house.memory.Limit() != 16<<20 {
		t.Errorf("%d units dropped, limit %d", b.p.house.memory.Dropped(), b.p.house.memory.Limit())
	}
	good.Offline("")
	hog.Offline("")
	for _, f := range b.stored(2) {
		decodes(t, b.fetch(f))
		v, a, _ := count(t, b.fetch(f))
		if strings.Contains(f.Object, "/good/") && int64(v+a) != good.Sent(0)+good.Sent(1) {
			t.Errorf("the other stream has %d pictures and %d frames of %d", v, a, good.Sent(0)+good.Sent(1))
		}
	}
	b.write("memory: 32MB\ntemplates: {t: {mp4: {}}}\nrules: [{template: t}]\n")
	b.until("the limit changes with the file", 10*time.Second, func() bool { return b.p.house.memory.Limit() == 32<<20 })
	b.complaints("is used up")
}

// A unit that no file can hold is refused, the recording goes on.
func TestHugeUnitIsRefused(t *testing.T) {
	t.Parallel()
	b := start(t, "templates: {t: {mp4: {}, flv: {}, hls: {segment: 2s}}}\nrules: [{template: t}]\n")
	m := small(t)
	s := b.online("live/x", m)
	s.Rounds(0, 1)
	huge := m.Round(1)[0].Unit
	huge.Payload = append([][]byte{make([]byte, 200<<20)}, huge.Payload...)
	s.Write(huge)
	s.Rounds(1, 2)
	b.until("it is told", 10*time.Second, func() bool { return strings.Contains(b.text(), "too large to be recorded") })
	s.Offline("")
	for _, f := range b.stored(3) {
		if f.Format == "hls" {
			continue
		}
		if v, _, _ := count(t, b.fetch(f)); v != 240 {
			t.Errorf("%s has %d pictures, not 240", f.Format, v)
		}
	}
	b.complaints("too large to be recorded")
}
