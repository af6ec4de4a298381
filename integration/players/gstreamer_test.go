//go:build players

package players

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const gstPackages = "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav"

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
	var messages bytes.Buffer
	err := launch(t, pipeline, &messages)
	for try := 1; errors.Is(err, context.DeadlineExceeded) && try < 3; try++ {
		t.Logf("GStreamer hung over %s, once more", address)
		messages.Reset()
		err = launch(t, pipeline, &messages)
	}
	if err != nil || messages.Len() > 0 {
		t.Fatalf("gst-launch-1.0 %s (needs %s): %v\n%.3000s", pipeline, gstPackages, err, messages.String())
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

// launch runs a pipeline, for a minute and a half at most: GStreamer's HLS source
// now and then waits for itself.
func launch(t *testing.T, pipeline string, messages *bytes.Buffer) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, need(t, "gst-launch-1.0", gstPackages), append([]string{"-q"}, strings.Fields(pipeline)...)...)
	cmd.Stdout, cmd.Stderr = messages, messages
	if err := cmd.Run(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return err
	}
	return nil
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
