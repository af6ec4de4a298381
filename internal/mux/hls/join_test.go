package hls_test

import (
	"strings"
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

// TestJoin records two publications with different parameters into one playlist.
func TestJoin(t *testing.T) {
	small := hlstest.MakeSource(t, args(picture, tone, "-c:v libx264 -preset ultrafast -g 50 -c:a aac -t 7")...)
	large := hlstest.MakeSource(t, args("-f lavfi -i testsrc2=s=640x360:r=30:d=11", tone,
		"-c:v libx264 -preset ultrafast -g 60 -bf 2 -c:a aac -t 7")...)
	mute := hlstest.MakeSource(t, args("-f lavfi -i testsrc2=s=640x360:r=30:d=5", "-c:v libx264 -preset ultrafast -g 60")...)
	for i := range large.Samples {
		large.Samples[i].NTP = large.Samples[i].NTP.Add(time.Minute)
	}
	for i := range mute.Samples {
		mute.Samples[i].NTP = mute.Samples[i].NTP.Add(2 * time.Minute)
	}
	for _, c := range []hls.Container{hls.TS, hls.FMP4} {
		t.Run(string(c), func(t *testing.T) {
			r := newRecording(t, c, 3*time.Second)
			r.add(small)
			r.add(large)
			valid(t, r)
			text := string(r.list.Render(false))
			if n := strings.Count(text, "#EXT-X-DISCONTINUITY\n"); n != 1 {
				t.Errorf("%d discontinuities\n%s", n, text)
			}
			if n := strings.Count(text, "#EXT-X-MAP"); c == hls.FMP4 && n != 2 || c == hls.TS && n != 0 {
				t.Errorf("%d maps\n%s", n, text)
			}
			// at the rate of the second one; 25 to 30 is no fault of ours
			hlstest.Run(t, "ffmpeg", "-i", r.playlist(), "-r", "30", "-f", "null", "-")
			got := frames(t, r.playlist(), "0:v", "-c:v", "rawvideo", "-vf", "scale=64:36")
			want := append(frames(t, small.File, "0:v", "-c:v", "rawvideo", "-vf", "scale=64:36"),
				frames(t, large.File, "0:v", "-c:v", "rawvideo", "-vf", "scale=64:36")...)
			same(t, "frames over the join", want, got, false)
			for i := 1; i < len(got); i++ {
				if d := got[i].pts - got[i-1].pts; d < 0 || d > 2 {
					t.Errorf("frame %d follows after %.3f s", i, d)
				}
			}
			r.add(mute)
			valid(t, r)
			for i := range r.files {
				hlstest.Run(t, "ffmpeg", "-i", r.alone(i), "-f", "null", "-")
			}
		})
	}
}

// TestLongGOP cuts within a GOP that is longer than the target.
func TestLongGOP(t *testing.T) {
	s := hlstest.MakeSource(t, args(picture, tone, "-c:v libx264 -preset ultrafast -bf 2 -g 1000 -sc_threshold 0 -c:a aac")...)
	for _, c := range []hls.Container{hls.TS, hls.FMP4} {
		t.Run(string(c), func(t *testing.T) {
			r := newRecording(t, c, 2*time.Second)
			r.add(s)
			valid(t, r)
			if r.target != 4 || len(r.pieces) != 3 || !r.pieces[1].Dependent {
				t.Errorf("target %d, pieces %+v", r.target, r.pieces)
			}
			if strings.Contains(string(r.list.Render(false)), "INDEPENDENT") {
				t.Error("claims independent segments")
			}
			hlstest.Run(t, "ffmpeg", "-i", r.playlist(), "-f", "null", "-")
			same(t, "frames", frames(t, s.File, "0:v", "-c:v", "rawvideo"), frames(t, r.playlist(), "0:v", "-c:v", "rawvideo"), true)
		})
	}
}
