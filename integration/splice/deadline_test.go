package splice

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
)

// Files are complete soon after the window has passed; without one at once. The
// times are printed. They are judged widely: the machine may be busy.
func TestComplete(t *testing.T) {
	t.Parallel()
	for _, window := range []time.Duration{0, 2 * time.Second} {
		t.Run(window.String(), func(t *testing.T) {
			t.Parallel()
			src := newSource(t, lab.H264AAC)
			s := newScene(t, everything(window))
			p := s.push(t, rtmp, src.file, 0)
			time.Sleep(3 * time.Second)
			p.Cut()
			deadline := s.WaitLog(t, "[RTMP]", "closed:").At.Add(window)
			for _, f := range []string{"mp4", "flv", "hls", "aac"} {
				after := s.events.wait(t, f, "file", 1).At.Sub(deadline)
				t.Logf("window %v: the file event of %s came %v after the deadline", window, f, after.Round(time.Millisecond))
				if after < -50*time.Millisecond || after > 15*time.Second {
					t.Errorf("the file event of %s came %v after the deadline", f, after)
				}
			}
		})
	}
}

// A publisher that returns around the very deadline is recorded whole, be it
// into the old or into a new recording.
func TestReturnAtTheDeadline(t *testing.T) {
	t.Parallel()
	const window, rounds = time.Second, 14
	src := newSource(t, lab.H264AAC.Long(2*rounds+1))
	media := lab.Samples(t, src.file)
	s := newScene(t, everything(window))
	r := rand.New(rand.NewPCG(*seed, 7))
	var pubs []sent
	for i := range rounds {
		part := second(media, 2*i)
		pubs = append(pubs, sent{picture: src.first(t, part), sound: -1})
		c := s.DialRTSP(t, media, "", path)
		if err := c.Play(part, 2); err != nil {
			t.Fatal(err)
		}
		mark := s.Mark()
		c.Close()
		left := s.WaitLogAfter(t, mark, "the publication ended").At
		time.Sleep(time.Until(left.Add(window - 100*time.Millisecond + time.Duration(r.Int64N(int64(400*time.Millisecond))))))
	}
	lab.Eventually(t, "all to be over", func() bool { return len(s.Log("the recording has ended")) == s.recordings(t) })
	lab.Eventually(t, "all to be stored", func() bool {
		n := len(s.Files(t))
		time.Sleep(3 * time.Second)
		return n == len(s.Files(t))
	})
	var runs []run
	files := s.files(t, ".mp4")
	slices.Sort(files)
	for _, f := range files {
		lab.Silent(t, f)
		runs = append(runs, src.runs(t, f, src.pictures, lab.Pictures(t, f), src.decoded)...)
	}
	t.Logf("%d publications went into %d recordings", rounds, len(files))
	for i := range runs {
		if i >= len(pubs) || runs[i].first() != pubs[i].picture || len(runs[i].frames) != 25 {
			t.Errorf("run %d is %s", i, runs[i])
		}
	}
	if len(runs) != rounds {
		t.Errorf("%d runs, published were %d", len(runs), rounds)
	}
}

// second is what a source plays in its n-th second, by DTS of its pictures.
func second(m *lab.Media, n int) (out []lab.Sample) {
	start := m.Samples[0].DTS
	for _, x := range m.Samples {
		if m.Tracks[x.Track].Codec == "h264" {
			start = x.DTS
			break
		}
	}
	from := start + int64(n)*90000
	for _, x := range m.Samples {
		if x.DTS >= from && x.DTS < from+90000 {
			out = append(out, x)
		}
	}
	return out
}

// first is the number of the first picture among samples.
func (s *source) first(t *testing.T, samples []lab.Sample) int {
	t.Helper()
	for _, x := range samples {
		if n, ok := s.numbers[pictureHash(x.Data)]; ok {
			return n
		}
	}
	t.Fatal("no picture")
	return 0
}

// A second interruption within the window counts from itself, also one by a
// publisher that sent nothing.
func TestSecondInterruption(t *testing.T) {
	t.Parallel()
	src := newSource(t, lab.H264AAC.Long(24))
	media := lab.Samples(t, src.file)
	s := newScene(t, everything(3*time.Second))
	var pubs []sent
	for i := range 4 {
		if i == 2 { // comes and goes without a word
			s.DialRTSP(t, media, "", path).Close()
			time.Sleep(2 * time.Second)
			continue
		}
		part := second(media, 2*i)
		pubs = append(pubs, sent{picture: src.first(t, part), sound: -1})
		c := s.DialRTSP(t, media, "", path)
		if err := c.Play(part, 1); err != nil {
			t.Fatal(err)
		}
		c.Close()
		time.Sleep(2 * time.Second)
	}
	s.ended(t)
	s.events.oneChain(t, len(s.Log("the publisher is back")), "mp4", "flv", "hls", "aac")
	for _, ext := range []string{".mp4", ".flv", "_eof.m3u8"} {
		file := s.one(t, ext)
		lab.Silent(t, file)
		runs := src.runs(t, ext, src.pictures, lab.Pictures(t, file), src.decoded)
		if len(runs) != len(pubs) {
			t.Errorf("%s has the runs %v", ext, runs)
		}
	}
	src.checkPlaylist(t, s.one(t, "_eof.m3u8"), nil)
}

// A publisher that returns while the store still joins the parts of the last
// recording starts a new one, and both are whole.
func TestReturnWhileFinalizing(t *testing.T) {
	t.Parallel()
	c := lab.StartCOS(t, cosserver.Options{})
	c.Inject(cosserver.Fault{Kind: cosserver.StallAnswer, Op: "put", Key: ".mp4", Times: 1, Delay: 4 * time.Second})
	src := newSource(t, lab.H264AAC.Long(12))
	s := &scene{events: newReceiver(t)}
	s.Server = lab.Start(t, lab.Options{Release: *server, COS: c, Recording: "defaultStore: cos\ntemplates: {all: {mp4: {splice: 1s}}}\nrules: [{template: all}]\n" + s.events.config()})
	for _, from := range []int{0, 6} {
		p := s.push(t, rtmp, src.file, from)
		time.Sleep(3 * time.Second)
		p.Cut()
		time.Sleep(2 * time.Second)
	}
	s.events.wait(t, "mp4", "file", 2)
	for i, key := range lab.WaitObjects(t, c, 2) {
		file := lab.Download(t, c, key)
		lab.Silent(t, file)
		runs := src.runs(t, key, src.pictures, lab.Pictures(t, file), src.decoded)
		if len(runs) != 1 || runs[0].first() != i*150 || runs[0].last() < i*150+50 {
			t.Errorf("%s has the runs %v", key, runs)
		}
	}
}
