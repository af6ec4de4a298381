package host

import (
	"bytes"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/live-recording/liverecord/hooks"
)

func TestChannels(t *testing.T) {
	for _, c := range []struct {
		conf []byte
		want int
	}{
		{[]byte{0x12, 0x10}, 2},                   // LC, 44100, stereo
		{[]byte{0x11, 0x88}, 1},                   // LC, 48000, mono
		{[]byte{0x11, 0xb8}, 8},                   // LC, 48000, 7.1
		{[]byte{0x11, 0x80}, 0},                   // program config element
		{[]byte{0x17, 0x80, 0x5d, 0xc0, 0x10}, 2}, // explicit 48000 Hz
		{nil, 0},
	} {
		if got := channels(c.conf); got != c.want {
			t.Errorf("%x: %d, want %d", c.conf, got, c.want)
		}
	}
}

func TestLATM(t *testing.T) {
	var asc mpeg4audio.AudioSpecificConfig
	if err := asc.Unmarshal([]byte{0x12, 0x10}); err != nil {
		t.Fatal(err)
	}
	conf := &mpeg4audio.StreamMuxConfig{
		NumSubFrames: 1,
		Programs: []*mpeg4audio.StreamMuxConfigProgram{{
			Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: &asc, LatmBufferFullness: 255}},
		}},
	}
	track := LATMTrack(44100, conf)
	if track.Codec != hooks.AAC || track.Channels != 2 || track.SampleRate != 44100 ||
		!bytes.Equal(track.AudioConfig, []byte{0x12, 0x10}) {
		t.Errorf("%+v", track)
	}
	if got := LATMTrack(90000, nil); got.Codec == hooks.AAC {
		t.Errorf("in-band configuration: %+v", got)
	}

	// two subframes of 2 and 256 bytes, each behind its length (§1.7.3.1)
	long := bytes.Repeat([]byte{7}, 256)
	element := append([]byte{2, 0xaa, 0xbb, 255, 1}, long...)
	frames, err := LATMFrames(conf, element)
	if err != nil {
		t.Fatal(err)
	}
	if len(frames) != 2 || !bytes.Equal(frames[0], []byte{0xaa, 0xbb}) || !bytes.Equal(frames[1], long) {
		t.Errorf("frames %x", frames)
	}
	if _, err := LATMFrames(conf, []byte{200, 1}); err == nil {
		t.Error("a cut element is accepted")
	}
}
