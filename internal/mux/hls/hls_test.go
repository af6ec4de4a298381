package hls_test

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

var (
	picture = []string{"-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=11"}
	tone    = []string{"-f", "lavfi", "-i", "aevalsrc=sin(440*2*PI*t)+0.1*random(0):s=48000:d=11"}
	tone44  = []string{"-f", "lavfi", "-i", "aevalsrc=sin(440*2*PI*t)+0.1*random(0):s=44100:d=11"}
)

func args(parts ...any) []string {
	var a []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			a = append(a, strings.Fields(p)...)
		case []string:
			a = append(a, p...)
		}
	}
	return a
}

var sources = []struct {
	name string
	args []string
	c    hls.Container
	also bool // try the other container too
}{
	{"h264 aac", args(picture, tone, "-c:v libx264 -preset ultrafast -g 50 -bf 0 -c:a aac -ac 2"), hls.TS, true},
	{"h264 bframes aac44", args(picture, tone44, "-c:v libx264 -preset veryfast -g 50 -bf 3 -c:a aac -ac 1"), hls.TS, true},
	{"h264 large mp3", args("-f lavfi -i testsrc2=s=640x360:r=5:d=11", tone44,
		"-vf noise=alls=20 -c:v libx264 -preset ultrafast -g 10 -qp 8 -c:a libmp3lame"), hls.TS, true},
	{"h264 3fps", args("-f lavfi -i testsrc2=s=320x180:r=3:d=11", "-c:v libx264 -preset ultrafast -g 6"), hls.TS, true},
	{"aac", args(tone44, "-c:a aac"), hls.TS, true},
	{"aac 8k", args("-f lavfi -i sine=sample_rate=8000:duration=11", "-c:a aac -b:a 16k"), hls.TS, true},
	{"mp3 22k", args("-f lavfi -i sine=sample_rate=22050:duration=11", "-c:a libmp3lame"), hls.TS, true},
	{"hevc opus", args(picture, tone, "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=50:min-keyint=50:open-gop=0 -c:a libopus"), hls.FMP4, true},
	{"h264 ac3", args(picture, tone, "-c:v libx264 -preset ultrafast -g 50 -c:a ac3 -ac 6"), hls.FMP4, true},
	{"av1 opus", args("-f lavfi -i testsrc2=s=320x180:r=25:d=7", tone, "-c:v libsvtav1 -preset 12 -g 50 -c:a libopus -t 7"), hls.FMP4, false},
	{"vp9 aac", args("-f lavfi -i testsrc2=s=320x180:r=25:d=7", tone, "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -c:a aac -t 7"), hls.FMP4, false},
}

// TestContainers cuts sources of every codec and compares what independent
// readers find with the source.
func TestContainers(t *testing.T) {
	for _, x := range sources {
		t.Run(x.name, func(t *testing.T) {
			s := hlstest.MakeSource(t, x.args...)
			if c := hls.Choose("auto", s.Tracks); c != x.c {
				t.Errorf("auto chooses %s", c)
			}
			containers := []hls.Container{x.c}
			if x.also {
				containers = []hls.Container{hls.TS, hls.FMP4}
			}
			for _, c := range containers {
				t.Run(string(c), func(t *testing.T) { compare(t, s, c) })
			}
		})
	}
}

func compare(t *testing.T, s *hlstest.Source, c hls.Container) {
	r := newRecording(t, c, 3*time.Second)
	r.add(s)
	valid(t, r)
	whole(t, r, s)

	hlstest.Run(t, "ffmpeg", "-i", r.playlist(), "-f", "null", "-")
	for i, track := range s.Tracks {
		m := fmt.Sprintf("0:%d", i)
		if track.Codec.IsVideo() {
			same(t, "frames", frames(t, s.File, m, "-c:v", "rawvideo"), frames(t, r.playlist(), m, "-c:v", "rawvideo"), true)
		} else {
			if c != hls.TS || track.Codec != hooks.Opus { // which knows no pre-skip there
				same(t, "audio frames", frames(t, s.File, m, "-c:a", "pcm_s16le"), frames(t, r.playlist(), m, "-c:a", "pcm_s16le"), false)
			}
			f := []string{"-c", "copy"}
			if c == hls.TS && track.Codec == hooks.AAC {
				f = append(f, "-bsf:a", "aac_adtstoasc")
			}
			same(t, "audio packets", frames(t, s.File, m, "-c", "copy"), frames(t, r.playlist(), m, f...), false)
		}
	}
	stamps(t, s, r)
	for i, p := range r.pieces {
		if p.Dependent {
			t.Errorf("piece %d begins within a GOP", i)
		}
		hlstest.Run(t, "ffmpeg", "-i", r.alone(i), "-f", "null", "-")
	}
}

