package flv

import (
	"encoding/binary"
	"fmt"

	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/index"
)

// maxKeys bounds the key frames remembered; beyond, every other one is
// forgotten. A script tag holds fewer (932,000).
const maxKeys = 1 << 20

// key is a key frame.
type key struct {
	offset int64 // of its tag in the body
	ms     int64
}

// trackSummary is what onMetaData needs to know of a track.
type trackSummary struct {
	index.TrackTotals
	maxPTS int64 // ticks
	step   int64 // ms: the first time stamp above 0
	last   int64 // ms
}

// summary is what onMetaData needs to know of a file.
type summary struct {
	clock   clock
	starts  int64 // size of the sequence headers, which count with the first entry
	samples int64
	last    int64 // ms: the latest tag
	tracks  []trackSummary

	keys     []key // of video; the first is the sequence header
	stride   int64 // every so manieth key frame is in keys
	seen     int64
	lastKey  int64 // ms
	endsWith bool  // the last picture is a key frame
}

// summarize reads the journal once.
func summarize(streams []stream, records mux.Records) (*summary, error) {
	s := &summary{tracks: make([]trackSummary, len(streams)), stride: 1}
	for p, err := range index.Entries(records) {
		if err != nil {
			return nil, err
		}
		if p.Track >= len(streams) {
			return nil, fmt.Errorf("journal names track %d of %d", p.Track, len(streams))
		}
		if s.samples == 0 {
			if err := readStartNote(streams, s.clock.read(p.Note)); err != nil {
				return nil, err
			}
			s.starts = int64(len(appendStarts(nil, streams)))
		}
		s.add(&streams[p.Track], p)
	}
	return s, nil
}

func (s *summary) add(st *stream, p *index.Position) {
	at := nanos(p.DTS, st.rate)
	s.clock.read(p.Note)
	s.clock.start(at)
	ms := s.clock.stamp(at)
	offset := p.Offset
	if s.samples == 0 && p.Record == 0 {
		offset += s.starts
	}
	s.samples++
	s.last = max(s.last, ms)

	t := &s.tracks[p.Track]
	if t.Samples == 0 || p.DTS+p.CTO > t.maxPTS {
		t.maxPTS = p.DTS + p.CTO
	}
	if t.step == 0 {
		t.step = ms
	}
	t.last = ms
	t.add(&p.Entry)
	if st.video {
		s.endsWith = p.Key
		if p.Key {
			s.addKey(key{offset, ms})
		}
	}
}

// add is what index.Total does for one entry.
func (t *trackSummary) add(e *index.Entry) {
	if t.Samples == 0 {
		t.FirstDTS = e.DTS
	} else {
		t.LastStep = e.DTS - t.LastDTS
	}
	t.LastDTS, t.LastDur = e.DTS, e.Dur
	t.Samples++
	t.Bytes += e.Size
}

// addKey lists a key frame, unless the one before has the same time. The first
// entry is the sequence header; the first picture has an entry of its own, often
// at the same time, because flv.js and mpegts.js throw the first entry away. It
// must name the picture's own tag: ffmpeg compares the first two entries with what
// it reads, and throws the whole index away if one is wrong.
func (s *summary) addKey(k key) {
	if len(s.keys) == 0 {
		s.keys = append(s.keys, key{})
	}
	if s.seen > 0 && k.ms == s.lastKey {
		return
	}
	s.lastKey = k.ms
	s.seen++
	if s.seen%s.stride != 0 {
		return
	}
	s.keys = append(s.keys, k)
	if len(s.keys) == maxKeys {
		s.keys = thin(s.keys, maxKeys/2)
		s.stride *= 2
	}
}

// thin picks n of the keys, evenly, the first included.
func thin(keys []key, n int) []key {
	if n >= len(keys) {
		return keys
	}
	for i := range n {
		keys[i] = keys[i*len(keys)/n]
	}
	return keys[:n]
}

// seconds is the duration of the file: the latest end of a track.
func (s *summary) seconds(streams []stream) float64 {
	end := int64(0)
	for i := range s.tracks {
		t := &s.tracks[i]
		if t.Samples > 0 {
			rate := streams[i].rate
			end = max(end, s.clock.millis(nanos(t.maxPTS+t.Tail(int(rate)), rate)))
		}
	}
	return float64(end) / 1000
}

// frameRate is the mean number of pictures per second, 0 if unknown.
func (t *trackSummary) frameRate(rate int64) float64 {
	switch {
	case t.LastDTS > t.FirstDTS:
		return float64(t.Samples-1) * float64(rate) / float64(t.LastDTS-t.FirstDTS)
	case t.LastDur > 0:
		return float64(rate) / float64(t.LastDur)
	}
	return 0
}

// dataRate is in units of 1024 bits per second, as all FLV tools have it, of
// what stands in tags after their first byte.
func (t *trackSummary) dataRate(span float64) float64 {
	if span <= 0 {
		return 0
	}
	return float64(t.Bytes-t.Samples*(tagOverhead+1)) * 8 / 1024 / span
}

// span is the time over which data rates are measured, in seconds: to the last
// tag, and as long as its first step (a second at most), which is what checkers
// of FLV take. A file of one instant counts with its duration.
func (s *summary) span(streams []stream) float64 {
	step := int64(0)
	for i := range s.tracks {
		if step == 0 || !streams[i].video {
			step = s.tracks[i].step
		}
	}
	if s.last == 0 {
		return s.seconds(streams)
	}
	return float64(s.last+min(step, 1000)) / 1000
}

// appendStartNote notes the body of a sequence header: track, length, bytes.
func appendStartNote(note []byte, track int, config []byte) []byte {
	note = append(note, byte(track))
	note = binary.AppendUvarint(note, uint64(len(config)))
	return append(note, config...)
}

// readStartNote gives the streams the sequence headers that a file's first record
// notes.
func readStartNote(streams []stream, note []byte) error {
	for len(note) > 0 {
		size, n := binary.Uvarint(note[1:])
		if n <= 0 || int(note[0]) >= len(streams) || size > uint64(len(note)-1-n) {
			return fmt.Errorf("%w: note", index.ErrCorrupt)
		}
		end := 1 + n + int(size)
		streams[note[0]].config = append([]byte{}, note[1+n:end]...)
		note = note[end:]
	}
	return nil
}
