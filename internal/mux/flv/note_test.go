package flv

import (
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

func FuzzStartNote(f *testing.F) {
	f.Add(appendStartNote(nil, 0, []byte{0x11, 0x80, 4}))
	f.Add([]byte{0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, note []byte) {
		streams := mustStreams(t, []hooks.Track{aacTrack})
		if err := readStartNote(streams, note); err == nil {
			appendStarts(nil, streams)
		}
	})
}

// A configuration without its program config element is completed from the first
// frame, and the head knows how long it became.
func TestLearnedPCE(t *testing.T) {
	tracks := []hooks.Track{
		{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, AudioConfig: []byte{0x11, 0x80}},
		h264Track,
	}
	m, err := Format.New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	frame := []byte{0xA0, 0x98, 0x80, 0x80, 0x04, 0x22, 0x00, 0x21, 0x10, 1, 2, 3} // four channels
	f := &file{tracks: tracks}
	f.write(t, m, []mux.Sample{
		{Track: 1, Sync: true, Payload: [][]byte{{0x65, 1, 2, 3}}},
		{Dur: 1024, Sync: true, Payload: [][]byte{frame}},
	}, 0, 2)
	data := f.finish(t, len(f.records), 0)
	_, tags := mustReadFLV(t, data)
	checkIndex(t, readMeta(t, tags[0]), tags, 2)
	if len(tags[2].data) <= 4 {
		t.Errorf("the configuration is % x", tags[2].data)
	}
}
