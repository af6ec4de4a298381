package timeline

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg1audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// Access says whether decoding can start at an access unit.
type Access int

// Kinds of access units.
const (
	NoAccess Access = iota
	// Recovery is a recovery point (H.264 §D.2.8): pictures are right after a
	// while. Good enough to begin with, not to cut at.
	Recovery
	// Key is a random access point.
	Key
)

// AccessOf looks at the payload of a video unit; cheap enough for every unit.
func AccessOf(c hooks.Codec, payload [][]byte) Access {
	switch c {
	case hooks.H264:
		return accessH264(payload)
	case hooks.H265:
		for _, n := range payload {
			if len(n) > 0 {
				if t := n[0] >> 1 & 0x3f; t >= 16 && t <= 21 { // IRAP, H.265 table 7-1
					return Key
				}
			}
		}
	case hooks.AV1:
		if av1.IsRandomAccess2(payload) {
			return Key
		}
	case hooks.VP9:
		var h vp9.Header
		if len(payload) > 0 && h.Unmarshal(payload[0]) == nil && !h.NonKeyFrame {
			return Key
		}
	case hooks.VP8:
		if len(payload) > 0 && len(payload[0]) > 0 && payload[0][0]&1 == 0 {
			return Key
		}
	default:
		return Key
	}
	return NoAccess
}

func accessH264(payload [][]byte) Access {
	best := NoAccess
	for _, n := range payload {
		if len(n) == 0 {
			continue
		}
		switch h264.NALUType(n[0] & 0x1f) {
		case h264.NALUTypeIDR:
			return Key
		case h264.NALUTypeSEI:
			if hasRecoveryPoint(n[1:]) {
				best = Recovery
			}
		}
	}
	return best
}

// hasRecoveryPoint walks the SEI messages (H.264 §7.3.2.3.1) for type 6.
func hasRecoveryPoint(sei []byte) bool {
	for len(sei) > 2 {
		var typ, size int
		var ok bool
		if typ, sei, ok = seiNumber(sei); !ok {
			return false
		}
		if size, sei, ok = seiNumber(sei); !ok {
			return false
		}
		if typ == 6 {
			return true
		}
		if size > len(sei) {
			return false
		}
		sei = sei[size:]
	}
	return false
}

