package splice

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// The server is stopped or killed, during the push and during the window, and
// started again; then the encoder returns. It is one recording all the same.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"SIGTERM", "SIGKILL"} {
		for _, when := range []string{"push", "window"} {
			t.Run(end+" during the "+when, func(t *testing.T) {
				t.Parallel()
				restart(t, end == "SIGKILL", when == "window")
			})
		}
	}
}

func restart(t *testing.T, kill, window bool) {
	src := newSource(t, lab.BFrames.Long(24))
	s := newScene(t, everything(15*time.Second))
	v, f := s.watch(t), s.follow(t)
	pubs := []sent{src.sends(t, 0), src.sends(t, 12)}
	p := s.push(t, rtmp, src.file, 0)
	time.Sleep(5 * time.Second)
	if window {
		p.Cut()
		s.WaitLog(t, "the publication ended, the recording waits")
		time.Sleep(time.Second)
	}
	if kill {
		s.Kill(t)
	} else {
		s.Stop(t)
	}
	p.Cut()
	before := v.delivered(t, src)
	s.Run(t)
	time.Sleep(500 * time.Millisecond)
	p = s.push(t, rtmp, src.file, 12)
	time.Sleep(3 * time.Second)
	p.Cut()
	s.WaitLog(t, "the recording has ended")
	v.close()
	s.events.oneChain(t, 1, "mp4", "flv", "hls", "aac")
	s.ended(t)
	if n := s.recordings(t); n != 1 {
		t.Errorf("%d recordings", n)
	}
	if kill && !window {
		s.lastSecond(t, src, pubs, before)
	} else {
		s.checkAll(t, src, pubs, v)
	}
	f.check(t)
	src.checkPlaylist(t, s.one(t, "_eof.m3u8"), nil)
}

// lastSecond checks the files after a crash during the push, which may cost the
// last second.
func (s *scene) lastSecond(t *testing.T, src *source, pubs []sent, delivered []int) {
	t.Helper()
	for _, ext := range []string{".mp4", ".flv", "_eof.m3u8"} {
		file := s.one(t, ext)
		lab.Silent(t, file)
		pictures, _ := src.check(t, file, pubs, exact)
		if len(pictures) == 0 || len(delivered) == 0 {
			t.Errorf("%s: %v, delivered %v", ext, pictures, delivered)
			continue
		}
		lost := slices.Max(delivered) - pictures[0].last()
		t.Logf("%s: %d pictures that a viewer saw before the crash are missing", ext, lost)
		if lost > 25+ragged {
			t.Errorf("%s: %d pictures were lost, a second has 25", ext, lost)
		}
	}
	src.check(t, s.one(t, ".aac"), pubs, slack{time: -1})
}

// Without a window a stop of the server ends the recording like a publisher does.
func TestStopWithoutWindow(t *testing.T) {
	t.Parallel()
	src := newSource(t, lab.H264AAC)
	s := newScene(t, everything(0))
	p := s.push(t, rtmp, src.file, 0)
	time.Sleep(2 * time.Second)
	s.Stop(t)
	p.Cut()
	s.Run(t)
	s.events.oneChain(t, 0, "mp4", "flv", "hls", "aac")
	for _, f := range []string{"mp4", "hls"} {
		if slices.Contains(s.events.of(f), "paused") {
			t.Errorf("%s was told as %v", f, s.events.of(f))
		}
	}
}

// The window goes on while the server is down: if it has passed meanwhile, the
// next start finishes the recording.
func TestWindowPassesWhileDown(t *testing.T) {
	t.Parallel()
	src := newSource(t, lab.H264AAC)
	s := newScene(t, everything(3*time.Second))
	pubs := []sent{src.sends(t, 0)}
	p := s.push(t, rtmp, src.file, 0)
	time.Sleep(3 * time.Second)
	p.Cut()
	s.WaitLog(t, "the publication ended, the recording waits")
	s.Kill(t)
	time.Sleep(4 * time.Second)
	s.Run(t)
	s.events.oneChain(t, 0, "mp4", "flv", "hls", "aac")
	s.ended(t)
	s.checkAll(t, src, pubs, nil)
}

// A server that is killed again and again, also within the first piece of a
// publication, leaves one playlist of fMP4 pieces that plays.
func TestRepeatedCrash(t *testing.T) {
	t.Parallel()
	src := newSource(t, lab.BFrames.Long(48))
	s := newScene(t, strings.Replace(everything(15*time.Second), "segment: 2s", "segment: 4s, container: fmp4", 1))
	const crashes = 4
	var pubs []sent
	for i := range crashes + 1 {
		from := 9 * i
		pubs = append(pubs, src.sends(t, from))
		p := s.push(t, rtmp, src.file, from)
		time.Sleep(time.Duration(900+700*i) * time.Millisecond)
		if i < crashes {
			s.Kill(t)
			p.Cut()
			s.Run(t)
		}
		p.Cut()
	}
	s.ended(t)
	s.events.oneChain(t, crashes, "mp4", "flv", "hls", "aac")
	s.checkAll(t, src, pubs, nil)
	src.checkPlaylist(t, s.one(t, "_eof.m3u8"), nil)
	gstreamer(t, s.one(t, "_eof.m3u8"))
}
