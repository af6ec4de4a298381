package recording

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// A path that pulls from another server is recorded like a push; one that pulls
// on demand while somebody watches.
func TestStaticSource(t *testing.T) {
	t.Parallel()
	origin := lab.Start(t, lab.Options{Off: true})
	src := lab.H264AAC.Long(12).Make(t)
	m := lab.Samples(t, src)
	s := lab.Start(t, lab.Options{Recording: everything, Paths: fmt.Sprintf(`  pull/always: {source: "%s", rtspTransport: tcp}
  pull/demand: {source: "%s", rtspTransport: tcp, sourceOnDemand: yes, sourceOnDemandCloseAfter: 1s}
`, origin.RTSP("origin/a"), origin.RTSP("origin/a"))})
	if len(s.Log("[recorder] recording ")) > 0 {
		t.Error("something is recorded before anything is pulled")
	}
	c := origin.DialRTSP(t, m, "", "origin/a")
	done := make(chan error, 1)
	go func() {
		err := c.Play(m.Samples, 1)
		c.Close()
		done <- err
	}()
	s.WaitLog(t, "[path pull/always] stream is available")
	watch := filepath.Join(t.TempDir(), "watched.mkv")
	lab.RunFFmpeg(t, "-rtsp_transport", "tcp", "-i", s.RTSP("pull/demand"), "-t", "2", "-c", "copy", watch).Wait(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// The pull begins in the middle: what comes from the first key frame on must
	// be there without gap.
	tol := lab.Tolerance{Head: 300, SoundHead: 600, Tail: 5, SoundTail: 10, Time: lab.Whole.Time}
	checkFormats(t, s, "pull/always", src, lab.H264AAC, tol)
	tol.Tail, tol.SoundTail = 300, 600
	checkFormats(t, s, "pull/demand", src, lab.H264AAC, tol)
	if mp4 := s.WaitStream(t, "pull/demand", ".mp4", 1)[0]; lab.Probe(t, mp4).Seconds() > 11 {
		t.Errorf("%s is as long as what was not watched", mp4)
	}
}

// A publisher that takes over a path begins a recording of its own; the first
// one's is whole up to there.
func TestOverridePublisher(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: everything})
	src := lab.H264AAC.Make(t)
	m := lab.Samples(t, src)
	first := s.Publish(t, src, s.RTMP("over/a"))
	s.WaitLog(t, "[recorder] recording ", "path=over/a", "format=mp4")
	time.Sleep(2 * time.Second)
	c := s.DialRTSP(t, m, "", "over/a")
	if err := c.Play(m.Samples, 1); err != nil {
		t.Fatal(err)
	}
	c.Close()
	first.End()
	files := s.WaitStream(t, "over/a", ".mp4", 2)
	for i, tail := range []int{140, 0} {
		lab.Silent(t, files[i])
		lab.SameMedia(t, src, lab.Tolerance{Tail: tail, SoundTail: tail * 2, Time: lab.Whole.Time}, files[i])
	}
	for _, list := range s.WaitStream(t, "over/a", "_eof.m3u8", 2) {
		checkPlaylist(t, list)
		lab.Silent(t, list)
	}
}

// Paths that a regular expression admits are recorded under their own names.
func TestRegexPath(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Paths: "  \"~^room/\\\\d+$\":\n"})
	m := lab.Samples(t, lab.Light.Long(2).Make(t))
	for _, path := range []string{"room/17", "room/x"} {
		err := playRTSP(s, m, "", path)
		if refused := err != nil; refused != (path == "room/x") {
			t.Errorf("%s: %v", path, err)
		}
	}
	s.WaitStream(t, "room/17", ".mp4", 1)
	s.WaitFiles(t, 1)
}

// The filler of an alwaysAvailable path is not recorded: two pushes are two
// recordings that hold what was pushed.
func TestAlwaysAvailable(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: everything, Paths: `  always/a:
    alwaysAvailable: yes
    alwaysAvailableTracks: [{codec: H264}, {codec: MPEG4Audio, sampleRate: 44100, channelCount: 2}]
`})
	src := lab.H264AAC.Make(t)
	m := lab.Samples(t, src)
	for range 2 {
		time.Sleep(1500 * time.Millisecond) // filler
		if err := playRTSP(s, m, "", "always/a"); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1500 * time.Millisecond)
	for _, f := range s.WaitStream(t, "always/a", ".mp4", 2) {
		lab.Silent(t, f)
		lab.SameMedia(t, src, exact, f)
	}
	for _, list := range s.WaitStream(t, "always/a", "_eof.m3u8", 2) {
		checkPlaylist(t, list)
		lab.Silent(t, list)
		lab.SameMedia(t, src, lab.Whole, list)
	}
}

