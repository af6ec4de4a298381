package torture

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
)

// A recording of two hours at 4 Mb/s in one file: its parts arrive while it
// grows, the spool keeps its budget because they leave it, and at the end only
// the last ones are missing.
func TestLong(t *testing.T) {
	scenario(t)
	// The short run is slower: beside the other tests, with the race detector on,
	// the machine is not a link that keeps up with twenty times real time.
	length, speed := pick(100*time.Second, 2*time.Hour), pick(5.0, 20)
	budget := int64(pick(40, 200)) << 20
	h := newHouse(t, cosserver.Options{Dir: t.TempDir(), PublicRead: true}, "templates: {a: {mp4: {interval: 0s}}}\nrules: [{template: a}]\n")
	h.spool = "minFree: 1MB, maxSize: " + pick("40MB", "200MB")
	h.open()
	f := h.feed("live/long", 0, 19<<10)
	peak := int64(0)
	for f.played < length {
		f.play(5*time.Second, speed)
		peak = max(peak, occupied(t, h.file("spool")))
	}
	stopped := time.Now()
	f.Offline("")
	until(t, "Complete", 2*time.Minute, func() bool { return len(h.requests("complete")) > 0 })
	complete := h.requests("complete")[0]
	h.untilStored(1, time.Minute)
	stored := time.Since(stopped)
	parts := h.requests("part")
	longest, before, early := time.Duration(0), time.Time{}, 0
	for _, p := range parts {
		if p.Start.Before(stopped) {
			early++
			if !before.IsZero() {
				longest = max(longest, p.Start.Sub(before))
			}
			before = p.Start
		}
	}
	if late := len(parts) - early; late > 40 {
		t.Errorf("%d of %d parts were sent after the end", late, len(parts))
	}
	if peak > budget {
		t.Errorf("the spool held %d bytes, its budget is %d", peak, budget)
	}
	if sent := complete.Start.Sub(stopped); sent > time.Minute {
		t.Errorf("Complete was sent %s after the stop", sent)
	}
	x := h.files()[0]
	pictures := checkPictures(t, x.Object, f, h.place(x))
	if !strings.HasSuffix(x.Object, ".mp4") || len(h.cos.Objects()) != 1 || len(h.cos.OpenUploads()) != 0 {
		t.Errorf("%d objects, %d open uploads", len(h.cos.Objects()), len(h.cos.OpenUploads()))
	}
	t.Logf("%s of media, %d MB, %d pictures, none missing; %d parts, %d of them before the stop, at most %.1f s between two at %g times real time",
		length, x.Size>>20, pictures, len(parts), early, longest.Seconds(), speed)
	t.Logf("from the stop to Complete %d ms, to stored %d ms; the spool held at most %d MB of %d",
		complete.Start.Sub(stopped).Milliseconds(), stored.Milliseconds(), peak>>20, budget>>20)
}

func (h *house) requests(op string) (list []cosserver.Request) {
	for _, r := range h.cos.Log() {
		if r.Op == op {
			list = append(list, r)
		}
	}
	return list
}

// occupied is what the bodies in a spool take of the disk.
func occupied(t *testing.T, dir string) (sum int64) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.body"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if info, err := os.Stat(name); err == nil {
			sum += min(info.Size(), info.Sys().(*syscall.Stat_t).Blocks*512)
		}
	}
	return sum
}
