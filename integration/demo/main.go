// Command demo shows what happens to a recording when its publisher drops and
// comes back: make demo.
//
// It starts bin/mediamtx with a configuration of its own and a COS server for
// tests, publishes, drops the connection, publishes again, and prints the
// objects that came of it and how they were spliced. Everything stays below
// build/demo, so that the files can be looked at.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
)

const recording = `templates:
  demo:
    mp4: {splice: 6s}
    hls: {splice: 6s, segment: 2s, store: cos}
rules: [{template: demo}]
`

func main() {
	r := &runner{}
	defer r.end()
	r.dir = filepath.Join(lab.Root(r), "build", "demo")
	if err := os.RemoveAll(r.dir); err != nil {
		r.Fatalf("%v", err)
	}
	run(r)
}

func run(r *runner) {
	c := lab.StartCOS(r, cosserver.Options{})
	s := lab.Start(r, lab.Options{COS: c, Recording: recording, Dir: filepath.Join(r.dir, "server")})
	source := lab.H264AAC.Long(8).Make(r)
	r.say("The server runs. Streams are recorded as MP4 into a folder and as HLS into a COS bucket;")
	r.say("a publisher that drops has 6 seconds to come back.")

	r.say("\nffmpeg publishes rtmp://push.example.com/live/show …")
	tcURL := lab.TcURL("push.example.com", "live")
	push := s.Publish(r, source, s.RTMP("live/show"), tcURL...)
	s.WaitLog(r, "[recorder] recording ", "path=live/show")
	time.Sleep(3 * time.Second)
	r.say("… and its connection breaks.")
	mark := s.Mark()
	push.Cut()
	s.WaitLogAfter(r, mark, "the recording waits")
	time.Sleep(2 * time.Second)

	r.say("Two seconds later it is back, and publishes to the end.")
	s.Publish(r, source, s.RTMP("live/show"), tcURL...).Wait(r)
	r.say("Nobody comes back within 6 seconds, so the recording is finished.")
	s.WaitLog(r, "the recording has ended")
	files := s.WaitFiles(r, 1)
	lab.Eventually(r, "the finished playlist", func() bool { return finished(c) != "" })

	r.say("\nIn the folder %s:", relative(s.Recordings()))
	for _, f := range files {
		r.say("  %s\n      %s", f, describe(r, s.Path(f)))
	}
	show(r, c)
	r.say("\nTwo pushes, one recording: an MP4 on one continuous timeline, and a playlist in which")
	r.say("EXT-X-DISCONTINUITY marks the join. Look at them below %s.", relative(r.dir))
}

// relative is a path as seen from the working directory.
func relative(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil {
			return rel
		}
	}
	return path
}

// finished is the key of the finished playlist, "" if there is none.
func finished(c *cosserver.Server) string {
	for k := range c.Objects() {
		if strings.HasSuffix(k, "_eof.m3u8") {
			return k
		}
	}
	return ""
}

// describe says what ffprobe sees, and what ffmpeg has to complain of.
func describe(r *runner, file string) string {
	x := lab.Read(r, file)
	verdict := "ffmpeg decodes it without a complaint"
	if x.Messages != "" {
		verdict = "ffmpeg complains: " + x.Messages
	}
	return fmt.Sprintf("%s, %.1f s, %d pictures, %d packets of sound; %s",
		strings.Join(x.Info.Codecs(), " + "), x.Info.Seconds(), len(x.Pictures), len(x.Sound), verdict)
}

// show prints the bucket, and its finished playlist.
func show(r *runner, c *cosserver.Server) {
	r.say("\nIn the bucket %s:", cosserver.DefaultBucket)
	out := filepath.Join(r.dir, "bucket")
	for _, k := range lab.WaitObjects(r, c, len(c.Objects())) {
		r.say("  %8d  %s", c.Objects()[k].Size, k)
		path := filepath.Join(out, k)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.Fatalf("%v", err)
		}
		if err := os.Rename(lab.Download(r, c, k), path); err != nil {
			r.Fatalf("%v", err)
		}
	}
	list := filepath.Join(out, finished(c))
	text, err := os.ReadFile(list)
	if err != nil {
		r.Fatalf("%v", err)
	}
	r.say("\nThe finished playlist (%s):\n\n    %s", describe(r, list), strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    "))
}
