package recording

import (
	"testing"

	"github.com/live-recording/liverecord/integration/lab"
)

// MediaMTX v1.14.0, the last release on gortsplib/v4, records all formats. What
// it drops itself at an RTMP start (docs/upgrading-mediamtx.md) is why RTMP is
// not here.
func TestV1140(t *testing.T) {
	t.Parallel()
	s := lab.Start(t, lab.Options{Release: "mediamtx-v1.14.0", Recording: everything})
	for name, kind := range map[string]lab.Kind{"h264-aac": lab.H264AAC, "b-frames": lab.BFrames, "opus": lab.OpusOnly} {
		t.Run("rtsp-"+name, func(t *testing.T) {
			t.Parallel()
			src := kind.Make(t)
			if err := playRTSP(s, lab.Samples(t, src), "push.example.com", "old/rtsp-"+name); err != nil {
				t.Fatal(err)
			}
			checkFormats(t, s, "old/rtsp-"+name, src, kind, lab.Whole)
		})
	}
	for name, kind := range map[string]lab.Kind{"h264-aac": lab.H264AAC, "h265-aac": lab.H265AAC} {
		t.Run("srt-"+name, func(t *testing.T) {
			t.Parallel()
			src := kind.Make(t)
			s.Publish(t, src, s.SRT("old/srt-"+name)).Wait(t)
			checkFormats(t, s, "old/srt-"+name, src, kind, ffmpegSRT)
		})
	}
}
