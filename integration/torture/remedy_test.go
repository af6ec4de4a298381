package torture

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/state"
)

// What only a human can mend: it is said once a file, with the remedy; nothing is
// lost; and it heals without a restart when it is fixed.
func TestRemedies(t *testing.T) {
	scenario(t)
	const key = cosserver.DefaultSecretKey
	for _, c := range []struct {
		name, remedy string
		path         string // of the bucket's address
		sick         func(h *house)
		heal         func(h *house)
	}{
		{
			"wrong secret", "correct secretKey", "",
			func(h *house) { h.store = strings.Replace(h.store, key, "notthis", 1) },
			func(h *house) { h.store = strings.Replace(h.store, "notthis", key, 1) },
		},
		{
			"no such bucket", "create the bucket", "/bucket",
			func(h *house) { h.endpoint = strings.Replace(h.cos.URL(), "/bucket", "/another", 1) },
			func(h *house) { h.endpoint = h.cos.URL() },
		},
		{
			"denied", "give the key", "",
			func(h *house) {
				h.cos.Inject(cosserver.Fault{Kind: cosserver.Denied, Op: "put"}, cosserver.Fault{Kind: cosserver.Denied, Op: "initiate"})
			},
			func(h *house) { h.cos.ClearFaults() },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			scenario(t)
			r := receive(t, random(4), 0)
			h := newHouse(t, cosserver.Options{PublicRead: true, Path: c.path}, "templates: {a: {mp4: {}}}\nrules: [{template: a}]\n"+
				fmt.Sprintf("callbacks: [{url: %q, key: secret, events: [file, status, abnormal]}]\n", r.url))
			c.sick(h)
			h.open()
			h.remedy(r, c.remedy, func() { c.heal(h) })
		})
	}
}

func (h *house) remedy(r *receiver, remedy string, heal func()) {
	t := h.t
	t.Helper()
	feeds := []*feed{h.feed("live/small", 0, 0), h.feed("live/large", 1, 40<<10), h.feed("live/running", 2, 40<<10)}
	feeds[0].play(4*time.Second, 8)
	feeds[0].Offline("")
	feeds[1].play(8*time.Second, 8)
	feeds[1].Offline("")
	feeds[2].play(8*time.Second, 8)
	until(t, "two files to be parked", 30*time.Second, func() bool { return h.count(state.FileParked) == 2 })
	time.Sleep(2 * time.Second)
	if len(h.cos.Objects()) > 0 {
		t.Errorf("something was stored all the same")
	}
	ended, growing := h.lines("ERROR", "can't be stored", remedy), h.lines("growing file failed", remedy)
	if len(ended) != 2 || len(growing) != 2 || len(h.lines("ERROR")) != 2 {
		t.Errorf("the log should say it once for each of two files that ended, and once for each of two that grew:\n%s",
			strings.Join(append(h.lines("ERROR"), h.lines("WARN")...), "\n"))
	}
	until(t, "events that tell of it", 20*time.Second, func() bool {
		return strings.Contains(r.text(341), remedy) && strings.Contains(r.text(332), "record_error")
	})
	h.cos.ClearLog()
	healed := time.Now()
	heal()
	h.write()
	h.untilStoredOf(2, 20*time.Second)
	took := time.Since(healed)
	feeds[2].play(2*time.Second, 8)
	feeds[2].Offline("")
	h.untilStored(3, 30*time.Second)
	pictures := 0
	for i, f := range h.files() {
		pictures += checkPictures(t, f.Object, feeds[i], h.place(f))
	}
	t.Logf("%d error lines, e.g. %s", len(ended), ended[0])
	t.Logf("2 files stored %.1f s after the correction, then the third; %d pictures, none missing", took.Seconds(), pictures)
}
