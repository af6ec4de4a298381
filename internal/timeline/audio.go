package timeline

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/live-recording/liverecord/hooks"
)

// frameDur is the exact length of an audio frame as a fraction of a second:
// samples at rate. 0 samples = unknown.
func frameDur(tr *hooks.Track, frame []byte) (samples, rate int64) {
	rate = int64(tr.SampleRate)
	switch tr.Codec {
	case hooks.AAC:
		return aacFrame(tr), max(rate, 1)
	case hooks.MP3:
		var h mpeg1audio.FrameHeader
		if h.Unmarshal(frame) == nil && h.SampleRate > 0 {
			return int64(h.SampleCount()), int64(h.SampleRate)
		}
	case hooks.Opus:
		return opus.PacketDuration2(frame), 48000
	case hooks.AC3:
		return 1536, max(rate, 1) // ETSI TS 102 366 §4.1
	case hooks.LPCM:
		if n := tr.Channels * ((tr.BitDepth + 7) / 8); n > 0 {
			return int64(len(frame) / n), max(rate, 1)
		}
	case hooks.G711:
		if tr.Channels > 0 {
			return int64(len(frame) / tr.Channels), max(rate, 1)
		}
	}
	return 0, 1
}

// aacFrame is 1024 samples, or 960 with frameLengthFlag (ISO/IEC 14496-3 §4.4).
func aacFrame(tr *hooks.Track) int64 {
	var c mpeg4audio.AudioSpecificConfig
	if c.Unmarshal(tr.AudioConfig) == nil && c.FrameLengthFlag {
		return 960
	}
	return 1024
}
