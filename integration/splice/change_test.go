package splice

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// Another picture size, the same codec: one playlist, which plays through; the
// other formats go on in a new file.
func TestResolution(t *testing.T) {
	t.Parallel()
	const coder = "-c:v libx264 -preset ultrafast -threads 1 -pix_fmt yuv420p -sc_threshold 0 -g 25"
	small := newSource(t, lab.Kind{Video: coder, Audio: lab.H264AAC.Audio, Size: "1280x720", Seconds: 5})
	large := newSource(t, lab.Kind{Video: coder, Audio: lab.H264AAC.Audio, Size: "1920x1080", Seconds: 5})
	for _, container := range []string{"ts", "fmp4"} {
		t.Run(container, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, strings.Replace(everything(4*time.Second), "segment: 2s", "segment: 2s, container: "+container, 1))
			f := s.follow(t)
			var starts []time.Time
			for _, src := range []*source{small, large} {
				p := s.push(t, rtmp, src.file, 0)
				p.Wait(t)
				starts = append(starts, time.Now().Add(-5*time.Second))
			}
			s.ended(t)
			s.events.oneRecording(t)
			for _, ext := range []string{".mp4", ".flv"} {
				for i, file := range s.some(t, ext, 2) {
					lab.Silent(t, file)
					lab.SameMedia(t, []*source{small, large}[i].file, lab.Whole, file)
				}
			}
			lab.Silent(t, s.one(t, ".aac"))
			list := s.one(t, "_eof.m3u8")
			lab.Silent(t, list)
			f.check(t)
			s.checkPeriods(t, list, container, starts, small, large)
		})
	}
}

// checkPeriods checks the playlist of two periods with other parameters.
func (s *scene) checkPeriods(t *testing.T, list, container string, starts []time.Time, small, large *source) {
	t.Helper()
	all := both(small, large).checkPlaylist(t, list, starts)
	inits := map[string]bool{}
	height := 720
	for i := range all {
		if all[i].join {
			height = 1080
		}
		inits[all[i].init] = true
		alone := all[i].alone(t, list)
		lab.Silent(t, alone)
		for _, x := range lab.Probe(t, alone).Streams {
			if x.CodecType == "video" && x.Height != height {
				t.Errorf("piece %d is %d high, want %d", i, x.Height, height)
			}
		}
	}
	if n := map[string]int{"ts": 1, "fmp4": 2}[container]; len(inits) != n {
		t.Errorf("init sections %v", inits)
	}
	want := len(small.pictures) + len(large.pictures)
	if n := len(lab.Pictures(t, list)); n != want {
		t.Errorf("ffmpeg decodes %d pictures of the playlist, published were %d", n, want)
	}
	if m := gstreamerCount(t, list); m != want {
		t.Errorf("GStreamer decodes %d pictures of the playlist, published were %d", m, want)
	}
}

// both is a source that is one and then the other.
func both(a, b *source) *source {
	out := &source{file: a.file, places: map[string]int{}}
	for _, s := range []*source{a, b} {
		for _, f := range s.pictures {
			out.places[f.Hash] = len(out.pictures)
			out.pictures = append(out.pictures, f)
		}
		for i := range s.decoded {
			out.decoded = append(out.decoded, s.decoded[i]+len(out.decoded)-i)
		}
	}
	// a frame that does not follow from the one before
	for i := len(a.decoded); i < len(out.decoded); i++ {
		out.decoded[i]++
	}
	return out
}

// Another codec: two clean files of one recording, two clean playlists.
func TestCodec(t *testing.T) {
	t.Parallel()
	a, b := newSource(t, lab.H264AAC.Long(10)), newSource(t, lab.H265AAC)
	s := newScene(t, everything(8*time.Second))
	first := []sent{a.sends(t, 0)}
	p := s.push(t, srt, a.file, 0)
	time.Sleep(4 * time.Second)
	p.Cut()
	p = s.push(t, srt, b.file, 0)
	p.End()
	s.ended(t)
	s.events.oneRecording(t)
	for _, ext := range []string{".mp4", "_eof.m3u8"} {
		files := s.some(t, ext, 2)
		lab.Silent(t, files[0])
		lab.Silent(t, files[1])
		a.check(t, files[0], first, exact)
		lab.SameMedia(t, b.file, lab.Tolerance{Tail: 8, SoundTail: 30, Ragged: true, Time: lab.Whole.Time}, files[1])
	}
	s.some(t, ".flv", 2)
	lab.Silent(t, s.one(t, ".aac"))
	if n := len(a.runs(t, "aac", a.sound, lab.Sound(t, s.files(t, ".mp4")[0]), nil)); n != 1 {
		t.Errorf("%d runs", n)
	}
}