func seiNumber(b []byte) (n int, rest []byte, ok bool) {
	for i, c := range b {
		n += int(c)
		if c != 0xff {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// learn returns the track with the parameters that the payload of a random
// access point, or of an MP3 unit, brings. The result is tr itself if nothing changed.
func learn(tr *hooks.Track, payload [][]byte) *hooks.Track {
	next := *tr
	switch tr.Codec {
	case hooks.H264:
		for _, n := range payload {
			if len(n) == 0 {
				continue
			}
			switch h264.NALUType(n[0] & 0x1f) {
			case h264.NALUTypeSPS:
				if better(tr.Codec, n, next.SPS) {
					next.SPS = n
				}
			case h264.NALUTypePPS:
				next.PPS = n
			}
		}
	case hooks.H265:
		learnH265(&next, payload)
	case hooks.AV1:
		for _, o := range payload {
			var h av1.OBUHeader
			if h.Unmarshal(o) == nil && h.Type == av1.OBUTypeSequenceHeader {
				next.SequenceHeader = o
			}
		}
	case hooks.VP9:
		var h vp9.Header
		if len(payload) > 0 && h.Unmarshal(payload[0]) == nil && !h.NonKeyFrame && h.ColorConfig != nil {
			next.Profile, next.Width, next.Height = int(h.Profile), h.Width(), h.Height()
			next.BitDepth = int(h.ColorConfig.BitDepth)
		}
	case hooks.VP8:
		if f := payload[0]; len(f) >= 10 && f[0]&1 == 0 { // RFC 6386 §9.1
			next.Width = int(f[6]) | int(f[7]&0x3f)<<8
			next.Height = int(f[8]) | int(f[9]&0x3f)<<8
		}
	case hooks.MP3:
		var h mpeg1audio.FrameHeader
		if h.Unmarshal(payload[0]) == nil {
			next.SampleRate, next.Channels, next.Layer = h.SampleRate, channels(h.ChannelMode), int(h.Layer)
		}
	}
	setPictureSize(&next)
	if Same(tr, &next) && tr.Width == next.Width && tr.Height == next.Height && tr.Layer == next.Layer {
		return tr
	}
	return &next
}

// dropHuge removes parameter sets that no file can hold, and counts them. Those
// of an honest stream have less than a hundredth of that.
func dropHuge(tr *hooks.Track) (n int) {
	for _, p := range []*[]byte{&tr.VPS, &tr.SPS, &tr.PPS, &tr.SequenceHeader, &tr.AudioConfig} {
		if len(*p) > maxParameters {
			*p = nil
			n++
		}
	}
	return n
}

func channels(m mpeg1audio.ChannelMode) int {
	if m == mpeg1audio.ChannelModeMono {
		return 1
	}
	return 2
}

func learnH265(tr *hooks.Track, payload [][]byte) {
	for _, n := range payload {
		if len(n) < 2 {
			continue
		}
		switch h265.NALUType(n[0] >> 1 & 0x3f) {
		case h265.NALUType_VPS_NUT:
			tr.VPS = n
		case h265.NALUType_SPS_NUT:
			if better(tr.Codec, n, tr.SPS) {
				tr.SPS = n
			}
		case h265.NALUType_PPS_NUT:
			tr.PPS = n
		}
	}
}

// better tells whether an SPS takes the place of the one that is known. One that
// cannot be parsed never replaces one that can: pictures that follow would be
// left out of most formats. It stays in the payload, where a decoder may make
// something of it.
func better(c hooks.Codec, sps, known []byte) bool {
	return !bytes.Equal(sps, known) && (readableSPS(c, sps) || !readableSPS(c, known))
}

// readableSPS tells whether an SPS can be parsed.
func readableSPS(c hooks.Codec, sps []byte) bool {
	if len(sps) == 0 {
		return false
	}
	if c == hooks.H264 {
		_, err := codec.H264(sps)
		return err == nil
	}
	_, err := codec.H265(sps)
	return err == nil
}

// setPictureSize takes the size from parameter sets that can be read.
func setPictureSize(tr *hooks.Track) {
	if p := codec.PictureOf(tr, nil); p.Width > 0 && p.Height > 0 {
		tr.Width, tr.Height = p.Width, p.Height
	}
}

// Known tells whether all parameters are there that a file needs.
func Known(tr *hooks.Track) bool {
	switch tr.Codec {
	case hooks.H264:
		return len(tr.SPS) > 0 && len(tr.PPS) > 0
	case hooks.H265:
		return len(tr.VPS) > 0 && len(tr.SPS) > 0 && len(tr.PPS) > 0
	case hooks.AV1:
		return len(tr.SequenceHeader) > 0
	case hooks.VP8, hooks.VP9:
		return tr.Width > 0 && tr.Height > 0
	case hooks.AAC:
		return len(tr.AudioConfig) > 0
	case hooks.MP3, hooks.AC3:
		return tr.SampleRate > 0 && tr.Channels > 0
	}
	return tr.ClockRate > 0
}

// Same tells whether two sets of parameters mean the same, so that samples of
// both can stand in one file. An AudioSpecificConfig from ADTS and one from
// RTMP may differ in bytes and mean the same.
func Same(a, b *hooks.Track) bool {
	if a == b {
		return true
	}
	if a.Codec != b.Codec || a.ClockRate != b.ClockRate {
		return false
	}
	switch a.Codec {
	case hooks.H264, hooks.H265:
		return bytes.Equal(a.SPS, b.SPS) && bytes.Equal(a.PPS, b.PPS) && bytes.Equal(a.VPS, b.VPS)
	case hooks.AV1:
		return bytes.Equal(a.SequenceHeader, b.SequenceHeader)
	case hooks.VP8, hooks.VP9:
		return a.Width == b.Width && a.Height == b.Height && a.Profile == b.Profile
	case hooks.AAC:
		return sameAAC(a.AudioConfig, b.AudioConfig)
	}
	return a.SampleRate == b.SampleRate && a.Channels == b.Channels && a.BitDepth == b.BitDepth && a.MuLaw == b.MuLaw &&
		(a.Layer == b.Layer || a.Layer == 0 || b.Layer == 0)
}

// sameAAC compares two AudioSpecificConfigs by what a decoder makes of them.
// Backward compatible signalling of SBR and PS does not count: ADTS has none.
func sameAAC(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y mpeg4audio.AudioSpecificConfig
	if x.Unmarshal(a) != nil || y.Unmarshal(b) != nil {
		return false
	}
	return x.Type == y.Type && x.SampleRate == y.SampleRate && x.ChannelCount == y.ChannelCount &&
		x.FrameLengthFlag == y.FrameLengthFlag
}
