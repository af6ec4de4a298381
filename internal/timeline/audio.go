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
	rate = sampleRate(tr)
	switch tr.Codec {
	case hooks.AAC:
		return aacFrame(tr), rate
	case hooks.MP3:
		var h mpeg1audio.FrameHeader
		if h.Unmarshal(frame) == nil && h.SampleRate > 0 {
			return int64(h.SampleCount()), int64(h.SampleRate)
		}
	case hooks.Opus:
		return opus.PacketDuration2(frame), 48000
	case hooks.AC3:
		return 1536, rate // ETSI TS 102 366 §4.1
	case hooks.LPCM:
		if n := tr.Channels * ((tr.BitDepth + 7) / 8); n > 0 {
			return int64(len(frame) / n), rate
		}
	case hooks.G711:
		if tr.Channels > 0 {
			return int64(len(frame) / tr.Channels), rate
		}
	}
	return 0, 1
}

// sampleRate is never 0; a track that does not tell its own has that of its clock.
func sampleRate(tr *hooks.Track) int64 {
	if tr.SampleRate > 0 {
		return int64(tr.SampleRate)
	}
	return int64(max(tr.ClockRate, 1))
}

// aacFrame is 1024 samples, or 960 with frameLengthFlag (ISO/IEC 14496-3 §4.4).
func aacFrame(tr *hooks.Track) int64 {
	var c mpeg4audio.AudioSpecificConfig
	if c.Unmarshal(tr.AudioConfig) == nil && c.FrameLengthFlag {
		return 960
	}
	return 1024
}
