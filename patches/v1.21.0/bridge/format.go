package bridge

import (
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/bluenviron/mediamtx/internal/formatlabel"
	"github.com/bluenviron/mediamtx/internal/unit"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/patches/host"
)

// track translates a format with its current parameters.
func track(forma format.Format) hooks.Track {
	t := hooks.Track{ClockRate: forma.ClockRate()}
	switch f := forma.(type) {
	case *format.H264:
		t.Codec, t.SPS, t.PPS = hooks.H264, f.SPS, f.PPS
	case *format.H265:
		t.Codec, t.VPS, t.SPS, t.PPS = hooks.H265, f.VPS, f.SPS, f.PPS
	case *format.AV1:
		t.Codec = hooks.AV1
	case *format.VP9:
		t.Codec = hooks.VP9
		if f.ProfileID != nil {
			t.Profile = *f.ProfileID
		}
	case *format.VP8:
		t.Codec = hooks.VP8
	case *format.MPEG4Audio:
		return host.AAC(t.ClockRate, f.Config)
	case *format.MPEG4AudioLATM:
		return host.LATMTrack(t.ClockRate, latmConfig(f))
	case *format.MPEG1Audio:
		t.Codec = hooks.MP3
	case *format.Opus:
		t.Codec, t.SampleRate, t.Channels = hooks.Opus, t.ClockRate, f.ChannelCount
	case *format.AC3:
		t.Codec, t.SampleRate, t.Channels = hooks.AC3, f.SampleRate, f.ChannelCount
	case *format.LPCM:
		t.Codec, t.SampleRate, t.Channels, t.BitDepth = hooks.LPCM, f.SampleRate, f.ChannelCount, f.BitDepth
	case *format.G711:
		t.Codec, t.SampleRate, t.Channels, t.MuLaw = hooks.G711, f.SampleRate, f.ChannelCount, f.MULaw
	default:
		t.Codec = hooks.Codec("unsupported:" + string(formatlabel.FormatToLabel(forma)))
	}
	return t
}

func supported(forma format.Format) bool {
	return !strings.HasPrefix(string(track(forma).Codec), "unsupported:")
}

// payload translates the payload of a unit of the given format; nil if there is
// none.
func payload(forma format.Format, p unit.Payload) [][]byte {
	switch p := p.(type) {
	case unit.PayloadH264:
		return p
	case unit.PayloadH265:
		return p
	case unit.PayloadAV1:
		return p
	case unit.PayloadMPEG4Audio:
		return p
	case unit.PayloadMPEG1Audio:
		return p
	case unit.PayloadOpus:
		return p
	case unit.PayloadAC3:
		return p
	case unit.PayloadVP9:
		return single(p)
	case unit.PayloadVP8:
		return single(p)
	case unit.PayloadLPCM:
		return single(p)
	case unit.PayloadG711:
		return single(p)
	case unit.PayloadMPEG4AudioLATM:
		if f, ok := forma.(*format.MPEG4AudioLATM); ok {
			frames, _ := host.LATMFrames(latmConfig(f), p) // nil if broken, as in the server's own outputs
			return frames
		}
	}
	return nil
}

func single(p []byte) [][]byte {
	if len(p) == 0 {
		return nil
	}
	return [][]byte{p}
}

// latmConfig returns the configuration of a LATM track; nil if it comes inside
// the stream.
func latmConfig(f *format.MPEG4AudioLATM) *mpeg4audio.StreamMuxConfig {
	if f.CPresent {
		return nil
	}
	return f.StreamMuxConfig
}
