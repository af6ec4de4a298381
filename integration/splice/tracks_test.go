package splice

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// Streams without sound or without pictures splice too, also over both protocols.
func TestOneTrackOnly(t *testing.T) {
	t.Parallel()
	t.Run("video", func(t *testing.T) {
		t.Parallel()
		src := newSource(t, lab.VideoOnly.Long(24))
		s, pubs := s3(t, src, "mp4: {splice: 6s}, flv: {splice: 6s}, hls: {segment: 2s, splice: 6s}")
		s.events.oneChain(t, 2, "mp4", "flv", "hls")
		for _, ext := range []string{".mp4", ".flv", "_eof.m3u8"} {
			lab.Silent(t, s.one(t, ext))
			src.check(t, s.one(t, ext), pubs, exact)
			gstreamer(t, s.one(t, ext))
		}
		src.checkPlaylist(t, s.one(t, "_eof.m3u8"), nil)
	})
	t.Run("audio", func(t *testing.T) {
		t.Parallel()
		src := newSource(t, lab.AACOnly.Long(24))
		s, pubs := s3(t, src, "mp4: {splice: 6s}, flv: {splice: 6s}, hls: {segment: 2s, splice: 6s}, aac: {splice: 6s}")
		s.events.oneChain(t, 2, "mp4", "flv", "hls", "aac")
		for _, ext := range []string{".mp4", ".flv", "_eof.m3u8", ".aac"} {
			lab.Silent(t, s.one(t, ext))
			l := exact
			if ext == "_eof.m3u8" || ext == ".aac" { // ffmpeg's reader of audio playlists and ADTS makes up times
				l.time = -1
			}
			src.check(t, s.one(t, ext), pubs, l)
			gstreamer(t, s.one(t, ext))
		}
		src.checkPlaylist(t, s.one(t, "_eof.m3u8"), nil)
	})
}

// s3 publishes three parts of a source by RTMP, SRT and RTMP.
func s3(t *testing.T, src *source, formats string) (s *scene, pubs []sent) {
	t.Helper()
	s = newScene(t, "templates: {all: {"+formats+"}}\nrules: [{template: all}]\n")
	from := 0
	for _, to := range []func(*lab.Server, string) string{rtmp, srt, rtmp} {
		pubs = append(pubs, src.sends(t, from))
		p := s.push(t, to, src.file, from)
		time.Sleep(3500 * time.Millisecond)
		p.Cut()
		time.Sleep(time.Second)
		from += 8
	}
	s.ended(t)
	return s, pubs
}
