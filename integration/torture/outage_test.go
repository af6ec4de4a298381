package torture

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/state"
)

// The store is away for half an hour of recording time, with twenty streams, and
// comes back. All is stored, the backlog drains at the bandwidth that the
// configuration allows, and what is recorded meanwhile does not wait for it.
func TestOutage(t *testing.T) {
	scenario(t)
	const streams, rate = 20, 8 << 20
	away, speed := pick(40*time.Second, 30*time.Minute), pick(20.0, 15.0)
	h := newHouse(t, cosserver.Options{Dir: t.TempDir(), PublicRead: true}, "templates: {a: {mp4: {interval: "+pick("10s", "5m")+"}}}\nrules: [{template: a}]\n")
	h.store += fmt.Sprintf(", bandwidth: %dMB, concurrency: 8", rate>>20)
	h.open()
	var feeds []*feed
	for i := range streams {
		feeds = append(feeds, h.feed(fmt.Sprintf("live/s%02d", i), i, pick(5, 2)<<10))
	}
	playAll(feeds, 10*time.Second, speed)
	h.cos.SetOutage(true)
	playAll(feeds, away, speed)
	backlog := occupied(t, h.file("spool"))
	h.cos.SetOutage(false)
	back := time.Now()
	late := h.lateness(feeds)
	var drained time.Duration
	playAll(feeds, 10*time.Second, 2)
	for _, f := range feeds {
		f.Offline("")
	}
	until(t, "the backlog to drain", 10*time.Minute, func() bool {
		time.Sleep(50 * time.Millisecond)
		return h.count(state.FileStored) == len(h.files())
	})
	drained = time.Since(back)
	sent := h.sentSince(back)
	best := time.Duration(float64(sent) / rate * float64(time.Second))
	if drained > 3*best+20*time.Second || drained < best*8/10 {
		t.Errorf("%d MB drained in %.1f s; the configured bandwidth would take %.1f s", sent>>20, drained.Seconds(), best.Seconds())
	}
	if late > best {
		t.Errorf("a recording of the time after the outage waited %.1f s, as long as the backlog", late.Seconds())
	}
	pictures := 0
	for _, f := range feeds {
		var places []string
		for _, x := range h.files() {
			if strings.Contains(x.Object, "/"+f.Pub.Path+"/") {
				places = append(places, h.place(x))
			}
		}
		pictures += checkPictures(t, f.Pub.Path, f, places...)
	}
	if n := len(h.cos.OpenUploads()); n > 0 || len(h.cos.Objects()) != len(h.files()) {
		t.Errorf("%d open uploads, %d objects of %d files", n, len(h.cos.Objects()), len(h.files()))
	}
	t.Logf("away for %s of recording, %d streams: backlog %d MB; %d MB drained in %.1f s, %.1f s by the configured bandwidth of %d MB/s",
		away, streams, backlog>>20, sent>>20, drained.Seconds(), best.Seconds(), rate>>20)
	t.Logf("a short recording that began after the store was back was stored %.1f s after its end; %d files, %d pictures, none missing", late.Seconds(), len(h.files()), pictures)
}

// playAll lets all publications go on together.
func playAll(feeds []*feed, d time.Duration, speed float64) {
	var all sync.WaitGroup
	for _, f := range feeds {
		all.Go(func() { f.play(d, speed) })
	}
	all.Wait()
}

// lateness records a short publication of its own, among the others, and returns
// how long after its end it was stored.
func (h *house) lateness(others []*feed) time.Duration {
	f := h.feed("live/fresh", len(others), 8<<10)
	f.play(4*time.Second, 4)
	f.Offline("")
	ended := time.Now()
	until(h.t, "the fresh recording to be stored", 5*time.Minute, func() bool {
		for _, x := range h.files() {
			if strings.Contains(x.Object, "/fresh/") && x.State == state.FileStored {
				return true
			}
		}
		return false
	})
	late := time.Since(ended)
	for _, x := range h.files() {
		if strings.Contains(x.Object, "/fresh/") {
			checkPictures(h.t, x.Object, f, h.place(x))
		}
	}
	return late
}

// sentSince is how many bytes of bodies the store has taken.
func (h *house) sentSince(at time.Time) (sum int64) {
	for _, r := range h.cos.Log() {
		if r.Start.After(at) {
			sum += r.Size
		}
	}
	return sum
}
