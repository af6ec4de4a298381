package codec

import (
	"encoding/binary"
	"errors"

	"github.com/live-recording/liverecord/hooks"
)

// Facts are what the stream itself tells of a track in its first second.
type Facts struct {
	// Frame is the beginning of the first frame that tells more than the track
	// (see Telling); nil if none came.
	Frame []byte

	Ticks   int64 // length of what was measured, in ticks of the track's clock
	Samples int64
	Bytes   int64 // of payload as delivered
}

// FrameSize is how much of a frame Facts needs at most.
const FrameSize = 320

// Telling tells whether a frame holds fields that a configuration record needs and
// that the track does not have.
func Telling(t *hooks.Track, frame []byte, sync bool) bool {
	switch t.Codec {
	case hooks.AC3:
		return true
	case hooks.VP9:
		return sync
	case hooks.Opus:
		return t.Channels < 2 && len(frame) > 0 && frame[0]&4 != 0
	case hooks.AAC:
		return StartsWithPCE(frame)
	}
	return false
}

// Rate is the number of samples per second, 0 if unknown.
func (f *Facts) Rate(t *hooks.Track) float64 {
	if f.Ticks <= 0 {
		return 0
	}
	return float64(f.Samples) * float64(t.ClockRate) / float64(f.Ticks)
}

// Bitrate is bits per second, 0 if unknown.
func (f *Facts) Bitrate(t *hooks.Track) uint32 {
	if f.Ticks <= 0 {
		return 0
	}
	return uint32(min(float64(f.Bytes)*8*float64(t.ClockRate)/float64(f.Ticks), 1<<32-1))
}

// ReadMeasure takes the measured part of what Meter.AppendState wrote.
func (f *Facts) ReadMeasure(b []byte) error {
	var m Meter
	err := m.ReadState(b)
	f.Ticks, f.Samples, f.Bytes = m.Ticks, m.Samples, m.Bytes
	return err
}

// Meter collects the facts of one track from its samples, in decoding order.
type Meter struct {
	Facts
	first, last int64
	length      int64 // of the last sample
	any, done   bool
}

var errState = errors.New("no state of a meter")

// AppendState appends what has been measured and what is needed to go on with it,
// for a journal: seven varints. The frame is not among it.
func (m *Meter) AppendState(b []byte) []byte {
	done := int64(0)
	if m.done {
		done = 1
	}
	for _, v := range [...]int64{m.Ticks, m.Samples, m.Bytes, m.first, m.last, m.length, done} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

// ReadState takes what AppendState wrote.
func (m *Meter) ReadState(b []byte) error {
	var v [7]int64
	for i := range v {
		u, n := binary.Varint(b)
		if n <= 0 {
			return errState
		}
		v[i], b = u, b[n:]
	}
	if v[0] < 0 || v[1] < 0 || v[2] < 0 {
		return errState
	}
	m.Ticks, m.Samples, m.Bytes, m.first, m.last, m.length = v[0], v[1], v[2], v[3], v[4], v[5]
	m.any, m.done = true, v[6] != 0
	return nil
}

// Add takes a sample: its DTS, its duration (0 if unknown) and its size. It tells
// whether the facts have changed.
func (m *Meter) Add(t *hooks.Track, dts, dur int64, size int) bool {
	if m.done {
		return false
	}
	if !m.any {
		m.any, m.first, m.last = true, dts, dts
	}
	if dts < m.last || dts-m.first >= int64(t.ClockRate) {
		m.done = true
		if dts >= m.last {
			m.Ticks = min(dts-m.first, 2*int64(t.ClockRate))
		}
		return true
	}
	if dts > m.last {
		m.length = dts - m.last
	}
	if dur > 0 {
		m.length = dur
	}
	m.last = dts
	m.Samples++
	m.Bytes += int64(size)
	m.Ticks = m.last - m.first + m.length
	return true
}
