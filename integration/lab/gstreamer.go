package lab

import (
	"bytes"
	"context"
	"os/exec"
	"time"
)

// GStreamer runs a pipeline of gst-launch to its end. Whatever it prints fails
// the test and makes it return false.
//
// GStreamer 1.22 now and then waits for itself for ever while a pipeline starts:
// one time in 600 on a busy machine, with files of ffmpeg as with ours. So a hang
// is tried again, twice.
func GStreamer(t T, pipeline ...string) bool {
	t.Helper()
	if _, err := exec.LookPath("gst-launch-1.0"); err != nil {
		t.Fatalf("gst-launch-1.0 is missing: apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base " +
			"gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav, or make deps")
	}
	for try := 1; ; try++ {
		messages, hung, err := gstLaunch(pipeline)
		if hung && try < 3 {
			t.Logf("GStreamer hung, once more: %v", pipeline)
			continue
		}
		if err != nil || len(messages) > 0 {
			t.Errorf("gst-launch-1.0 %v: %v\n%.3000s", pipeline, err, messages)
			return false
		}
		return true
	}
}

func gstLaunch(pipeline []string) (messages []byte, hung bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "gst-launch-1.0", append([]string{"-q"}, pipeline...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.Bytes(), ctx.Err() != nil, err
}
