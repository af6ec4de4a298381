package host

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/live-recording/liverecord/hooks"
)

// AAC describes an MPEG-4 audio track of the given configuration.
func AAC(clockRate int, conf *mpeg4audio.AudioSpecificConfig) hooks.Track {
	t := hooks.Track{Codec: hooks.AAC, ClockRate: clockRate}
	if conf == nil {
		return t
	}
	t.SampleRate = conf.SampleRate
	if buf, err := conf.Marshal(); err == nil {
		t.AudioConfig = buf
		t.Channels = channels(buf)
	}
	return t
}

// channels reads the channel count from an AudioSpecificConfig (ISO/IEC 14496-3
// §1.6.2.1): the releases of mediacommon hold it in different fields.
func channels(conf []byte) int {
	pos := 0
	read := func(n int) (v int) {
		for range n {
			v <<= 1
			if pos/8 < len(conf) {
				v |= int(conf[pos/8]>>(7-pos%8)) & 1
			}
			pos++
		}
		return v
	}
	if read(5) == 31 {
		read(6)
	}
	if read(4) == 15 {
		read(24)
	}
	switch c := read(4); {
	case c <= 6:
		return c // 0: told by a program config element
	case c == 7:
		return 8
	default:
		return 0
	}
}

// LATMTrack describes a LATM track whose configuration is known from outside
// the stream. Only one program of one layer is supported, as in the server.
func LATMTrack(clockRate int, conf *mpeg4audio.StreamMuxConfig) hooks.Track {
	if conf == nil || len(conf.Programs) != 1 || len(conf.Programs[0].Layers) != 1 {
		return hooks.Track{Codec: "unsupported:MPEG-4 Audio LATM", ClockRate: clockRate}
	}
	return AAC(clockRate, conf.Programs[0].Layers[0].AudioSpecificConfig)
}

// LATMFrames returns the AAC frames of an AudioMuxElement (ISO/IEC 14496-3
// §1.7.3) whose StreamMuxConfig is known from outside the stream.
func LATMFrames(conf *mpeg4audio.StreamMuxConfig, element []byte) ([][]byte, error) {
	e := mpeg4audio.AudioMuxElement{StreamMuxConfig: conf}
	if err := e.Unmarshal(element); err != nil {
		return nil, err
	}
	var frames [][]byte
	for _, sub := range e.Payloads {
		if len(sub) != 1 || len(sub[0]) != 1 {
			return nil, fmt.Errorf("LATM with several programs or layers")
		}
		if len(sub[0][0]) > 0 {
			frames = append(frames, sub[0][0])
		}
	}
	return frames, nil
}
