package splice

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// source is a coded file that is sent in parts. None of its frames is there twice.
type source struct {
	file     string
	pictures []lab.Frame
	sound    []lab.Frame
	places   map[string]int // hash → number
	decoded  []int          // number of a picture → its number in the order of decoding
	numbers  map[string]int // hash of a coded picture → number
	overlaps bool           // publications begin before the last one has ended
}

func newSource(t *testing.T, k lab.Kind) *source {
	t.Helper()
	s := &source{file: k.Make(t), places: map[string]int{}}
	s.pictures, s.sound = lab.Pictures(t, s.file), lab.Sound(t, s.file)
	for _, frames := range [][]lab.Frame{s.pictures, s.sound} {
		for i, f := range frames {
			if _, double := s.places[f.Hash]; double {
				t.Fatalf("frame %d of %s is there twice", i, s.file)
			}
			s.places[f.Hash] = i
		}
	}
	s.readOrder(t)
	return s
}

// readOrder finds out in which order the pictures are coded.
func (s *source) readOrder(t *testing.T) {
	t.Helper()
	media := lab.Samples(t, s.file)
	var pts []int64
	var hashes []string
	for _, x := range media.Samples {
		if h := pictureHash(x.Data); h != "" && media.Tracks[x.Track].Codec == "h264" {
			pts, hashes = append(pts, x.PTS), append(hashes, h)
		}
	}
	if len(pts) > 0 && len(pts) != len(s.pictures) {
		t.Fatalf("%s has %d coded pictures, %d decoded ones", s.file, len(pts), len(s.pictures))
	}
	shown := slices.Sorted(slices.Values(pts))
	s.decoded, s.numbers = make([]int, len(pts)), map[string]int{}
	for i, p := range pts {
		n, _ := slices.BinarySearch(shown, p)
		s.decoded[n], s.numbers[hashes[i]] = i, n
	}
}

// run is a stretch of a recording that is a stretch of the source.
type run struct {
	frames []int   // of the source
	offset float64 // by how many seconds its times differ from the source's
	spread float64 // by how much single frames do so otherwise
	at     int     // frame of the recording
}

func (r *run) first() int { return r.frames[0] }
func (r *run) last() int  { return r.frames[len(r.frames)-1] }

func (r run) String() string { return fmt.Sprintf("%d–%d", r.first(), r.last()) }

// ragged is how many pictures may be missing before the last ones of a
// publication that was cut: they are coded behind those that they are shown before.
const ragged = 8

// whole tells whether the stretch has no hole in the order of coding.
func (r *run) whole(order []int) bool {
	low, high := math.MaxInt, -1
	for _, f := range r.frames {
		if order != nil {
			f = order[f]
		}
		low, high = min(low, f), max(high, f)
	}
	return high-low+1 == len(r.frames)
}

// runs cuts a recording into stretches. A frame that is none of the source's
// fails the test.
func (s *source) runs(t *testing.T, what string, frames, got []lab.Frame, order []int) (out []run) {
	t.Helper()
	defer func() {
		for i := range out {
			if !out[i].whole(order) {
				t.Errorf("%s: frames are missing in run %s: %v", what, out[i], out[i].frames)
			}
		}
	}()
	for i, g := range got {
		n, ok := s.places[g.Hash]
		if !ok {
			t.Errorf("%s: frame %d of %d is none of the source's", what, i, len(got))
			return out
		}
		off := g.Time - frames[n].Time
		if len(out) > 0 {
			if r := &out[len(out)-1]; n > r.last() && n <= r.last()+ragged {
				r.frames = append(r.frames, n)
				r.spread = max(r.spread, math.Abs(off-r.offset))
				continue
			}
		}
		out = append(out, run{frames: []int{n}, offset: off, at: i})
	}
	return out
}

// sent is what one publication may have sent: from, or behind it the first
// frames that ffmpeg sends when it begins there.
type sent struct {
	picture, sound int // first frames; -1 if there are none
}

