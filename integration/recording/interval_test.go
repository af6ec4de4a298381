package recording

import (
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

const everyTenSeconds = `templates:
  everything: {mp4: {interval: 10s}, flv: {interval: 10s}, hls: {interval: 10s, segment: 3s}, aac: {interval: 10s}}
rules: [{template: everything}]
`

// Files that are cut by interval add up to the source, frame by frame, in every
// format.
func TestInterval(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Recording: everyTenSeconds})
	for name, kind := range map[string]lab.Kind{"plain": lab.H264AAC, "b-frames": lab.BFrames, "video": lab.VideoOnly, "aac": lab.AACOnly} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "cut/" + name
			seconds, files := 23, 3
			if (name == "b-frames" || name == "aac") && !testing.Short() {
				seconds, files = 60, 6
			}
			src := kind.Long(seconds).Make(t)
			s.Publish(t, src, s.RTMP(path)).Wait(t)
			for _, ext := range []string{".mp4", ".flv", "_eof.m3u8"} {
				got := s.WaitStream(t, path, ext, files)
				for _, f := range got {
					lab.Silent(t, f)
				}
				lab.SameMedia(t, src, lab.Whole, got...)
			}
			if kind.Audio == "" {
				return
			}
			var sound []lab.Frame
			for _, f := range s.WaitStream(t, path, ".aac", files) {
				lab.Silent(t, f)
				sound = append(sound, lab.Sound(t, f)...)
			}
			lab.SameFrames(t, "aac", lab.Sound(t, src), sound, lab.Whole.Sound(files))
		})
	}
}
