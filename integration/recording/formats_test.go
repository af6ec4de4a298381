package recording

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

// everything records all four formats.
const everything = `templates:
  everything: {mp4: {}, flv: {}, hls: {segment: 2s}, aac: {}}
rules: [{template: everything}]
`

// push is one way to send one source.
type push struct {
	name string
	kind lab.Kind
	to   func(*lab.Server, string) string
	tol  lab.Tolerance
}

var (
	rtmp = (*lab.Server).RTMP
	rtsp = (*lab.Server).RTSP
	srt  = (*lab.Server).SRT
)

// The tolerances are those of the way to the server. RTMP loses nothing. ffmpeg
// does not send the last packet of sound over RTSP, which it has not filled. An
// SRT connection that closes throws away what it holds back (on a busy machine
// up to a second), and the last PES packets are not complete; see also
// TestAgainstHost.
var (
	ffmpegRTSP = lab.Tolerance{SoundTail: 10, Time: lab.Whole.Time}
	ffmpegSRT  = lab.Tolerance{Tail: 50, SoundTail: 100, Ragged: true, Time: lab.Whole.Time}
)

// pushes are all that ffmpeg 5.1 can send.
func pushes() []push {
	return []push{
		{"rtmp-h264-aac", lab.H264AAC, rtmp, lab.Whole},
		{"rtmp-b-frames", lab.BFrames, rtmp, lab.Whole},
		{"rtmp-video", lab.VideoOnly, rtmp, lab.Whole},
		{"rtmp-aac", lab.AACOnly, rtmp, lab.Whole},
		{"rtmp-h264-mp3", lab.H264MP3, rtmp, lab.Whole},
		{"rtsp-h264-aac", lab.H264AAC, rtsp, ffmpegRTSP},
		{"rtsp-b-frames", lab.BFrames, rtsp, ffmpegRTSP},
		{"rtsp-video", lab.VideoOnly, rtsp, ffmpegRTSP},
		{"rtsp-h265-aac", lab.H265AAC, rtsp, ffmpegRTSP},
		{"rtsp-h264-opus", lab.H264Opus, rtsp, ffmpegRTSP},
		{"rtsp-opus", lab.OpusOnly, rtsp, ffmpegRTSP},
		{"rtsp-mp3", lab.MP3Only, rtsp, ffmpegRTSP},
		{"srt-h264-aac", lab.H264AAC, srt, ffmpegSRT},
		{"srt-b-frames", lab.BFrames, srt, ffmpegSRT},
		{"srt-h265-aac", lab.H265AAC, srt, ffmpegSRT},
		{"srt-aac", lab.AACOnly, srt, ffmpegSRT},
		{"srt-h264-opus", lab.H264Opus, srt, ffmpegSRT},
		{"srt-mp3", lab.MP3Only, srt, ffmpegSRT},
	}
}

// One template with all four formats, every protocol, every kind of source:
// each file holds what was sent, frame by frame.
func TestFormats(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: everything})
	for _, p := range pushes() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			src := p.kind.Make(t)
			s.Publish(t, src, p.to(s, "all/"+p.name)).Wait(t)
			checkFormats(t, s, "all/"+p.name, src, p.kind, p.tol)
		})
	}
}

// checkFormats checks the files of a path against the source.
func checkFormats(t *testing.T, s *lab.Server, path, src string, kind lab.Kind, tol lab.Tolerance) {
	t.Helper()
	mp4 := s.WaitStream(t, path, ".mp4", 1)[0]
	lab.Silent(t, mp4)
	lab.SameMedia(t, src, tol, mp4)
	fastStart(t, mp4)

	flv := s.WaitStream(t, path, ".flv", 1)[0]
	if kind.Classic() { // ffmpeg 5.1 does not read Enhanced RTMP
		lab.Silent(t, flv)
		lab.SameMedia(t, src, tol, flv)
		if out, err := exec.Command("flvmeta", "--check", flv).CombinedOutput(); err != nil {
			t.Errorf("flvmeta --check (apt-get install flvmeta): %v\n%s", err, out)
		}
	}

	list := s.WaitStream(t, path, "_eof.m3u8", 1)[0]
	checkPlaylist(t, list)
	lab.Silent(t, list)
	if kind.Video == "" { // ffmpeg's reader of playlists gives the second packet the time of the first
		tol.Time = 0.025
	}
	lab.SameMedia(t, src, tol, list)

	if !strings.Contains(kind.Audio, "-c:a aac") {
		s.WaitStream(t, path, ".aac", 0)
		return
	}
	aac := s.WaitStream(t, path, ".aac", 1)[0]
	lab.Silent(t, aac)
	lab.SameFrames(t, "aac", lab.Sound(t, src), lab.Sound(t, aac), tol.Sound(2))
}

// checkPlaylist checks a finished playlist by RFC 8216, and that the growing one
// has the same content.
func checkPlaylist(t *testing.T, list string) {
	t.Helper()
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range hlstest.Validate(string(text)) {
		t.Errorf("%s: %s", list, bad)
	}
	if !strings.Contains(string(text), "#EXT-X-ENDLIST") {
		t.Errorf("%s has no end:\n%s", list, text)
	}
	growing, err := os.ReadFile(strings.Replace(list, "_eof.m3u8", ".m3u8", 1))
	if err != nil || string(growing) != string(text) {
		t.Errorf("the growing playlist differs at the end (%v):\n%s", err, growing)
	}
}

// fastStart checks that moov stands before mdat.
func fastStart(t *testing.T, file string) {
	t.Helper()
	boxes := topBoxes(t, file)
	if strings.Join(boxes, " ") != "ftyp moov mdat" {
		t.Errorf("%s has the boxes %v", file, boxes)
	}
}
