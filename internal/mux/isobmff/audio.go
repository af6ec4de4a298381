package isobmff

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// maxConfig keeps each length in esds in one byte.
const maxConfig = 90

func checkAAC(t *hooks.Track) error {
	if len(t.AudioConfig) < 2 || len(t.AudioConfig) > maxConfig {
		return errors.New("AudioSpecificConfig is missing")
	}
	return nil
}

// writeAAC: where neither track nor configuration tell the number of channels (it is
// in a program config element), that element does, else two are assumed.
func writeAAC(w *Writer, e *Entry, x Extra) {
	t := e.track
	asc, rate, channels := t.AudioConfig, t.SampleRate, t.Channels
	if c, err := codec.ParseAAC(asc); err == nil {
		c.Learn(x.Facts.Frame)
		if whole := c.Complete(asc); len(whole) <= maxConfig {
			asc = whole
		}
		if rate <= 0 {
			rate = c.Output
		}
		if channels <= 0 {
			channels = c.Channels
		}
	}
	if channels <= 0 || channels > 255 {
		channels = 2
	}
	startAudio(w, "mp4a", channels, 16, rate)
	esds(w, 0x40, asc, x.bitrate(t))
	w.End()
}

func writeMP3(w *Writer, e *Entry, x Extra) {
	object := byte(0x6B) // MPEG-1, all layers
	if e.track.SampleRate < 32000 {
		object = 0x69 // MPEG-2
	}
	startAudio(w, "mp4a", e.track.Channels, 16, e.track.SampleRate)
	esds(w, object, nil, x.bitrate(e.track))
	w.End()
}

// esds writes the elementary stream descriptor (ISO/IEC 14496-14 §6.7.2,
// 14496-1 §7.2.6). config has at most maxConfig bytes, so each length is one byte.
func esds(w *Writer, object byte, config []byte, bitrate uint32) {
	info := 0
	if len(config) > 0 {
		info = 2 + len(config)
	}
	w.Full("esds", 0, 0)
	w.U8(0x03, byte(3+2+13+info+3))
	w.U16(0) // ES_ID
	w.U8(0)
	w.U8(0x04, byte(13+info), object, 0x15, 0, 0, 0) // audio stream, no buffer size
	w.U32(bitrate, bitrate)
	if len(config) > 0 {
		w.U8(0x05, byte(len(config)))
		w.U8(config...)
	}
	w.U8(0x06, 1, 2) // SLConfig: MP4
	w.End()
}

func writeOpus(w *Writer, e *Entry, x Extra) {
	record, err := codec.DOps(e.track, &x.Facts)
	if err != nil {
		record, _ = codec.DOps(e.track, &codec.Facts{}) // Describe has seen this one
	}
	startAudio(w, "Opus", codec.OpusChannels(e.track, &x.Facts), 16, 48000)
	config(w, "dOps", record)
	btrt(w, x.bitrate(e.track))
	w.End()
}

func writeAC3(w *Writer, e *Entry, x Extra) {
	startAudio(w, "ac-3", e.track.Channels, 16, e.track.SampleRate)
	config(w, "dac3", codec.DAC3(e.track, &x.Facts))
	btrt(w, x.bitrate(e.track))
	w.End()
}

func (e *Entry) describePCM() error {
	t := e.track
	if err := checkAudio(t); err != nil {
		return err
	}
	kind, bits := "twos", t.BitDepth
	switch {
	case t.Codec == hooks.G711:
		bits = 16
	case bits == 24:
		kind = "in24"
	case bits != 8 && bits != 16:
		return fmt.Errorf("bit depth is %d", bits)
	}
	e.PCMFrame = bits / 8 * t.Channels
	e.write = func(w *Writer, e *Entry, _ Extra) {
		startAudio(w, kind, e.track.Channels, bits, e.track.SampleRate)
		w.End()
	}
	return nil
}
