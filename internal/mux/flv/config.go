package flv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// The records that sequence headers carry. f is what the first samples told; it
// never changes the size of a record but that of AAC.

func noConfig(*hooks.Track, *codec.Facts) ([]byte, error) { return nil, nil }

func avcConfig(t *hooks.Track, _ *codec.Facts) ([]byte, error) { return codec.AVCC(t) }

func hevcConfig(t *hooks.Track, _ *codec.Facts) ([]byte, error) { return codec.HVCC(t, true) }

func av1Config(t *hooks.Track, _ *codec.Facts) ([]byte, error) { return codec.AV1C(t) }

// aacConfig completes a configuration whose channels a program config element tells.
func aacConfig(t *hooks.Track, f *codec.Facts) ([]byte, error) {
	if len(t.AudioConfig) < 2 {
		return nil, errors.New("AudioSpecificConfig is missing")
	}
	if c, err := codec.ParseAAC(t.AudioConfig); err == nil {
		c.Learn(f.Frame)
		return c.Complete(t.AudioConfig), nil
	}
	return t.AudioConfig, nil
}

// vp9Config is the record behind the version and flags of its box: Enhanced RTMP
// does not ask for these, but ffmpeg and MediaMTX write them and the latter needs
// them.
func vp9Config(t *hooks.Track, f *codec.Facts) ([]byte, error) { return codec.VPCC(t, f), nil }

// opusConfig is the ID header (RFC 7845 §5.1).
func opusConfig(t *hooks.Track, f *codec.Facts) ([]byte, error) {
	n := codec.OpusChannels(t, f)
	mapping, err := codec.OpusMapping(n)
	if err != nil {
		return nil, err
	}
	b := append([]byte("OpusHead"), 1, byte(n))
	b = binary.LittleEndian.AppendUint16(b, codec.OpusPreSkip)
	b = binary.LittleEndian.AppendUint32(b, 48000)
	b = append(b, 0, 0)
	return append(b, mapping...), nil
}

// mp3Layer refuses layers that FLV has no number for (FLV 10.1 §E.4.2.1: MP3 only).
func mp3Layer(t *hooks.Track) error {
	if t.Layer == 1 || t.Layer == 2 {
		return fmt.Errorf("MPEG audio layer %d: FLV holds layer 3 only", t.Layer)
	}
	return nil
}

// appendOBUHead appends the header of an OBU and its size field.
func appendOBUHead(b, obu []byte) []byte {
	n := codec.OBUHeader(obu)
	if obu[0]&codec.OBUHasSize != 0 {
		return append(b, obu[:n]...) // its own size field follows
	}
	b = append(append(b, obu[0]|codec.OBUHasSize), obu[1:n]...)
	return binary.AppendUvarint(b, uint64(len(obu)-n)) // leb128 is uvarint
}

func obuPayload(obu []byte) []byte { return obu[codec.OBUHeader(obu):] }

// obuSize is the length of an OBU in the file.
func obuSize(obu []byte) int {
	n := len(obu)
	if obu[0]&codec.OBUHasSize == 0 {
		n++
		for rest := (len(obu) - codec.OBUHeader(obu)) >> 7; rest > 0; rest >>= 7 {
			n++
		}
	}
	return n
}

func flag(set bool, bit int) byte {
	if set {
		return 1 << bit
	}
	return 0
}