// RTSPS and RTMPS.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{TLS: true})
	src := lab.H264AAC.Make(t)
	t.Run("rtsps", func(t *testing.T) {
		t.Parallel()
		s.Publish(t, src, s.RTSPS("tls/rtsps")).Wait(t)
		f := s.WaitStream(t, "tls/rtsps", ".mp4", 1)[0]
		lab.Silent(t, f)
		lab.SameMedia(t, src, ffmpegRTSP, f)
	})
	t.Run("rtmps", func(t *testing.T) {
		t.Parallel()
		s.Publish(t, src, s.RTMPS("tls/rtmps")).Wait(t)
		f := s.WaitStream(t, "tls/rtmps", ".mp4", 1)[0]
		lab.Silent(t, f)
		lab.SameMedia(t, src, lab.Whole, f)
	})
}

// What MediaMTX delivers to its own recorder is in our recording too, over the
// protocols that lose packets on their way: SRT and WHIP. The operator is told
// that both recorders run.
func TestAgainstHost(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Paths: `  all_others:
    record: yes
    recordPath: ./host/%path/%Y-%m-%d_%H-%M-%S-%f
    recordFormat: fmp4
    recordPartDuration: 100ms
    recordSegmentDuration: 1h
`})
	compare := func(t *testing.T, path string) {
		t.Helper()
		ours := s.WaitStream(t, path, ".mp4", 1)[0]
		lab.Silent(t, ours)
		theirs, err := filepath.Glob(filepath.Join(s.Dir, "host", path, "*.mp4"))
		if err != nil || len(theirs) != 1 {
			t.Fatalf("MediaMTX recorded %v (%v)", theirs, err)
		}
		// Its recorder throws away what waits when a publication ends.
		lab.SameMedia(t, ours, lab.Tolerance{SoundHead: 30, Tail: 20, SoundTail: 40, Ragged: true, Time: lab.Whole.Time}, theirs[0])
		s.WaitLog(t, "MediaMTX's own recorder is on", "path="+path)
	}
	t.Run("srt", func(t *testing.T) {
		t.Parallel()
		s.Publish(t, lab.BFrames.Make(t), s.SRT("both/srt")).Wait(t)
		compare(t, "both/srt")
	})
	t.Run("whip", func(t *testing.T) {
		t.Parallel()
		m := lab.Samples(t, lab.H264Opus.Make(t))
		c := s.DialWHIP(t, m, "", "both/whip", "")
		if err := c.Play(m.Samples); err != nil {
			t.Fatal(err)
		}
		c.Close()
		compare(t, "both/whip")
	})
}

// Pieces appear while the push runs, at most one piece late, and the growing
// playlist keeps RFC 8216 at any time.
func TestPieces(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: `templates: {all: {hls: {segment: 2s}}}
rules: [{template: all}]
`})
	src := lab.H264AAC.Long(14).Make(t)
	push := s.Publish(t, src, s.RTMP("pieces/a"))
	s.WaitLog(t, "[recorder] recording ", "path=pieces/a")
	var before string
	versions := 0
	for push.Running() {
		time.Sleep(100 * time.Millisecond)
		list := growing(t, s)
		if list == "" {
			continue
		}
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		if string(text) == before {
			continue
		}
		versions++
		checkGrowing(t, list, before, string(text))
		before = string(text)
	}
	push.Wait(t)
	// 14 s are 7 pieces of 2 s; all but the one that was being written, and one
	// that was on its way, were listed before the end.
	if n := strings.Count(before, "#EXTINF"); n < 5 || versions < 5 {
		t.Errorf("%d pieces in %d versions were listed before the end:\n%s", n, versions, before)
	}
	list := s.WaitStream(t, "pieces/a", "_eof.m3u8", 1)[0]
	checkPlaylist(t, list)
	lab.Silent(t, list)
	lab.SameMedia(t, src, lab.Whole, list)
}

// growing is the playlist that grows, "" if there is none.
func growing(t *testing.T, s *lab.Server) string {
	t.Helper()
	for _, f := range s.Files(t) {
		if strings.HasSuffix(f, ".m3u8") && !strings.HasSuffix(f, "_eof.m3u8") {
			return s.Path(f)
		}
	}
	return ""
}
