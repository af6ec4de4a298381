package timeline

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
)

// through runs units through a timeline and returns the samples of each track.
func through(tracks []hooks.Track, units []feedtest.Unit, o Options) ([][]*Sample, *Timeline) {
	out := make([][]*Sample, len(tracks))
	tl := New(tracks, o, func(s *Sample) { out[s.Track] = append(out[s.Track], s) })
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, u := range units {
		tl.Write(u.Unit, now)
	}
	tl.Flush()
	return out, tl
}

var free = Options{FromStart: true, JoinAt: -1}

func x264(options ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p", "-g", "24", "-keyint_min", "24", "-sc_threshold", "0"}, options...)
}

// The encoder's DTS is the truth that the host did not deliver. A constant
// offset is a matter of taste; that every step is the same is not.
func TestDTSEqualsTheEncoders(t *testing.T) {
	const cfr = "testsrc2=s=160x96:r=25"
	cases := []struct {
		name  string
		video string
		coder []string
		exact bool // the whole track; otherwise from the depth-th picture on
	}{
		{"no B-frames", cfr, x264("-bf", "0"), true},
		{"one B-frame", cfr, x264("-bf", "1", "-b_strategy", "0"), true},
		{"three B-frames, no pyramid", cfr, x264("-bf", "3", "-b_strategy", "0", "-x264-params", "b-pyramid=none"), true},
		{"pyramid", cfr, x264("-bf", "3", "-b_strategy", "0", "-x264-params", "b-pyramid=normal"), true},
		{"seven B-frames", cfr, x264("-bf", "7", "-b_strategy", "0", "-x264-params", "b-pyramid=normal"), true},
		{"adaptive B-frames", "testsrc2=s=160x96:r=30000/1001,noise=alls=20:allf=t", x264("-bf", "5", "-b_strategy", "2"), true},
		{"open GOP", cfr, x264("-bf", "3", "-flags", "-cgop", "-x264-params", "open-gop=1"), true},
		{"interlaced", "testsrc2=s=160x96:r=25,setfield=tff", x264("-bf", "3", "-flags", "+ildct+ilme", "-x264-params", "tff=1"), true},
		{"interlaced, no pyramid", "testsrc2=s=160x96:r=50,tinterlace=interleave_top", x264("-bf", "2", "-flags", "+ildct+ilme", "-x264-params", "tff=1:b-pyramid=none"), true},
		{"x265", cfr, []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "keyint=24:bframes=4:open-gop=0:log-level=none"}, true},
		{"x265 open GOP", cfr, []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-x265-params", "keyint=24:bframes=4:open-gop=1:b-pyramid=1:log-level=none"}, true},
		{"variable frame rate", "testsrc2=s=160x96:r=50,select='not(mod(floor(n*n/7)\\,3))'", x264("-bf", "3", "-b_strategy", "0"), false},
		{"two pictures a second", "testsrc2=s=160x96:r=2", x264("-bf", "3", "-b_strategy", "0"), true},
		{"a picture in two seconds", "testsrc2=s=160x96:r=0.5", x264("-bf", "3", "-b_strategy", "0"), true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			length := 4800 * time.Millisecond
			if c.video[len(c.video)-2:] == "=2" || c.video[len(c.video)-2:] == ".5" {
				length = 60 * time.Second
			}
			m := feedtest.Make(t, feedtest.Spec{Video: c.video, Coder: c.coder, Open: true, Length: length})
			out, tl := through(m.Tracks, m.Units, free)
			compareDTS(t, m, out[0], c.exact)
			if s := tl.Stats(); s.Bent > 0 || s.Jumps > 0 {
				t.Errorf("counted as odd: %+v", s)
			}
		})
	}
}

func compareDTS(t *testing.T, m *feedtest.Media, got []*Sample, exact bool) {
	t.Helper()
	if len(got) != len(m.Units) {
		t.Fatalf("%d samples of %d pictures", len(got), len(m.Units))
	}
	from := 0
	if !exact {
		from = depthOf(&m.Tracks[0])
	}
	offset := got[from].DTS - m.Units[from].DTS
	for i, s := range got {
		u := &m.Units[i]
		if s.PTS != u.PTS {
			t.Fatalf("picture %d: PTS %d, not %d", i, s.PTS, u.PTS)
		}
		if s.DTS > s.PTS {
			t.Errorf("picture %d: DTS %d after PTS %d", i, s.DTS, s.PTS)
		}
		if i > 0 && s.DTS <= got[i-1].DTS {
			t.Errorf("picture %d: DTS %d after %d", i, s.DTS, got[i-1].DTS)
		}
		if i >= from && s.DTS != u.DTS+offset {
			t.Errorf("picture %d: DTS %d, the encoder's %d (offset %d)", i, s.DTS, u.DTS, offset)
			return
		}
	}
}
