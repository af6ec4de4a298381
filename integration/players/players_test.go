package players

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// formats are what the tests record.
const formats = `templates:
  auto: {mp4: {}, flv: {}, hls: {segment: 2s}}
  fmp4: {hls: {segment: 2s, container: fmp4}}
  splice: {mp4: {splice: 60s}, flv: {splice: 60s}, hls: {segment: 2s, splice: 60s}}
  splice-fmp4: {hls: {segment: 2s, splice: 60s, container: fmp4}}
rules:
  - {template: auto}
  - {app: fmp4, template: fmp4}
  - {app: splice, template: splice}
  - {app: splice-fmp4, template: splice-fmp4}
`

// ended makes the chains of spliced recordings end at the next publication.
const ended = `templates: {nothing: {}}
rules: [{template: nothing}]
`

// push is one publication of a recording.
type push struct {
	clip clip
	cut  bool // the publisher is killed before its end
	live bool // goes on as long as a browser needs it
	rtsp bool // else RTMP
}

// recording is what a test publishes to one path.
type recording struct {
	path   string
	pushes []push
}

// long is more than a test needs.
const long = 90

// joins are four publications: the second one follows a lost connection, the
// third one has larger pictures, the fourth one those of before.
func joins(live bool) []push {
	first := push{clip: clip{first: 3000, seconds: 5}, cut: true}
	if live {
		first = push{clip: clip{first: 1, seconds: long}, live: true, cut: true}
	}
	return []push{
		first,
		{clip: clip{first: 4000, seconds: 4}},
		{clip: clip{first: 5000, seconds: 5, size: "640x360"}, cut: true},
		{clip: clip{first: 6000, seconds: 4}},
	}
}

var recordings = []recording{
	{"live/ts", []push{{clip: clip{first: 9000, seconds: long, bframes: 2}, live: true}}},
	{"fmp4/aac", []push{{clip: clip{first: 9000, seconds: long}, live: true}}},
	{"live/opus", []push{{clip: clip{first: 7000, seconds: 12, audio: opus}, rtsp: true}}},
	{"splice/ts", joins(true)},
	{"splice-fmp4/aac", joins(false)},
}

// live tells whether the recording is played while it grows.
func (r recording) live() bool { return r.pushes[0].live }

// spliced tells whether the recording would wait for another publication.
func (r recording) spliced() bool { return strings.HasPrefix(r.path, "splice") }

// publish sends all publications of a recording, one after the other.
func (r recording) publish(t *testing.T, s *lab.Server) (live *session) {
	for _, p := range r.pushes {
		address := s.RTMP(r.path)
		if p.rtsp {
			address = s.RTSP(r.path)
		}
		mark := s.Mark()
		running := s.Publish(t, p.clip.make(t), address)
		switch {
		case p.live:
			site := newSite(t, s.Recordings())
			live = site.start(t, job{Player: "hls", Src: growing(t, s, r.path), Steps: liveSteps})
			site.waitSteps(len(liveSteps) - 1)
		case p.cut:
			s.WaitLogAfter(t, mark, "is publishing to path '"+r.path+"'")
			time.Sleep(time.Duration(p.clip.seconds-2) * time.Second)
		default:
			running.Wait(t)
		}
		if p.cut {
			running.Cut()
		} else {
			running.Quit(t)
		}
	}
	return live
}

// files is how many MP4 or FLV files there are: pictures of another size begin
// a new one.
func (r recording) files() int {
	n := 1
	for i, p := range r.pushes {
		if i > 0 && p.clip.size != r.pushes[i-1].clip.size {
			n++
		}
	}
	return n
}

func (r recording) firsts() (numbers []int) {
	for _, p := range r.pushes {
		numbers = append(numbers, p.clip.first)
	}
	return numbers
}

// Players play recordings, the growing and the finished ones, and show the
// right picture at each time.
func TestPlayers(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Release: *server, Recording: formats})
	live := make([]*session, len(recordings))
	publishAll(t, s, live)
	for i, r := range recordings {
		t.Run(r.path, func(t *testing.T) { r.check(t, s, live[i]) })
	}
}