// sends asks ffmpeg what it sends when it begins at a second.
func (s *source) sends(t *testing.T, from int) sent {
	t.Helper()
	out := sent{-1, -1}
	file := filepath.Join(t.TempDir(), "sent.mp4")
	// half a second is enough to see what it begins with
	args := append(sendArgs(s.file, from), "-t", "1", file)
	lab.FFmpeg(t, args...)
	if p := lab.Pictures(t, file); len(p) > 0 {
		out.picture = s.place(t, p[0])
	}
	if a := lab.Sound(t, file); len(a) > 0 {
		out.sound = s.place(t, a[0])
	}
	return out
}

func (s *source) place(t *testing.T, f lab.Frame) int {
	t.Helper()
	n, ok := s.places[f.Hash]
	if !ok {
		t.Fatalf("ffmpeg sends a frame that is none of the source's")
	}
	return n
}

// slack says how exact the times in a file are.
type slack struct {
	time float64 // within a publication; negative: the format has no times
}

// lateStart is how many seconds may be missing at the beginning of a publication.
// v1.14.0 looks for two seconds which tracks an RTMP publisher sends, and throws
// away what it sees; then the next key frame counts.
func lateStart() int {
	if strings.Contains(*server, "v1.14.0") {
		return 3
	}
	return 0
}

// check compares a recording with what was published: one run for each
// publication, from its first frame on, and in each run sound and picture as far
// apart as in the source. It returns the runs.
func (s *source) check(t *testing.T, file string, pubs []sent, l slack) (pictures, sound []run) {
	t.Helper()
	what := filepath.Base(file)
	pictures = s.runs(t, what+", pictures", s.pictures, lab.Pictures(t, file), s.decoded)
	sound = s.runs(t, what+", sound", s.sound, lab.Sound(t, file), nil)
	var firstPicture, firstSound []int
	for _, p := range pubs {
		if p.picture >= 0 {
			firstPicture = append(firstPicture, p.picture)
		}
		if p.sound >= 0 {
			firstSound = append(firstSound, p.sound)
		}
	}
	if !strings.HasSuffix(file, ".aac") {
		sameStarts(t, what+", pictures", pictures, firstPicture, 25*lateStart())
	}
	sameStarts(t, what+", sound", sound, firstSound, 44*lateStart())
	if l.time < 0 || t.Failed() {
		return pictures, sound
	}
	for _, r := range slices.Concat(pictures, sound) {
		if r.spread > l.time {
			t.Errorf("%s: times differ by up to %.4f s within run %s", what, r.spread, r)
		}
	}
	s.checkSkew(t, what, pictures, sound)
	return pictures, sound
}

func sameStarts(t *testing.T, what string, runs []run, want []int, missing int) {
	t.Helper()
	ok := len(runs) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = runs[i].first() >= want[i] && runs[i].first() <= want[i]+missing
	}
	if !ok {
		t.Errorf("%s: the runs %v, published was from %v", what, runs, want)
	}
}

// checkSkew compares the distance of sound and picture with the source's.
func (s *source) checkSkew(t *testing.T, what string, pictures, sound []run) {
	t.Helper()
	if len(sound) == 0 || len(pictures) != len(sound) {
		return
	}
	frame := s.pictures[1].Time - s.pictures[0].Time
	worst := 0.0
	for i := range pictures {
		skew := (pictures[i].offset - sound[i].offset) - (pictures[0].offset - sound[0].offset)
		worst = max(worst, math.Abs(skew))
	}
	t.Logf("%s: %d publications, %d pictures, skew changes by up to %.2f ms", what, len(pictures), total(pictures), worst*1000)
	if worst > frame {
		t.Errorf("%s: sound against picture changes by %.4f s, a picture lasts %.4f s", what, worst, frame)
	}
}

func total(runs []run) (n int) {
	for _, r := range runs {
		n += len(r.frames)
	}
	return n
}
