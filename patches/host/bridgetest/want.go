package bridgetest

import "github.com/live-recording/liverecord/hooks"

// want is what the recorder must get of a kind of media.
type want struct {
	name    string
	track   hooks.Track
	payload [][]byte // nil: not delivered
}

// MP3Frame is a frame of 128 kb/s at 44.1 kHz.
func MP3Frame() []byte { return append([]byte{0xff, 0xfb, 0x90, 0xc4}, make([]byte, 413)...) }

// One is a payload of one frame.
func One() [][]byte { return [][]byte{{1, 2, 3}} }

// Two is a payload of two frames.
func Two() [][]byte { return [][]byte{{1, 2, 3}, {4, 5}} }

// aacConfig is AAC-LC, 44.1 kHz, stereo.
var aacConfig = []byte{0x12, 0x10}

func wants() []want {
	aac := hooks.Track{Codec: hooks.AAC, ClockRate: 44100, SampleRate: 44100, Channels: 2, AudioConfig: aacConfig}
	return []want{
		{
			H264, hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: []byte{0x67, 1}, PPS: []byte{0x68, 1}},
			[][]byte{{0x67, 1}, {0x68, 1}, {0x65, 9}},
		},
		{
			"h265", hooks.Track{Codec: hooks.H265, ClockRate: 90000, VPS: []byte{0x40, 1}, SPS: []byte{0x42, 1}, PPS: []byte{0x44, 1}},
			[][]byte{{0x40, 1}, {0x42, 1}, {0x44, 1}, {0x26, 1, 9}},
		},
		{"av1", hooks.Track{Codec: hooks.AV1, ClockRate: 90000}, [][]byte{{0x0a, 1}}}, // without the temporal delimiter
		{"vp9", hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Profile: 2}, One()},
		{"vp8", hooks.Track{Codec: hooks.VP8, ClockRate: 90000}, One()},
		{"aac", aac, Two()},
		{"latm", aac, One()},
		{"mp3", hooks.Track{Codec: hooks.MP3, ClockRate: 90000}, [][]byte{MP3Frame()}},
		{Opus, hooks.Track{Codec: hooks.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2}, Two()},
		{"ac3", hooks.Track{Codec: hooks.AC3, ClockRate: 48000, SampleRate: 48000, Channels: 6}, One()},
		{"lpcm", hooks.Track{Codec: hooks.LPCM, ClockRate: 48000, SampleRate: 48000, Channels: 1, BitDepth: 16}, [][]byte{{1, 2, 3, 4}}},
		{"g711", hooks.Track{Codec: hooks.G711, ClockRate: 8000, SampleRate: 8000, Channels: 1, MuLaw: true}, One()},
		{KLV, hooks.Track{Codec: "unsupported:KLV", ClockRate: 90000}, nil},
	}
}