// valid checks both playlists and, for TS, every packet.
func valid(t *testing.T, r *recording) {
	t.Helper()
	for _, live := range []bool{true, false} {
		text := string(r.list.Render(live))
		for _, bad := range hlstest.Validate(text) {
			t.Errorf("live %v: %s\n%s", live, bad, text)
		}
	}
	if r.c != hls.TS {
		return
	}
	var w hlstest.TS
	for i, f := range r.files {
		if r.pieces[i].Discontinuity {
			w.Problems = append([]string(nil), w.Problems...)
			w = hlstest.TS{Problems: w.Problems, PCRs: w.PCRs, Packets: w.Packets}
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		w.Piece(b)
	}
	for _, bad := range w.Problems {
		t.Error(bad)
	}
	if w.PCRs < 20 {
		t.Errorf("only %d PCRs", w.PCRs)
	}
}

// whole checks that the pieces are about as long as wanted and add up.
func whole(t *testing.T, r *recording, s *hlstest.Source) {
	t.Helper()
	var sum time.Duration
	for i, p := range r.pieces {
		sum += p.Duration
		if i < len(r.pieces)-1 && (p.Duration < 3*time.Second || p.Duration > 5*time.Second) {
			t.Errorf("piece %d lasts %v", i, p.Duration)
		}
	}
	lead := 0
	first, last := math.MaxFloat64, 0.0
	for i := range s.Samples {
		x := &s.Samples[i]
		if x.Track == lead {
			rate := float64(s.Tracks[lead].ClockRate)
			first = min(first, float64(x.DTS)/rate)
			last = max(last, float64(x.DTS+x.Dur)/rate)
		}
	}
	if len(r.pieces) < 2 || math.Abs(sum.Seconds()-(last-first)) > 0.1 {
		t.Errorf("%d pieces last %v, source %.3f s", len(r.pieces), sum, last-first)
	}
}

type frame struct {
	pts  float64
	hash string
}

// frames reads one stream as ffmpeg's framemd5 lists it.
func frames(t *testing.T, file, stream string, how ...string) []frame {
	t.Helper()
	a := append([]string{"-i", file, "-map", stream}, how...)
	out := hlstest.Run(t, "ffmpeg", append(a, "-fps_mode", "passthrough", "-copyts", "-f", "framemd5", "-")...)
	base := 1.0
	var list []frame
	for l := range strings.Lines(out) {
		if tb, ok := strings.CutPrefix(l, "#tb 0: "); ok {
			n, d, _ := strings.Cut(strings.TrimSpace(tb), "/")
			num, _ := strconv.ParseFloat(n, 64)
			den, _ := strconv.ParseFloat(d, 64)
			base = num / den
		}
		if strings.HasPrefix(l, "#") {
			continue
		}
		f := strings.Split(l, ",")
		pts, err := strconv.ParseFloat(strings.TrimSpace(f[2]), 64)
		if err != nil {
			t.Fatalf("framemd5: %q", l)
		}
		list = append(list, frame{pts * base, strings.TrimSpace(f[5])})
	}
	return list
}

// same compares hashes and, if times, the time stamps from the first one on.
func same(t *testing.T, what string, want, got []frame, times bool) {
	t.Helper()
	if len(want) != len(got) || len(want) == 0 {
		t.Errorf("%s: %d instead of %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if want[i].hash != got[i].hash {
			t.Errorf("%s: number %d differs", what, i)
			return
		}
		off := (got[i].pts - got[0].pts) - (want[i].pts - want[0].pts)
		if times && math.Abs(off) > 0.0005 {
			t.Errorf("%s: number %d is off by %.6f s", what, i, off)
			return
		}
	}
}

// packets returns the PTS of one stream's packets.
func packets(t *testing.T, stream int, file string) []string {
	t.Helper()
	out := hlstest.Run(t, "ffprobe", "-select_streams", strconv.Itoa(stream),
		"-show_entries", "packet=pts_time", "-of", "csv=p=0", file)
	return strings.Fields(strings.ReplaceAll(out, ",", " "))
}

// stamps compares the PTS of all packets with the source, over all tracks, so
// that tracks stay in sync and nothing jumps at a piece's edge.
func stamps(t *testing.T, s *hlstest.Source, r *recording) {
	t.Helper()
	for i, track := range s.Tracks {
		var want []float64
		for j := range s.Samples {
			if x := &s.Samples[j]; x.Track == i {
				want = append(want, float64(x.PTS)/float64(track.ClockRate)+10)
			}
		}
		got := packets(t, i, r.playlist())
		if !track.Codec.IsVideo() {
			// piece by piece: in HLS, ffmpeg's own reader miscounts the AAC
			// frames that it probed (its own pieces too)
			got = nil
			for j := range r.files {
				got = append(got, packets(t, i, r.alone(j))...)
			}
		}
		if len(got) != len(want) {
			t.Errorf("track %d: %d packets instead of %d", i, len(got), len(want))
			continue
		}
		limit := 0.00002 // ffmpeg's HLS reader counts in 90 kHz
		if !track.Codec.IsVideo() {
			limit = 0.0001
		}
		for j := range got {
			pts, _ := strconv.ParseFloat(got[j], 64)
			if math.Abs(pts-want[j]) > limit {
				t.Errorf("track %d: packet %d at %.6f instead of %.6f", i, j, pts, want[j])
				break
			}
		}
	}
}
