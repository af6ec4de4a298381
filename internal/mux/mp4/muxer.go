package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/index"
)

// ErrEmpty tells that nothing of a sample is left to store.
var ErrEmpty = errors.New("mp4: sample holds no coded data")

// copyBelow is the size below which a payload is copied: a copy is then cheaper
// than one more slice for writev.
const copyBelow = 4096

// noteEvery is the number of records after which the notes are repeated.
const noteEvery = 64

const (
	maxSample = 1 << 30 // bytes; stsz has 32 bits
	maxOffset = math.MaxInt32
)

// muxer implements mux.Muxer.
type muxer struct {
	tracks []trackState
	order  []int // of the chunks: video first

	notes    notes
	noteList []byte // of the next record

	flushes int

	enc     index.Encoder
	body    [][]byte
	size    int64
	flushed bool // the buffers still back the last batch
}

// trackState is the open chunk of a track and what goes on beyond it.
type trackState struct {
	hooks.Track
	started bool
	lastDTS int64

	meter    codec.Meter
	measured bool // since the last flush
	inBand   bool // a parameter set came that the track did not begin with

	entries []index.Entry
	pieces  []piece
	scratch []byte // small payloads and lengths, reused by the next chunk
}

// piece is a part of a chunk: a payload of the sender, or a range of scratch.
type piece struct {
	ext      []byte
	from, to int
}

func newMuxer(tracks []hooks.Track) *muxer {
	m := &muxer{tracks: make([]trackState, len(tracks))}
	for i := range tracks {
		m.tracks[i].Track = tracks[i]
	}
	for _, video := range []bool{true, false} {
		for i := range tracks {
			if tracks[i].Codec.IsVideo() == video {
				m.order = append(m.order, i)
			}
		}
	}
	return m
}

// Write implements mux.Muxer. It returns ErrEmpty for a sample of which nothing
// is left to store.
func (m *muxer) Write(s *mux.Sample) error {
	m.release()
	if s.Track < 0 || s.Track >= len(m.tracks) {
		return fmt.Errorf("mp4: no track %d", s.Track)
	}
	if n := s.Size(); n > maxSample {
		return fmt.Errorf("mp4: sample of %d bytes is too large", n)
	}
	t := &m.tracks[s.Track]
	size := t.appendPayload(s.Payload)
	if size == 0 {
		return ErrEmpty
	}
	m.note(s)
	m.size += size
	t.entries = append(t.entries, t.entry(s, size))
	return nil
}

// entry makes the index entry of a sample; DTS grows strictly.
func (t *trackState) entry(s *mux.Sample, size int64) index.Entry {
	dts := s.DTS
	if t.started && dts <= t.lastDTS {
		dts = t.lastDTS + 1
	}
	t.started, t.lastDTS = true, dts
	return index.Entry{
		Track: s.Track,
		Key:   s.Sync || !t.Codec.IsVideo(),
		Size:  size,
		DTS:   dts,
		CTO:   min(max(s.PTS-dts, -maxOffset), maxOffset),
		Dur:   min(max(s.Dur, 0), math.MaxUint32),
	}
}

// note remembers what the head will need of the first samples.
func (m *muxer) note(s *mux.Sample) {
	if !m.notes.hasCreated {
		m.noteList = m.notes.addCreated(m.noteList, s.NTP)
	}
	t := &m.tracks[s.Track]
	if b := s.Payload[0]; m.notes.facts[s.Track].Frame == nil && codec.Telling(&t.Track, b, s.Sync) {
		m.noteList = m.notes.add(m.noteList, noteFrame, s.Track, b[:min(len(b), codec.FrameSize)])
	}
	if t.inBand && !m.notes.inBand[s.Track] {
		m.noteList = m.notes.add(m.noteList, noteInBand, s.Track, nil)
	}
	if t.meter.Add(&t.Track, s.DTS, s.Dur, s.Size()) {
		t.measured = true
	}
	if n, ok := codec.Recovery(t.Codec, s.Payload); ok {
		var buf [20]byte
		b := binary.AppendUvarint(buf[:0], uint64(len(t.entries)))
		m.noteList = m.notes.add(m.noteList, noteRecovery, s.Track, binary.AppendUvarint(b, uint64(n)))
	}
}

// noteMeasures notes what has been measured since the last flush.
func (m *muxer) noteMeasures() {
	for i := range m.tracks {
		if t := &m.tracks[i]; t.measured {
			t.measured = false
			m.noteList = m.notes.add(m.noteList, noteMeasure, i, t.meter.AppendState(nil))
		}
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
	m.release()
	if m.size == 0 {
		return mux.Batch{}
	}
	m.noteMeasures()
	if len(m.noteList) > 0 {
		m.enc.Note(m.noteList)
	}
	if m.flushes++; m.flushes%noteEvery == 0 {
		m.notes = notes{} // noted once more: the record that holds them may be damaged
	}
	for _, i := range m.order {
		t := &m.tracks[i]
		for _, e := range t.entries {
			m.enc.Add(e)
		}
		for _, p := range t.pieces {
			if p.ext == nil {
				p.ext = t.scratch[p.from:p.to]
			}
			m.body = append(m.body, p.ext)
		}
	}
	m.flushed = true
	return mux.Batch{Body: m.body, Size: m.size, Record: m.enc.Record()}
}

// release empties the buffers of the last batch.
func (m *muxer) release() {
	if !m.flushed {
		return
	}
	m.flushed, m.size = false, 0
	m.noteList = m.noteList[:0]
	clear(m.body)
	m.body = m.body[:0]
	for i := range m.tracks {
		t := &m.tracks[i]
		clear(t.pieces)
		t.entries, t.pieces, t.scratch = t.entries[:0], t.pieces[:0], t.scratch[:0]
	}
}
