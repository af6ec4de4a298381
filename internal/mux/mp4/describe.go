package mp4

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
)

// description is how a track appears in moov.
type description struct {
	width, height int // coded picture
	sarW, sarH    int // shape of a pixel; 0 = unknown
	pcmFrame      int // bytes of one LPCM frame of all channels; 0 = not LPCM

	// entry appends the sample entry (ISO/IEC 14496-12 §8.5.2).
	entry func(w *boxes, f facts)
}

// facts are what the sample entry takes from the file rather than from the track.
type facts struct {
	frame   []byte // the first bytes of the first frame, if noted
	bitrate uint32 // average, bits per second
}

// describe derives the description of a track; the error says what it lacks.
func describe(t *hooks.Track) (description, error) {
	switch t.Codec {
	case hooks.H264:
		return describeH264(t)
	case hooks.H265:
		return describeH265(t)
	case hooks.AV1:
		return describeAV1(t)
	case hooks.VP9, hooks.VP8:
		return describeVPX(t)
	case hooks.AAC:
		return describeAAC(t)
	case hooks.MP3:
		return describeMP3(t)
	case hooks.Opus:
		return describeOpus(t)
	case hooks.AC3:
		return describeAC3(t)
	case hooks.LPCM, hooks.G711:
		return describePCM(t)
	}
	return description{}, errors.New("codec can't be stored")
}

// displayWidth is the width for pixels made square (tkhd).
func (d *description) displayWidth() uint64 {
	if d.sarW <= 0 || d.sarH <= 0 {
		return uint64(d.width) << 16
	}
	return min(uint64(d.width)<<16*uint64(d.sarW)/uint64(d.sarH), 0xFFFF<<16)
}

func (d *description) checkSize() error {
	if d.width <= 0 || d.height <= 0 || d.width > 0xFFFF || d.height > 0xFFFF {
		return fmt.Errorf("picture size is %dx%d", d.width, d.height)
	}
	return nil
}

// startVisual opens a VisualSampleEntry (§12.1.3).
func (d *description) startVisual(w *boxes, kind string) {
	w.start(kind)
	w.zero(6)
	w.u16(1) // data_reference_index
	w.zero(16)
	w.u16(uint16(d.width), uint16(d.height))
	w.u32(0x480000, 0x480000, 0) // 72 dpi
	w.u16(1)                     // frame_count
	w.zero(32)                   // compressorname
	w.u16(0x18, 0xFFFF)          // depth
}

// endVisual closes it; pasp (§12.1.4) if pixels are not square.
func (d *description) endVisual(w *boxes) {
	if d.sarW > 0 && d.sarH > 0 && d.sarW != d.sarH {
		w.start("pasp")
		w.u32(uint32(d.sarW), uint32(d.sarH))
		w.end()
	}
	w.end()
}

// startAudio opens an AudioSampleEntry of version 0 (§12.2.3).
func startAudio(w *boxes, kind string, channels, bits, rate int) {
	if rate > 0xFFFF {
		rate = 0 // does not fit; the codec's own configuration tells
	}
	w.start(kind)
	w.zero(6)
	w.u16(1) // data_reference_index
	w.zero(8)
	w.u16(uint16(channels), uint16(bits), 0, 0)
	w.u32(uint32(rate) << 16)
}

func checkAudio(t *hooks.Track) error {
	switch {
	case t.SampleRate <= 0:
		return errors.New("sample rate is unknown")
	case t.Channels <= 0 || t.Channels > 255:
		return fmt.Errorf("number of channels is %d", t.Channels)
	}
	return nil
}