// The sound is missing at one return: that part is a file of its own. The
// playlist goes on.
func TestTrackLayout(t *testing.T) {
	t.Parallel()
	src := newSource(t, lab.H264AAC.Long(24))
	s := newScene(t, everything(6*time.Second))
	for i, args := range [][]string{nil, {"-an"}, nil} {
		p := s.push(t, rtmp, src.file, 8*i, args...)
		time.Sleep(3 * time.Second)
		p.Cut()
		time.Sleep(500 * time.Millisecond)
	}
	s.ended(t)
	s.events.oneRecording(t)
	for _, ext := range []string{".mp4", ".flv"} {
		for i, file := range s.some(t, ext, 3) {
			lab.Silent(t, file)
			if has := lab.Probe(t, file).Has("audio"); has != (i != 1) {
				t.Errorf("file %d has sound: %v", i, has)
			}
			pub := src.sends(t, 8*i)
			if i == 1 {
				pub.sound = -1
			}
			src.check(t, file, []sent{pub}, exact)
		}
	}
	list := s.one(t, "_eof.m3u8")
	lab.Silent(t, list)
	src.checkPlaylist(t, list, nil)
	for _, f := range s.files(t, ".aac") {
		lab.Silent(t, f)
	}
}

// AAC by RTSP and by RTMP: the AudioSpecificConfig differs in bytes, and means
// the same.
func TestSameMeaning(t *testing.T) {
	t.Parallel()
	src := newSource(t, lab.H264AAC.Long(24))
	media := lab.Samples(t, src.file)
	s := newScene(t, everything(8*time.Second))
	part := append(second(media, 0), second(media, 1)...)
	c := s.DialRTSP(t, media, "", path)
	if err := c.Play(part, 1); err != nil {
		t.Fatal(err)
	}
	c.Close()
	for i, to := range []func(*lab.Server, string) string{rtmp, rtsp} {
		p := s.push(t, to, src.file, 8+8*i)
		time.Sleep(3 * time.Second)
		p.Cut()
	}
	s.ended(t)
	s.events.oneChain(t, 2, "mp4", "flv", "hls", "aac")
	for _, ext := range []string{".mp4", ".flv", "_eof.m3u8"} {
		file := s.one(t, ext)
		lab.Silent(t, file)
		if runs := src.runs(t, ext, src.pictures, lab.Pictures(t, file), src.decoded); len(runs) != 3 {
			t.Errorf("%s has the runs %v", ext, runs)
		}
	}
	lab.Silent(t, s.one(t, ".aac"))
}

// A publisher that takes a path over from a living one is a join, too.
func TestTakeover(t *testing.T) {
	t.Parallel()
	// A busy machine takes seconds to begin a push, and the one before goes on for so long.
	const apart = 20
	src := newSource(t, lab.BFrames.Long(3*apart))
	s := newScene(t, everything(5*time.Second))
	var pubs []sent
	var all []*lab.Push
	for i, to := range []func(*lab.Server, string) string{rtmp, srt, rtmp} {
		pubs = append(pubs, src.sends(t, apart*i))
		all = append(all, s.push(t, to, src.file, apart*i))
		time.Sleep(3 * time.Second)
	}
	for _, p := range all {
		p.Cut()
	}
	s.ended(t)
	s.events.oneChain(t, 2, "mp4", "flv", "hls", "aac")
	s.checkAll(t, src, pubs, nil)
	src.overlaps = true // the new one's first seconds were captured while the old one still sent
	src.checkPlaylist(t, s.one(t, "_eof.m3u8"), nil)
}

// Another claimed domain, or another template, ends the chain at the return.
func TestChainEnds(t *testing.T) {
	t.Parallel()
	src := newSource(t, lab.H264AAC.Long(24))
	t.Run("domain", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, everything(6*time.Second))
		p := s.push(t, rtmp, src.file, 0, lab.TcURL("one.example.com", "live")...)
		time.Sleep(2 * time.Second)
		p.Cut()
		p = s.push(t, rtmp, src.file, 8, lab.TcURL("two.example.com", "live")...)
		s.WaitLog(t, "the recording has ended")
		time.Sleep(2 * time.Second)
		p.Cut()
		s.twoRecordings(t, src)
	})
	t.Run("template", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, everything(6*time.Second))
		p := s.push(t, rtmp, src.file, 0)
		time.Sleep(2 * time.Second)
		p.Cut()
		s.WaitLog(t, "the publication ended, the recording waits")
		s.setRecording(t, everything(2*time.Second))
		p = s.push(t, rtmp, src.file, 8)
		s.WaitLog(t, "the recording has ended")
		time.Sleep(2 * time.Second)
		p.Cut()
		s.twoRecordings(t, src)
	})
}

// twoRecordings stops the server, so that the second recording need not wait
// for its window, and checks that both are whole, each with its own key.
func (s *scene) twoRecordings(t *testing.T, src *source) {
	t.Helper()
	lab.Eventually(t, "both recordings to wait or end", func() bool { return s.recordings(t) >= 1 && len(s.files(t, ".mp4")) >= 1 })
	s.events.wait(t, "mp4", "file", 1)
	if n := len(s.Log("the publisher is back")); n != 0 {
		t.Errorf("the recording went on %d times", n)
	}
	lab.Eventually(t, "the second recording", func() bool { return len(s.files(t, ".mp4")) == 2 })
	files := s.files(t, ".mp4")
	if filepath.Dir(files[0]) == filepath.Dir(files[1]) {
		t.Errorf("both files are of one recording: %v", files)
	}
	for _, f := range files {
		lab.Silent(t, f)
		if runs := src.runs(t, f, src.pictures, lab.Pictures(t, f), src.decoded); len(runs) != 1 {
			t.Errorf("%s has the runs %v", f, runs)
		}
	}
}
