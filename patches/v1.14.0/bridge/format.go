package bridge

import (
	"slices"
	"strings"

	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/bluenviron/mediamtx/internal/unit"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/patches/host"
)

// track translates a format with its current parameters.
func track(forma format.Format) hooks.Track {
	t := hooks.Track{ClockRate: forma.ClockRate()}
	switch f := forma.(type) {
	case *format.H264:
		t.Codec = hooks.H264
		t.SPS, t.PPS = f.SafeParams()
	case *format.H265:
		t.Codec = hooks.H265
		t.VPS, t.SPS, t.PPS = f.SafeParams()
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
		t.Codec = hooks.Codec("unsupported:" + forma.Codec())
	}
	return t
}

func supported(forma format.Format) bool {
	return !strings.HasPrefix(string(track(forma).Codec), "unsupported:")
}

// payload translates the payload of a unit of the given format; nil if there is
// none.
func payload(forma format.Format, u unit.Unit) [][]byte {
	switch u := u.(type) {
	case *unit.H264:
		return u.AU
	case *unit.H265:
		return u.AU
	case *unit.AV1:
		return withoutDelimiters(u.TU)
	case *unit.MPEG4Audio:
		return u.AUs
	case *unit.MPEG1Audio:
		return u.Frames
	case *unit.Opus:
		return u.Packets
	case *unit.AC3:
		return u.Frames
	case *unit.VP9:
		return single(u.Frame)
	case *unit.VP8:
		return single(u.Frame)
	case *unit.LPCM:
		return single(u.Samples)
	case *unit.G711:
		return single(u.Samples)
	case *unit.MPEG4AudioLATM:
		if f, ok := forma.(*format.MPEG4AudioLATM); ok && len(u.Element) > 0 {
			frames, _ := host.LATMFrames(latmConfig(f), u.Element) // nil if broken, as in the server's own outputs
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

// withoutDelimiters leaves out temporal delimiter OBUs (AV1 §5.6), which this
// release passes on as they came.
func withoutDelimiters(tu [][]byte) [][]byte {
	const temporalDelimiter = 2
	is := func(obu []byte) bool { return len(obu) == 0 || obu[0]>>3&0b1111 == temporalDelimiter }
	if !slices.ContainsFunc(tu, is) {
		return tu
	}
	return slices.DeleteFunc(slices.Clone(tu), is)
}
