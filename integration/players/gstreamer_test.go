package players

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// gstreamer plays what is at an address and returns the numbers of the pictures.
func gstreamer(t *testing.T, address string) (numbers []int) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "pictures")
	// No queue at d: the branches must be told apart by their caps. The queues
	// have no limit: a full one while the other sink has nothing yet stops both.
	const queue = "queue max-size-bytes=0 max-size-time=0 max-size-buffers=0"
	pipeline := "uridecodebin uri=" + address + " name=d " +
		"d. ! videoconvert ! video/x-raw,format=GRAY8 ! videoscale method=nearest-neighbour ! video/x-raw,width=16,height=9 ! " +
		queue + " ! filesink location=" + out + " " +
		"d. ! audioconvert ! " + queue + " ! fakesink sync=false"
	if !lab.GStreamer(t, strings.Fields(pipeline)...) {
		return nil
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	const size = 16 * 9
	for ; len(raw) >= size; raw = raw[size:] {
		numbers = append(numbers, barNumber(raw[4*16:5*16]))
	}
	return numbers
}

// barNumber reads the number from a row of 16 bars, -1 if it is none.
func barNumber(row []byte) (n int) {
	for i, y := range row {
		if y > 127 {
			n |= 1 << i
		}
	}
	if n>>14 != 2 {
		return -1
	}
	return n & 0x3fff
}

// checkNumbers checks that all pictures of all publications were shown, in
// order: of one that was let go to its end all, else as many as were recorded.
func checkNumbers(t *testing.T, what string, numbers []int, pubs []push) {
	t.Helper()
	at := 0
	for _, p := range pubs {
		n := 0
		for at < len(numbers) && numbers[at] == p.clip.first+n {
			at, n = at+1, n+1
		}
		want := p.clip.seconds * rate
		if n == 0 || n > want || n < want && !p.cut && !p.live {
			t.Errorf("%s: %d pictures of the %d that begin with number %d; the next are %v",
				what, n, want, p.clip.first, numbers[at:min(at+5, len(numbers))])
			return
		}
		// A publisher that quits sends in decoding order: a picture may be there
		// without the B-frames before it.
		if p.live && at < len(numbers) && numbers[at]-p.clip.first-n <= p.clip.bframes {
			at++
		}
	}
	if at < len(numbers) {
		t.Errorf("%s: %d pictures too much: %v …", what, len(numbers)-at, numbers[at:min(at+5, len(numbers))])
	}
}
