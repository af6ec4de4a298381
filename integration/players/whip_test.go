package players

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// A browser publishes its camera by WHIP. What is recorded is what an RTSP
// reader of the same path got, and plays.
func TestWHIPFromChromium(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Release: *server, Recording: `templates: {all: {mp4: {}, hls: {segment: 2s}, flv: {}, aac: {}}}
rules: [{template: all}]
`})
	for _, codec := range []string{"H264", "AV1"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			path := "camera/" + strings.ToLower(codec)
			site := newSite(t, s.Recordings())
			stop := camera(t, site, s.WHIP(path)+"?domain=cameras.example.com", "video/"+codec)
			s.WaitLog(t, "[path "+path+"] stream is available")
			r := readRTSP(t, s.RTSP(path))
			var report struct {
				Failure string
				Sent    int
			}
			if err := json.Unmarshal(site.report(t), &report); err != nil || report.Failure != "" || report.Sent == 0 {
				t.Fatalf("%+v, %v", report, err)
			}
			stop()
			mp4 := s.WaitStream(t, path, ".mp4", 1)[0]
			if !strings.Contains(mp4, "/cameras.example.com/"+path+"/") {
				t.Errorf("key %s", mp4)
			}
			flv := s.WaitStream(t, path, ".flv", 1)[0]
			s.WaitStream(t, path, ".aac", 0)
			list := s.WaitStream(t, path, "_eof.m3u8", 1)[0]
			checkCamera(t, mp4, r, report.Sent)
			lab.Silent(t, list)
			parse(t, list, playlistTimeline(t, list, 0))
			for _, play := range []func(){playCamera(t, s, list, "hls"), playCamera(t, s, mp4, "file"), playCamera(t, s, flv, "flv")} {
				play()
			}
		})
	}
}

// camera publishes by WHIP for some seconds.
func camera(t *testing.T, s *site, whip, codec string) (stop func()) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"whip": whip, "codec": codec, "seconds": 6})
	if err != nil {
		t.Fatal(err)
	}
	return chromium(t, s.URL+"/page/whip.html#"+url.PathEscape(string(text)), "--use-fake-device-for-media-stream",
		"--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection")
}

// checkCamera checks a file of a camera: it decodes, and holds what the reader
// got. Of the pictures that the browser sent few may be missing, before the
// first key frame.
func checkCamera(t *testing.T, mp4 string, r *reader, sent int) {
	t.Helper()
	lab.Silent(t, mp4)
	if n := len(lab.Pictures(t, mp4)); n > sent+5 || n < sent-15 {
		t.Errorf("%s has %d pictures, the browser sent %d", mp4, n, sent)
	}
	pictures, sound := r.stop()
	if pictures != nil { // H.264
		within(t, filepath.Base(mp4)+", pictures", pictures, coded(t, mp4))
	}
	var packets []string
	for _, f := range lab.Sound(t, mp4) {
		packets = append(packets, f.Hash)
	}
	within(t, filepath.Base(mp4)+", sound", sound, packets)
}

// within checks that what the reader got stands in the file, without gap, and
// that little comes behind it: the reader came late, and its connection ends
// with the publication.
func within(t *testing.T, what string, read, recorded []string) {
	t.Helper()
	if len(read) < 20 {
		t.Errorf("%s: the reader got %d", what, len(read))
		return
	}
	for at := range recorded { // silence has many packets that are the same
		if at+len(read) <= len(recorded) && slices.Equal(read, recorded[at:at+len(read)]) {
			if rest := len(recorded) - at - len(read); rest > 20 {
				t.Errorf("%s: %d are recorded behind the last that the reader got", what, rest)
			}
			return
		}
	}
	t.Errorf("%s: the %d that the reader got are not among the %d recorded", what, len(read), len(recorded))
}

// playCamera plays a file whose pictures have no number; wait waits for its end.
func playCamera(t *testing.T, s *lab.Server, file, player string) (wait func()) {
	t.Helper()
	steps := []step{{Do: "play", For: 0.5}, {Do: "seek", To: 3.5, For: 0.5}, {Do: "seek", To: 0.5, For: 0.5}, {Do: "seek", To: -2}, {Do: "end"}} // not nearer: sound and pictures of a busy camera end apart
	site := newSite(t, s.Recordings())
	if player == "flv" { // loaded at once, mpegts.js asks for what is behind the end
		site.throttle.Store(size(t, file) / 4)
	}
	if player == "flv" && strings.Contains(file, "/av1/") {
		steps = []step{{Do: "play", For: 2}, {Do: "end"}} // mpegts.js 1.8 shows AV1 only from the key frame after a seek on
	}
	browser := site.start(t, job{Player: player, Src: below(t, s, file), Steps: steps})
	return func() {
		r := browser.wait(t)
		for i, st := range r.Steps {
			if steps[i].For > 0 && (len(st.Seen) == 0 || st.Decoded == 0 || st.Corrupted > 0 || st.To < steps[i].To+steps[i].For) {
				t.Errorf("%s: %v: %+v", player, steps[i], st)
			}
		}
		if !r.Steps[len(steps)-1].Ended {
			t.Errorf("%s: did not come to the end", player)
		}
	}
}
