package mp4

import (
	"bytes"
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/live-recording/liverecord/hooks"
)

// appendPayload adds a sample to the open chunk, framed for the codec, and
// returns its size in bytes.
func (t *trackState) appendPayload(payload [][]byte) int64 {
	size := 0
	for _, p := range payload {
		if len(p) == 0 {
			continue
		}
		switch t.Codec {
		case hooks.H264, hooks.H265:
			size += t.appendNAL(p)
		case hooks.AV1:
			size += t.appendOBU(p)
		case hooks.G711:
			size += t.appendG711(p)
		default:
			size += t.append(p)
		}
	}
	return int64(size)
}

// append adds p, by reference if it is large.
func (t *trackState) append(p []byte) int {
	if len(p) >= copyBelow {
		t.pieces = append(t.pieces, piece{ext: p})
		return len(p)
	}
	from := len(t.scratch)
	t.scratch = append(t.scratch, p...)
	t.scratched(from)
	return len(p)
}

// scratched makes a piece of the bytes that were appended to scratch.
func (t *trackState) scratched(from int) {
	if n := len(t.pieces); n > 0 && t.pieces[n-1].ext == nil {
		t.pieces[n-1].to = len(t.scratch)
		return
	}
	t.pieces = append(t.pieces, piece{from: from, to: len(t.scratch)})
}

// appendNAL adds a NAL unit with its length, unless the container makes it redundant.
func (t *trackState) appendNAL(nal []byte) int {
	if t.redundant(nal) {
		return 0
	}
	from := len(t.scratch)
	t.scratch = binary.BigEndian.AppendUint32(t.scratch, uint32(len(nal)))
	t.scratched(from)
	return 4 + t.append(nal)
}

// redundant tells whether a NAL unit is an access unit delimiter or a parameter
// set that the sample description already holds.
func (t *trackState) redundant(nal []byte) bool {
	if t.Codec == hooks.H264 {
		switch h264.NALUType(nal[0] & 0x1F) {
		case h264.NALUTypeAccessUnitDelimiter:
			return true
		case h264.NALUTypeSPS:
			return t.known(nal, t.SPS)
		case h264.NALUTypePPS:
			return t.known(nal, t.PPS)
		}
		return false
	}
	switch h265.NALUType(nal[0] >> 1 & 0x3F) {
	case h265.NALUType_AUD_NUT:
		return true
	case h265.NALUType_VPS_NUT:
		return t.known(nal, t.VPS)
	case h265.NALUType_SPS_NUT:
		return t.known(nal, t.SPS)
	case h265.NALUType_PPS_NUT:
		return t.known(nal, t.PPS)
	}
	return false
}

// known tells whether a parameter set is that of the track. If it is not, samples
// bring what the sample description lacks.
func (t *trackState) known(nal, own []byte) bool {
	same := bytes.Equal(nal, own)
	t.inBand = t.inBand || !same
	return same
}

const (
	obuTemporalDelimiter = 2
	obuHasExtension      = 0x04
	obuHasSize           = 0x02
)

// appendOBU adds an OBU with a size field (AV1 §5.3.2).
func (t *trackState) appendOBU(obu []byte) int {
	if obu[0]>>3&0x0F == obuTemporalDelimiter {
		return 0
	}
	header := 1
	if obu[0]&obuHasExtension != 0 {
		header = 2
	}
	if obu[0]&obuHasSize != 0 || len(obu) < header {
		return t.append(obu)
	}
	from := len(t.scratch)
	t.scratch = appendOBUHeader(t.scratch, obu, header)
	t.scratched(from)
	n := len(t.scratch) - from
	if len(obu) == header {
		return n
	}
	return n + t.append(obu[header:])
}

// appendOBUHeader appends the header of an OBU that has no size field, with one.
func appendOBUHeader(b, obu []byte, header int) []byte {
	b = append(b, obu[0]|obuHasSize)
	b = append(b, obu[1:header]...)
	size := av1.LEB128(len(obu) - header)
	n := size.MarshalSize()
	b = append(b, make([]byte, n)...)
	size.MarshalTo(b[len(b)-n:])
	return b
}

// appendG711 adds G.711 samples as 16-bit big-endian LPCM.
func (t *trackState) appendG711(p []byte) int {
	table := &alawTable
	if t.MuLaw {
		table = &mulawTable
	}
	from := len(t.scratch)
	for _, v := range p {
		t.scratch = binary.BigEndian.AppendUint16(t.scratch, table[v])
	}
	t.scratched(from)
	return 2 * len(p)
}

var (
	alawTable = expand(func(b []byte) []byte {
		var c g711.Alaw
		c.Unmarshal(b)
		return c
	})
	mulawTable = expand(func(b []byte) []byte {
		var c g711.Mulaw
		c.Unmarshal(b)
		return c
	})
)

func expand(decode func([]byte) []byte) (table [256]uint16) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, b := 0, decode(all); i < 256; i++ {
		table[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return table
}
