package mpegts

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

const (
	groupBytes = 2930              // 16 packets
	groupTime  = clock / 5         // of a stream without PCR
	groupPCR   = clock * 95 / 1000 // of the stream with the PCR
	groupSlack = clock * 3 / 2000  // by how much a frame may be off its place

	maxADTS = 1<<13 - 1
)

// group is the audio frames that wait for their PES packet.
type group struct {
	buf  []byte
	pts  int64 // of the first frame, 90 kHz
	end  int64 // of the last frame, 90 kHz
	next int64 // what the DTS of the next frame must be, in ticks
}

// check tells whether a frame of size bytes can be written.
func (st *stream) check(size int) error {
	limit := maxPESLength - 1024
	if st.adts != nil {
		limit = maxADTS - adtsSize
	}
	if size > limit {
		return fmt.Errorf("%s frame of %d bytes is too large for MPEG-TS", st.codec, size)
	}
	return nil
}

// writeAudio adds one frame to the group of its track.
func (m *Muxer) writeAudio(st *stream, s *mux.Sample, size int) {
	g := &st.group
	tail := st.ticks(s.Payload[0])
	if tail <= 0 {
		tail = m.spans.Tail(s.Track)
	}
	pts, end := m.time(st, s.DTS), m.time(st, s.DTS+tail)
	if len(g.buf) > 0 {
		off := (s.DTS - g.next) * clock / st.rate
		limit := int64(groupTime)
		if st == m.pcr {
			limit = groupPCR
		}
		if off > groupSlack || off < -groupSlack ||
			end-g.pts > limit || len(g.buf)+size > groupBytes {
			m.flushAudio(st)
		}
	}
	if len(g.buf) == 0 {
		g.pts, g.next = pts, s.DTS
	}
	g.end, g.next = end, g.next+tail
	before := len(g.buf)
	g.buf = st.frame(g.buf, s.Payload, size)
	m.pending += len(g.buf) - before
}

// ticks is how long a reader will take the frame to be, 0 if it is not known.
func (st *stream) ticks(frame []byte) int64 {
	if st.codec == hooks.Opus {
		return opus.PacketDuration2(frame) * st.rate / 48000
	}
	return st.step
}

// flushAudio appends the PES packet of a group.
func (m *Muxer) flushAudio(st *stream) {
	g := &st.group
	if len(g.buf) == 0 {
		return
	}
	pcr, flags := m.clockAt(st, g.pts)
	m.head = pesHeader(m.head[:0], st.id, g.pts, g.pts, len(g.buf))
	m.parts = append(m.parts[:0], m.head, g.buf)
	m.packets(st, flags|afRandomAccess, pcr, m.parts, len(m.head)+len(g.buf))
	m.pending -= len(g.buf)
	g.buf = g.buf[:0]
}

// frame appends one frame as the stream wants it.
func (st *stream) frame(b []byte, payload [][]byte, size int) []byte {
	switch {
	case st.adts != nil:
		b = st.adts.append(b, size)
	case st.codec == hooks.Opus:
		b = opusControl(b, size)
	}
	for _, p := range payload {
		b = append(b, p...)
	}
	return b
}

// opusControl appends the control header of an Opus packet (ETSI TS Opus
// 0.1.3-draft): prefix, no trims, then the size in steps of 255.
func opusControl(b []byte, size int) []byte {
	b = append(b, 0x7f, 0xe0)
	for ; size >= 255; size -= 255 {
		b = append(b, 255)
	}
	return append(b, byte(size))
}

const adtsSize = 7

// adts is the fixed part of an ADTS header (ISO/IEC 14496-3 §1.A.2.2).
type adts struct{ profile, rate, channels byte }

// adtsRates are the sample rates by their index (ISO/IEC 14496-3 §1.6.3.4).
var adtsRates = [...]int64{
	96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350,
}

var errNoADTS = errors.New("AAC that ADTS cannot describe")

// newADTS reads an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): its first
// bits are the object type, the rate's index and the channel configuration. With
// explicitly signalled SBR or PS they describe the core and its type follows.
func newADTS(asc []byte) (*adts, error) {
	if len(asc) < 2 {
		return nil, errors.New("AAC: no AudioSpecificConfig")
	}
	bits := uint32(asc[0])<<24 | uint32(asc[1])<<16
	if len(asc) > 2 {
		bits |= uint32(asc[2]) << 8
	}
	kind, short := byte(bits>>27), bits>>18&1
	rate, channels := byte(bits>>23)&0x0f, byte(bits>>19)&0x0f
	if rate > 12 {
		return nil, fmt.Errorf("%w: sample rate is not a standard one", errNoADTS)
	}
	if kind == 5 || kind == 29 { // then: the extension's rate, the core's type
		if byte(bits>>15)&0x0f == 15 || len(asc) < 3 {
			return nil, fmt.Errorf("%w: sample rate is not a standard one", errNoADTS)
		}
		kind, short = byte(bits>>10)&0x1f, bits>>9&1
	}
	if kind < 1 || kind > 4 {
		return nil, fmt.Errorf("%w: object type %d", errNoADTS, kind)
	}
	if short != 0 {
		return nil, fmt.Errorf("%w: frames of 960 samples", errNoADTS)
	}
	if channels < 1 || channels > 7 {
		return nil, fmt.Errorf("%w: channel configuration %d", errNoADTS, channels)
	}
	return &adts{profile: kind - 1, rate: rate, channels: channels}, nil
}

// append appends the header of a frame of size bytes.
func (h *adts) append(b []byte, size int) []byte {
	n := size + adtsSize
	return append(b, 0xff, 0xf1,
		h.profile<<6|h.rate<<2|h.channels>>2,
		h.channels<<6|byte(n>>11),
		byte(n>>3),
		byte(n<<5)|0x1f, 0xfc)
}
