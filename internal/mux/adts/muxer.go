package adts

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/index"
)

const (
	headerSize = codec.ADTSSize
	maxFrame   = 1<<13 - 1 // of aac_frame_length, header included

	// refSize is the size from which a payload is referenced, not copied.
	refSize = 4096
)

// Errors of Write.
var (
	errTrack = errors.New("no such track")
	errEmpty = errors.New("empty frame")
)

// muxer implements mux.Muxer.
type muxer struct {
	fixed [headerSize]byte // with frame length 0
	pce   []byte           // of the configuration, for the first frame; nil if there is none
	index index.Encoder
	seen  bool
	last  int64 // DTS of the frame before

	scratch []byte
	mark    int // scratch before it is in body
	body    [][]byte
	size    int64
	flushed bool // scratch and body were returned and may be reused
}

// Write implements mux.Muxer. The error concerns this frame only: longer than
// 8184 bytes, or empty.
func (m *muxer) Write(s *mux.Sample) error {
	m.reuse()
	var pce []byte
	if !m.seen && len(s.Payload) > 0 && !codec.StartsWithPCE(s.Payload[0]) {
		pce = m.pce
	}
	size := headerSize + len(pce) + s.Size()
	switch {
	case s.Track != 0:
		return fmt.Errorf("adts: track %d: %w", s.Track, errTrack)
	case s.Size() == 0:
		return fmt.Errorf("adts: %w", errEmpty)
	case size > maxFrame:
		return fmt.Errorf("adts: frame of %d bytes, ADTS holds %d", size-headerSize, maxFrame-headerSize)
	}
	h := m.fixed
	codec.SetADTSSize(&h, size-headerSize)
	m.scratch = append(append(m.scratch, h[:]...), pce...)
	for _, p := range s.Payload {
		m.put(p)
	}
	m.size += int64(size)

	dts := s.DTS
	if m.seen {
		dts = max(dts, m.last)
	}
	m.seen, m.last = true, dts
	m.index.Add(index.Entry{Key: true, Size: int64(size), DTS: dts, Dur: s.Dur})
	return nil
}

func (m *muxer) put(p []byte) {
	if len(p) < refSize {
		m.scratch = append(m.scratch, p...)
		return
	}
	m.cut()
	m.body = append(m.body, p)
}

// cut moves what scratch has gathered into body. A later growth of scratch
// leaves the slices in body valid.
func (m *muxer) cut() {
	if n := len(m.scratch); n > m.mark {
		m.body = append(m.body, m.scratch[m.mark:n:n])
		m.mark = n
	}
}

// Buffered implements mux.Muxer.
func (m *muxer) Buffered() int {
	if m.flushed {
		return 0
	}
	return int(m.size)
}

// Flush implements mux.Muxer.
func (m *muxer) Flush() mux.Batch {
	m.reuse()
	if m.size == 0 {
		return mux.Batch{}
	}
	m.cut()
	m.flushed = true
	return mux.Batch{Body: m.body, Size: m.size, Record: m.index.Record()}
}

// reuse forgets what the last Flush returned.
func (m *muxer) reuse() {
	if m.flushed {
		clear(m.body)
		m.scratch, m.mark, m.body, m.size, m.flushed = m.scratch[:0], 0, m.body[:0], 0, false
	}
}
