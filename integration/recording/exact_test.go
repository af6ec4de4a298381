package recording

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// exact: times over RTSP are those of the tracks' clocks.
var exact = lab.Tolerance{Time: 0.00005}

// A publisher that sends each sample, over RTSP: nothing is missing, and times
// are exact. FLV counts milliseconds.
func TestRTSPExact(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: everything})
	for name, kind := range map[string]lab.Kind{"h264-aac": lab.H264AAC, "b-frames": lab.BFrames, "opus": lab.OpusOnly} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := kind.Make(t)
			m := lab.Samples(t, src)
			c := s.DialRTSP(t, m, "push.example.com", "exact/"+name)
			if err := c.Play(m.Samples, 1); err != nil {
				t.Fatal(err)
			}
			c.Close()
			mp4 := s.WaitStream(t, "exact/"+name, ".mp4", 1)[0]
			if !strings.Contains(mp4, "/push.example.com/exact/"+name+"/") {
				t.Errorf("key %s", mp4)
			}
			lab.Silent(t, mp4)
			lab.SameMedia(t, src, exact, mp4)
			checkFormats(t, s, "exact/"+name, src, kind, lab.Whole)
		})
	}
}

// WHIP, by a publisher that sends each sample.
func TestWHIP(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: everything})
	kind := lab.H264Opus
	src := kind.Make(t)
	m := lab.Samples(t, src)
	c := s.DialWHIP(t, m, "push.example.com", "whip/a", "")
	if err := c.Play(m.Samples); err != nil {
		t.Fatal(err)
	}
	c.Close()
	checkFormats(t, s, "whip/a", src, kind, lab.Tolerance{SoundHead: 5, Time: lab.Whole.Time})
	if mp4 := s.WaitStream(t, "whip/a", ".mp4", 1)[0]; !strings.Contains(mp4, "/push.example.com/whip/a/") {
		t.Errorf("key %s", mp4)
	}
}

// A push of two seconds is a playable file.
func TestTwoSeconds(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{})
	src := lab.H264AAC.Long(2).Make(t)
	t.Run("rtmp", func(t *testing.T) {
		t.Parallel()
		s.Publish(t, src, s.RTMP("two/rtmp")).Wait(t)
		file := s.WaitStream(t, "two/rtmp", ".mp4", 1)[0]
		lab.Silent(t, file)
		lab.SameMedia(t, src, lab.Whole, file)
	})
	t.Run("rtsp", func(t *testing.T) {
		t.Parallel()
		m := lab.Samples(t, src)
		c := s.DialRTSP(t, m, "", "two/rtsp")
		if err := c.Play(m.Samples, 1); err != nil {
			t.Fatal(err)
		}
		c.Close()
		file := s.WaitStream(t, "two/rtsp", ".mp4", 1)[0]
		lab.Silent(t, file)
		lab.SameMedia(t, src, exact, file)
	})
}

// Fifty pushes at once are fifty whole files.
func TestFifty(t *testing.T) {
	t.Parallel()
	const n = 50
	s := lab.Start(t, lab.Options{})
	src := lab.Light.Make(t)
	m := lab.Samples(t, src)
	var clients []*lab.RTSPClient
	for i := range n {
		clients = append(clients, s.DialRTSP(t, m, "", fmt.Sprintf("fifty/%d", i)))
	}
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			if err := c.Play(m.Samples, 1); err != nil {
				t.Errorf("publisher %d: %v", i, err)
			}
			c.Close()
		})
	}
	wg.Wait()
	files := s.Paths(s.WaitFiles(t, n))
	// The first is compared with the source, the others with the first: their
	// packets are the same, so their pictures are.
	lab.Silent(t, files[0])
	lab.SameMedia(t, src, exact, files[0])
	want := lab.Packets(t, files[0])
	for _, f := range files[1:] {
		if got := lab.Packets(t, f); got != want {
			t.Errorf("%s differs from %s:\n%s\n%s", f, files[0], got, want)
		}
	}
}
