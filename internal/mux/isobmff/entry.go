package isobmff

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// Entry is how a track appears in moov.
type Entry struct {
	Picture  codec.Picture // of video
	PCMFrame int           // bytes of one LPCM frame of all channels; 0 = not LPCM

	track *hooks.Track
	write func(w *Writer, e *Entry, x Extra)
}

// Extra is what the sample entry takes from the stream rather than from the track.
type Extra struct {
	Facts   codec.Facts
	Bitrate uint32 // instead of that of Facts, if these measured nothing
	// InBand tells that samples bring parameter sets that the entry lacks.
	InBand bool
}

func (x *Extra) bitrate(t *hooks.Track) uint32 {
	if r := x.Facts.Bitrate(t); r > 0 {
		return r
	}
	return x.Bitrate
}

// Describe derives the entry of a track; the error says what it lacks.
func Describe(t *hooks.Track) (Entry, error) {
	e := Entry{track: t}
	var err error
	switch t.Codec {
	case hooks.H264:
		_, err = codec.AVCC(t)
		e.write = writeH264
	case hooks.H265:
		_, err = codec.HVCC(t, true)
		e.write = writeH265
	case hooks.AV1:
		_, err = codec.AV1C(t)
		e.write = writeAV1
	case hooks.VP9, hooks.VP8:
		e.write = writeVPX
	case hooks.AAC:
		err = checkAAC(t)
		e.write = writeAAC
	case hooks.MP3:
		err = checkAudio(t)
		e.write = writeMP3
	case hooks.Opus:
		_, err = codec.DOps(t, &codec.Facts{})
		e.write = writeOpus
	case hooks.AC3:
		err = checkAudio(t)
		e.write = writeAC3
	case hooks.LPCM, hooks.G711:
		err = e.describePCM()
	default:
		err = errors.New("codec can't be stored")
	}
	if err == nil && t.ClockRate <= 0 {
		err = fmt.Errorf("clock rate is %d", t.ClockRate)
	}
	if t.Codec.IsVideo() {
		e.Picture = codec.PictureOf(t, nil)
		if e.Picture.Width > 0xFFFF || e.Picture.Height > 0xFFFF {
			e.Picture.Width, e.Picture.Height = 0, 0 // does not fit; the decoder knows
		}
	}
	return e, err
}

// Stsd writes the sample description box (§8.5.2).
func (e *Entry) Stsd(w *Writer, x Extra) {
	w.Full("stsd", 0, 0)
	w.U32(1)
	e.write(w, e, x)
	w.End()
}

// displayWidth is the width for pixels made square (tkhd), 16.16.
func (e *Entry) displayWidth() uint32 {
	p := &e.Picture
	if p.SarW <= 0 || p.SarH <= 0 {
		return uint32(p.Width) << 16
	}
	return uint32(min(uint64(p.Width)<<16*uint64(p.SarW)/uint64(p.SarH), 0xFFFF<<16))
}

// startVisual opens a VisualSampleEntry (§12.1.3).
func (e *Entry) startVisual(w *Writer, kind, compressor string) {
	w.Start(kind)
	w.Zero(6)
	w.U16(1) // data_reference_index
	w.Zero(16)
	w.U16(uint16(e.Picture.Width), uint16(e.Picture.Height))
	w.U32(0x480000, 0x480000, 0) // 72 dpi
	w.U16(1)                     // frame_count
	w.U8(byte(len(compressor)))
	w.Str(compressor)
	w.Zero(31 - len(compressor))
	w.U16(0x18, 0xFFFF) // depth
}

// endVisual closes it, behind colr (§12.1.5), pasp (§12.1.4) and btrt.
func (e *Entry) endVisual(w *Writer, x *Extra) {
	p := codec.PictureOf(e.track, x.Facts.Frame)
	if c := p.Color; c != nil {
		w.Start("colr")
		w.Str("nclx")
		w.U16(uint16(c.Primaries), uint16(c.Transfer), uint16(c.Matrix))
		full := byte(0)
		if c.FullRange {
			full = 0x80
		}
		w.U8(full)
		w.End()
	}
	if p.SarW > 0 && p.SarH > 0 {
		w.Start("pasp")
		w.U32(uint32(p.SarW), uint32(p.SarH))
		w.End()
	}
	btrt(w, x.bitrate(e.track))
	w.End()
}

// btrt is the bit rate box (§8.5.2.2).
func btrt(w *Writer, rate uint32) {
	if rate == 0 {
		return
	}
	w.Start("btrt")
	w.U32(0, rate, rate)
	w.End()
}

// startAudio opens an AudioSampleEntry of version 0 (§12.2.3).
func startAudio(w *Writer, kind string, channels, bits, rate int) {
	if rate > 0xFFFF || rate < 0 {
		rate = 0 // does not fit; the codec's own configuration tells
	}
	w.Start(kind)
	w.Zero(6)
	w.U16(1) // data_reference_index
	w.Zero(8)
	w.U16(uint16(channels), uint16(bits), 0, 0)
	w.U32(uint32(rate) << 16)
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