// check shows the files of a finished recording to all players.
func (r recording) check(t *testing.T, s *lab.Server, live *session) {
	t.Parallel()
	list := s.WaitStream(t, r.path, "_eof.m3u8", 1)[0]
	l := playlistTimeline(t, list, r.firsts()...)
	browser := newSite(t, s.Recordings()).start(t, job{Player: "hls", Src: below(t, s, list), Steps: l.steps()})
	parse(t, list, l)
	checkNumbers(t, "GStreamer, HLS", gstreamer(t, newSite(t, s.Recordings()).address(below(t, s, list))), r.pushes)
	if !strings.Contains(r.path, "fmp4") {
		defer r.checkFiles(t, s, ".mp4")()
		if r.pushes[0].clip.audio == opus { // GStreamer 1.22 does not know Enhanced RTMP
			defer playFile(t, s, s.WaitStream(t, r.path, ".flv", 1)[0], l)()
		} else {
			defer r.checkFiles(t, s, ".flv")()
		}
	}
	checkReport(t, l.steps(), browser.wait(t), l)
	if r.live() {
		checkLive(t, live.wait(t), l)
	}
}

// checkFiles shows MP4 or FLV files to GStreamer, and the first one to a
// browser, which wait waits for.
func (r recording) checkFiles(t *testing.T, s *lab.Server, ext string) (wait func()) {
	t.Helper()
	files := s.WaitStream(t, r.path, ext, r.files())
	var numbers []int
	for i, f := range files {
		n := gstreamer(t, "file://"+f)
		numbers = append(numbers, n...)
		if i == 0 {
			wait = playFile(t, s, f, fileTimeline(n))
		}
	}
	checkNumbers(t, "GStreamer, "+ext, numbers, r.pushes)
	return wait
}

// playFile plays an MP4 or FLV file in a browser.
func playFile(t *testing.T, s *lab.Server, file string, l timeline) (wait func()) {
	t.Helper()
	site, j := newSite(t, s.Recordings()), job{Player: "file", Src: below(t, s, file), Steps: seekSteps(l)}
	flv := strings.HasSuffix(file, ".flv")
	if flv { // slowly, so that the player must use the index
		site.throttle.Store(int64(1.5 * float64(size(t, file)) / l.duration()))
		j.Player, j.Steps = "flv", flvSteps(l)
	}
	browser := site.start(t, j)
	return func() {
		checkReport(t, j.Steps, browser.wait(t), l)
		if flv {
			checkRanges(t, file, site.ranges)
		}
	}
}

// publishAll sends all recordings at once and waits until all are finished.
func publishAll(t *testing.T, s *lab.Server, live []*session) {
	t.Helper()
	nodeModules(t)
	for _, r := range recordings {
		for _, p := range r.pushes {
			p.clip.make(t)
		}
	}
	var wg sync.WaitGroup
	for i, r := range recordings {
		wg.Go(func() { live[i] = r.publish(t, s) })
	}
	wg.Wait()
	s.SetRecording(t, ended)
	s.WaitLog(t, "the configuration was reloaded")
	var last []*lab.Push
	for _, r := range recordings {
		if r.spliced() {
			last = append(last, s.Publish(t, clip{first: 1, seconds: 3}.make(t), s.RTMP(r.path)))
		}
	}
	for _, p := range last {
		p.Wait(t)
	}
}

// growing waits for the playlist of a recording that has two pieces.
func growing(t *testing.T, s *lab.Server, path string) (name string) {
	t.Helper()
	lab.Eventually(t, "the playlist of "+path, func() bool {
		for _, f := range s.Files(t) {
			if strings.Contains(f, "/"+path+"/") && strings.HasSuffix(f, ".m3u8") {
				name = f
			}
		}
		return name != ""
	})
	return name
}
