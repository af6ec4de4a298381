package flv

import (
	"bytes"
	"errors"
	"math"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// framing is how the parts of a payload are joined in a tag.
type framing int

const (
	joined framing = iota // one after the other
	nalus                 // each with its length in 4 bytes (ISO/IEC 14496-15)
	obus                  // each with a size field (AV1 §5.3)
)

// FourCC of the enhanced codecs (Enhanced RTMP v2, VideoFourCc and AudioFourCc).
const (
	fourHEVC = "hvc1"
	fourAV1  = "av01"
	fourVP9  = "vp09"
	fourOpus = "Opus"
	fourAC3  = "ac-3"
)

// Codec numbers of the classic tags (FLV 10.1 §E.4.2.1, §E.4.3.1).
const (
	videoAVC  = 7
	audioMP3  = 2
	audioMP38 = 14
	audioAAC  = 10
)

// Frame types of a video tag.
const (
	frameKey   = 1
	frameInter = 2
)

// Packet types of enhanced tags, and of AVC and AAC tags as far as they go.
const (
	packetStart   = 0
	packetFrames  = 1
	packetEnd     = 2
	packetFramesX = 3 // without composition time
)

const (
	exVideo = 0x80   // IsExVideoHeader
	exAudio = 9 << 4 // SoundFormat.ExHeader
)

// layout is what a codec's tags look like.
type layout struct {
	fourCC  string // "" = classic
	id      byte   // classic codec number
	framing framing
	// composition tells that frames carry a composition time.
	composition bool
	config      func(*hooks.Track, *codec.Facts) ([]byte, error)
}

var layouts = map[hooks.Codec]layout{
	hooks.H264: {id: videoAVC, framing: nalus, composition: true, config: avcConfig},
	hooks.H265: {fourCC: fourHEVC, framing: nalus, composition: true, config: hevcConfig},
	hooks.AV1:  {fourCC: fourAV1, framing: obus, config: av1Config},
	hooks.VP9:  {fourCC: fourVP9, config: vp9Config},
	hooks.AAC:  {id: audioAAC, config: aacConfig},
	hooks.MP3:  {id: audioMP3, config: noConfig},
	hooks.Opus: {fourCC: fourOpus, config: opusConfig},
	hooks.AC3:  {fourCC: fourAC3, config: noConfig},
}

// stream is a track on its way into the file.
type stream struct {
	layout
	track  *hooks.Track
	codec  hooks.Codec
	video  bool
	rate   int64
	flags  byte     // first byte of a classic audio tag
	config []byte   // body of the sequence header; nil = none
	params [][]byte // parameter sets that are dropped in-band

	seen bool
	last int64 // DTS of the sample before, in ticks
}

func newStream(t *hooks.Track) (stream, error) {
	l, ok := layouts[t.Codec]
	if !ok {
		return stream{}, errors.New("codec cannot be held by FLV")
	}
	if t.ClockRate <= 0 || t.ClockRate > math.MaxInt32 {
		return stream{}, errClock
	}
	config, err := l.config(t, &codec.Facts{})
	if err != nil {
		return stream{}, err
	}
	s := stream{layout: l, track: t, codec: t.Codec, video: t.Codec.IsVideo(), rate: int64(t.ClockRate), config: config}
	switch t.Codec {
	case hooks.H264:
		s.params = [][]byte{t.SPS, t.PPS}
	case hooks.H265:
		s.params = [][]byte{t.VPS, t.SPS, t.PPS}
	case hooks.AAC:
		// The rate and channel bits say nothing about AAC; the specification
		// wants 44 kHz stereo.
		s.flags = audioAAC<<4 | 0x0F
	case hooks.MP3:
		if err := mp3Layer(t); err != nil {
			return stream{}, err
		}
		if s.flags, err = mp3Flags(t); err != nil {
			return stream{}, err
		}
	}
	return s, nil
}

// learn improves the sequence header by what the first samples tell. It tells
// whether the header has another size now.
func (s *stream) learn(f *codec.Facts) bool {
	config, err := s.layout.config(s.track, f)
	if err != nil || config == nil {
		return false
	}
	resized := len(config) != len(s.config)
	s.config = config
	return resized
}

// mp3Flags is the first byte of an MP3 tag. Rates that it cannot name get the
// nearest; players take the true one from the frames.
func mp3Flags(t *hooks.Track) (byte, error) {
	if t.SampleRate <= 0 || t.Channels <= 0 {
		return 0, errors.New("sample rate or channel count unknown")
	}
	id, rate := byte(audioMP3), byte(3)
	switch {
	case t.SampleRate == 8000:
		id, rate = audioMP38, 0
	case t.SampleRate <= 8269:
		rate = 0
	case t.SampleRate <= 16537:
		rate = 1
	case t.SampleRate <= 33075:
		rate = 2
	}
	flags := id<<4 | rate<<2 | 1<<1
	if t.Channels > 1 {
		flags |= 1
	}
	return flags, nil
}

// frameHead appends the part of a tag's data that stands before the payload.
func (s *stream) frameHead(b []byte, key bool, composition int64) []byte {
	switch {
	case s.video && s.fourCC == "":
		return append24(append(b, frameType(key)<<4|s.id, packetFrames), composition)
	case s.video && s.composition && composition != 0:
		b = append(append(b, exVideo|frameType(key)<<4|packetFrames), s.fourCC...)
		return append24(b, composition)
	case s.video && s.composition:
		return append(append(b, exVideo|frameType(key)<<4|packetFramesX), s.fourCC...)
	case s.video:
		return append(append(b, exVideo|frameType(key)<<4|packetFrames), s.fourCC...)
	case s.fourCC != "":
		return append(append(b, exAudio|packetFrames), s.fourCC...)
	case s.codec == hooks.AAC:
		return append(b, s.flags, packetFrames)
	}
	return append(b, s.flags)
}

// startHead appends what stands before the configuration in a sequence header.
func (s *stream) startHead(b []byte) []byte {
	switch {
	case s.video && s.fourCC == "":
		return append(b, frameKey<<4|s.id, packetStart, 0, 0, 0)
	case s.video:
		return append(append(b, exVideo|frameKey<<4|packetStart), s.fourCC...)
	case s.fourCC != "":
		return append(append(b, exAudio|packetStart), s.fourCC...)
	}
	return append(b, s.flags, packetStart)
}

// end is the data of the end-of-sequence tag, nil where there is none. It is
// no key frame, lest players seek to it.
func (s *stream) end() []byte {
	switch {
	case s.video && s.fourCC == "":
		return []byte{frameInter<<4 | s.id, packetEnd, 0, 0, 0}
	case s.video:
		return append([]byte{exVideo | frameInter<<4 | packetEnd}, s.fourCC...)
	case s.fourCC != "":
		return append([]byte{exAudio | packetEnd}, s.fourCC...)
	}
	return nil
}

func frameType(key bool) byte {
	if key {
		return frameKey
	}
	return frameInter
}

// Types of units that stay out of the file.
const (
	avcDelimiter  = 9
	hevcDelimiter = 35
	obuDelimiter  = 2
)

// drops tells that a part of the payload is not written: delimiters, and
// parameter sets that the sequence header holds.
func (s *stream) drops(part []byte) bool {
	if len(part) == 0 {
		return true
	}
	switch s.codec {
	case hooks.H264:
		if part[0]&0x1F == avcDelimiter {
			return true
		}
	case hooks.H265:
		if part[0]>>1&0x3F == hevcDelimiter {
			return true
		}
	case hooks.AV1:
		return part[0]>>3&0x0F == obuDelimiter
	}
	for _, p := range s.params {
		if bytes.Equal(p, part) {
			return true
		}
	}
	return false
}
