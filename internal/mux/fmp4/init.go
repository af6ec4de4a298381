package fmp4

import (
	"bytes"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/ac3"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"

	"github.com/live-recording/liverecord/hooks"
)

// initSegment returns ftyp and moov. first holds the first frame of each AC-3
// track, or nil if none came yet.
func initSegment(tracks []hooks.Track, first [][]byte) ([]byte, error) {
	var in fmp4.Init
	hevc := false
	for i := range tracks {
		t := &tracks[i]
		it := &fmp4.InitTrack{ID: i + 1, TimeScale: uint32(t.ClockRate)}
		if err := setCodec(it, t, first[i]); err != nil {
			return nil, fmt.Errorf("track %d (%s): %w", i, t.Codec, err)
		}
		in.Tracks = append(in.Tracks, it)
		hevc = hevc || t.Codec == hooks.H265
	}
	b, err := marshal(&in)
	if err != nil {
		return nil, err
	}
	if hevc {
		// Apple's players want hvc1: the init segment alone is enough to decode
		// (ISO/IEC 14496-15 §8.4.1), what samples repeat is the same.
		b = bytes.ReplaceAll(b, []byte("hev1\x00\x00\x00\x00\x00\x00\x00\x01"),
			[]byte("hvc1\x00\x00\x00\x00\x00\x00\x00\x01"))
	}
	return b, nil
}

// marshal turns the library's panics on broken parameter sets into errors.
func marshal(in *fmp4.Init) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unusable codec parameters: %v", p)
		}
	}()
	var buf seekablebuffer.Buffer
	if err := in.Marshal(&buf); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func setCodec(it *fmp4.InitTrack, t *hooks.Track, first []byte) error {
	switch t.Codec {
	case hooks.H264:
		it.Codec = &fmp4.CodecH264{SPS: t.SPS, PPS: t.PPS}
	case hooks.H265:
		it.Codec = &fmp4.CodecH265{VPS: t.VPS, SPS: t.SPS, PPS: t.PPS}
	case hooks.AV1:
		it.Codec = &fmp4.CodecAV1{SequenceHeader: t.SequenceHeader}
	case hooks.VP9:
		it.Codec = vp9(t)
	case hooks.AAC:
		c := &fmp4.CodecMPEG4Audio{}
		if err := c.Config.Unmarshal(t.AudioConfig); err != nil {
			return err
		}
		if _, err := mpeg4audio.AudioSpecificConfig.Marshal(c.Config); err != nil {
			return err
		}
		it.Codec = c
	case hooks.MP3:
		it.Codec = &fmp4.CodecMPEG1Audio{SampleRate: t.SampleRate, ChannelCount: t.Channels}
	case hooks.Opus:
		it.Codec = &fmp4.CodecOpus{ChannelCount: max(1, t.Channels)}
	case hooks.AC3:
		it.Codec = dolby(t, first)
	default:
		return fmt.Errorf("fragmented MP4 cannot hold %s in HLS", t.Codec)
	}
	return nil
}

// vp9 fills what a track does not tell: profiles 0 and 1 have 8 bits, 2 and 3
// more; 0 and 2 are 4:2:0, 1 and 3 mostly 4:4:4 (VP Codec ISO Media File Format
// Binding §2). Decoders read the truth in the frames.
func vp9(t *hooks.Track) *fmp4.CodecVP9 {
	c := &fmp4.CodecVP9{
		Width: t.Width, Height: t.Height,
		Profile: uint8(t.Profile), BitDepth: 8, ChromaSubsampling: 1,
	}
	if t.Profile >= 2 {
		c.BitDepth = 10
	}
	if t.Profile&1 != 0 {
		c.ChromaSubsampling = 3
	}
	return c
}

// dolby fills the dac3 box from the first frame (ETSI TS 102 366 §F.4), or from
// what the track says as long as there is none.
func dolby(t *hooks.Track, first []byte) *fmp4.CodecAC3 {
	c := &fmp4.CodecAC3{SampleRate: t.SampleRate, ChannelCount: t.Channels, Bsid: 8, Acmod: 2}
	switch t.SampleRate {
	case 44100:
		c.Fscod = 1
	case 32000:
		c.Fscod = 2
	}
	if t.Channels == 1 {
		c.Acmod = 1
	} else if t.Channels > 5 {
		c.Acmod, c.LfeOn = 7, true
	}
	var sync ac3.SyncInfo
	var bsi ac3.BSI
	if len(first) < 8 || sync.Unmarshal(first) != nil || bsi.Unmarshal(first[5:]) != nil {
		return c
	}
	c.Fscod, c.BitRateCode = sync.Fscod, sync.Frmsizecod>>1
	c.Bsid, c.Bsmod, c.Acmod, c.LfeOn = bsi.Bsid, bsi.Bsmod, bsi.Acmod, bsi.LfeOn
	c.SampleRate, c.ChannelCount = sync.SampleRate(), bsi.ChannelCount()
	return c
}
