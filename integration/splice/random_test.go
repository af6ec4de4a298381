package splice

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// exact are the times that RTMP keeps: milliseconds.
var exact = slack{time: 0.0021}

// Publishers are killed at random moments and come back by the other protocol;
// all formats go on in one file each, which holds what was delivered.
func TestRandomInterruptions(t *testing.T) {
	t.Parallel()
	joins, spare, seconds := 6, 4*time.Second, 75
	if *long {
		joins, spare, seconds = 20, 16*time.Second, 330
	}
	src := newSource(t, lab.BFrames.Long(seconds))
	r := rand.New(rand.NewPCG(*seed, 5))
	s := newScene(t, everything(12*time.Second))
	v, f := s.watch(t), s.follow(t)
	var pubs []sent
	var cuts []time.Time
	from := 0
	for i := range joins + 1 {
		to := rtmp
		if i%2 == 1 {
			to = srt
		}
		pubs = append(pubs, src.sends(t, from))
		p := s.push(t, to, src.file, from)
		lasts := 2*time.Second + time.Duration(r.Int64N(int64(spare)))
		time.Sleep(lasts)
		p.Cut()
		cuts = append(cuts, time.Now())
		from += int(lasts/time.Second) + 4
		gap := time.Duration(r.Int64N(int64(spare / 2)))
		t.Logf("publication %d from second %d lasts %v, then a gap of %v", i, from, lasts, gap)
		time.Sleep(gap)
	}
	s.ended(t)
	v.close()
	s.events.oneChain(t, joins, "mp4", "flv", "hls", "aac")
	starts := src.starts(s.checkAll(t, src, pubs, v), cuts)
	f.check(t)
	src.checkPlaylist(t, s.one(t, "_eof.m3u8"), starts)
	for _, ext := range []string{".mp4", ".flv", "_eof.m3u8"} {
		gstreamer(t, s.one(t, ext))
	}
}

// starts are when the first pictures of publications were sent, if the last ones
// were sent just before they were cut.
func (s *source) starts(pictures []run, cuts []time.Time) (out []time.Time) {
	for i := 0; i < min(len(pictures), len(cuts)); i++ {
		media := s.pictures[pictures[i].last()].Time - s.pictures[pictures[i].first()].Time
		out = append(out, cuts[i].Add(-time.Duration(media*float64(time.Second))))
	}
	return out
}

// checkAll checks the one file of each format, and returns the runs of pictures.
func (s *scene) checkAll(t *testing.T, src *source, pubs []sent, v *viewer) (pictures []run) {
	t.Helper()
	var delivered []int
	if v != nil {
		delivered = v.delivered(t, src)
	}
	for _, ext := range []string{".mp4", ".flv", "_eof.m3u8"} {
		file := s.one(t, ext)
		lab.Silent(t, file)
		pictures, _ = src.check(t, file, pubs, exact)
		if v != nil {
			src.holds(t, ext, pictures, delivered)
		}
	}
	aac := s.one(t, ".aac")
	lab.Silent(t, aac)
	src.check(t, aac, pubs, slack{time: -1})
	return pictures
}
