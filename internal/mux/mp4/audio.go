package mp4

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
)

func describeAAC(t *hooks.Track) (description, error) {
	if len(t.AudioConfig) < 2 || len(t.AudioConfig) > 64 {
		return description{}, errors.New("AudioSpecificConfig is missing")
	}
	return description{entry: func(w *boxes, f facts) {
		startAudio(w, "mp4a", t.Channels, 16, t.SampleRate)
		esds(w, 0x40, t.AudioConfig, f.bitrate)
		w.end()
	}}, checkAudio(t)
}

func describeMP3(t *hooks.Track) (description, error) {
	object := byte(0x6B) // MPEG-1
	if t.SampleRate < 32000 {
		object = 0x69 // MPEG-2
	}
	return description{entry: func(w *boxes, f facts) {
		startAudio(w, "mp4a", t.Channels, 16, t.SampleRate)
		esds(w, object, nil, f.bitrate)
		w.end()
	}}, checkAudio(t)
}

// esds writes the elementary stream descriptor (ISO/IEC 14496-14 §6.7.2,
// 14496-1 §7.2.6). config has at most 64 bytes, so each length is one byte.
func esds(w *boxes, object byte, config []byte, bitrate uint32) {
	info := 0
	if len(config) > 0 {
		info = 2 + len(config)
	}
	w.full("esds", 0, 0)
	w.u8(0x03, byte(3+2+13+info+3))
	w.u16(0) // ES_ID
	w.u8(0)
	w.u8(0x04, byte(13+info), object, 0x15, 0, 0, 0) // audio stream, no buffer size
	w.u32(bitrate, bitrate)
	if len(config) > 0 {
		w.u8(0x05, byte(len(config)))
		w.u8(config...)
	}
	w.u8(0x06, 1, 2) // SLConfig: MP4
	w.end()
}

// opusMapping is streams, coupled streams and the channel mapping of family 1
// (RFC 7845 §5.1.1.2), by number of channels.
var opusMapping = map[int][]byte{
	3: {2, 1, 0, 2, 1},
	4: {2, 2, 0, 1, 2, 3},
	5: {3, 2, 0, 4, 1, 2, 3},
	6: {4, 2, 0, 4, 1, 2, 3, 5},
	7: {4, 3, 0, 4, 1, 2, 3, 5, 6},
	8: {5, 3, 0, 6, 1, 2, 3, 4, 5, 7},
}

func describeOpus(t *hooks.Track) (description, error) {
	mapping := opusMapping[t.Channels]
	if mapping == nil && t.Channels != 1 && t.Channels != 2 {
		return description{}, fmt.Errorf("number of channels is %d", t.Channels)
	}
	return description{entry: func(w *boxes, _ facts) {
		startAudio(w, "Opus", t.Channels, 16, 48000)
		w.start("dOps") // Opus in ISOBMFF §4.3.2
		w.u8(0, byte(t.Channels))
		w.u16(0) // PreSkip
		w.u32(48000)
		w.u16(0)
		if mapping == nil {
			w.u8(0)
		} else {
			w.u8(1)
			w.u8(mapping...)
		}
		w.end()
		w.end()
	}}, nil
}

func describeAC3(t *hooks.Track) (description, error) {
	return description{entry: func(w *boxes, f facts) {
		startAudio(w, "ac-3", t.Channels, 16, t.SampleRate)
		w.start("dac3") // ETSI TS 102 366 §F.4
		d := dac3(t, f.frame)
		w.u8(byte(d>>16), byte(d>>8), byte(d))
		w.end()
		w.end()
	}}, checkAudio(t)
}

// dac3 packs the fields of a sync frame's header (ETSI TS 102 366 §4.3): fscod 2,
// bsid 5, bsmod 3, acmod 3, lfeon 1, bit_rate_code 5, reserved 5 bits. Without a
// frame it takes what the track says.
func dac3(t *hooks.Track, frame []byte) uint32 {
	if len(frame) < 8 {
		return dac3Guess(t)
	}
	fscod, rate := uint32(frame[4]>>6), uint32(frame[4]&0x3F)>>1
	bsid, bsmod := uint32(frame[5]>>3), uint32(frame[5]&7)
	acmod := uint32(frame[6] >> 5)
	pos := 3 // of lfeon, behind acmod
	if acmod&1 != 0 && acmod != 1 {
		pos += 2 // cmixlev
	}
	if acmod&4 != 0 {
		pos += 2 // surmixlev
	}
	if acmod == 2 {
		pos += 2 // dsurmod
	}
	lfe := (uint32(frame[6])<<8 | uint32(frame[7])) >> (15 - pos) & 1
	return fscod<<22 | bsid<<17 | bsmod<<14 | acmod<<11 | lfe<<10 | rate<<5
}

func dac3Guess(t *hooks.Track) uint32 {
	fscod := map[int]uint32{48000: 0, 44100: 1, 32000: 2}[t.SampleRate]
	acmod, lfe := uint32(min(t.Channels, 7)), uint32(0)
	if t.Channels == 6 {
		acmod, lfe = 7, 1
	}
	const bsid, rate = 8, 15
	return fscod<<22 | bsid<<17 | acmod<<11 | lfe<<10 | rate<<5
}

func describePCM(t *hooks.Track) (description, error) {
	if err := checkAudio(t); err != nil {
		return description{}, err
	}
	kind, bits := "twos", t.BitDepth
	switch {
	case t.Codec == hooks.G711:
		bits = 16
	case bits == 24:
		kind = "in24"
	case bits != 8 && bits != 16:
		return description{}, fmt.Errorf("bit depth is %d", bits)
	}
	return description{
		pcmFrame: bits / 8 * t.Channels,
		entry: func(w *boxes, _ facts) {
			startAudio(w, kind, t.Channels, bits, t.SampleRate)
			w.end()
		},
	}, nil
}
