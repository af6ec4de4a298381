// Package piece holds what the two containers of HLS pieces, MPEG-TS and
// fragmented MP4, share: the common origin of their time stamps and the journal
// record from which a piece is summed up, also after a crash tore its tail off.
//
// # Time
//
// A player needs time stamps that are never negative and have one origin for all
// tracks. The origin is the first sample's time, cut to a whole second, because
// a whole second is a whole number of ticks in every clock: moving it loses
// nothing. Base seconds are added, so that a track that begins earlier than the
// first sample has room.
//
// # Record
//
// One record describes the samples of one flush:
//
//	version  1 byte, 0x01
//	origin   zigzag varint, seconds
//	state    uvarint length, then so many bytes that only the container reads
//	tracks   uvarint, then for each:
//	  samples  uvarint = number<<1 | inside; if the number is not 0:
//	  start    zigzag varint, DTS of the first one
//	  length   uvarint, from start to the end of the last one
//	  beyond   uvarint, how far behind that end the last picture is shown
//
// inside is set if the track's first sample of the flush is not a sync sample, or if
// pictures follow that refer to what is before it (RASL).
//
// Integrity is not checked here: the journal's own CRC does that.
package piece

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// Base is the time stamp in seconds that the origin gets in a container.
const Base = 10

const (
	version   = 1
	maxTracks = 1024
)

// ErrCorrupt tells that a record is not one.
var ErrCorrupt = errors.New("corrupt piece record")

// Span is what a flush holds of one track.
type Span struct {
	Samples    int64
	Start, End int64 // ticks: DTS of the first sample, DTS + duration of the last
	Shown      int64 // PTS + duration of what is shown last; not before End
	Inside     bool  // the first sample is not a sync sample
}

// Record is one decoded journal record.
type Record struct {
	Origin int64  // seconds
	State  []byte // of the container; valid as long as the record's bytes
	Spans  []Span // one per track
}

// Decode reads a record. It returns ErrCorrupt for whatever cannot be one.
func Decode(b []byte) (Record, error) {
	var r Record
	if len(b) == 0 || b[0] != version {
		return r, fmt.Errorf("%w: no record of version %d", ErrCorrupt, version)
	}
	d := decoder{rest: b[1:]}
	r.Origin = d.varint()
	r.State = d.bytes(d.uvarint())
	n := d.uvarint()
	if n > maxTracks || n > uint64(len(d.rest)) {
		return r, fmt.Errorf("%w: %d tracks", ErrCorrupt, n)
	}
	r.Spans = make([]Span, n)
	for i := range r.Spans {
		s := &r.Spans[i]
		n := d.uvarint()
		s.Samples, s.Inside = int64(n>>1), n&1 != 0
		if s.Samples == 0 {
			continue
		}
		s.Start = d.varint()
		length := int64(d.uvarint())
		beyond := int64(d.uvarint())
		if length < 0 || s.Start > math.MaxInt64-length || beyond < 0 || s.Start+length > math.MaxInt64-beyond {
			return r, fmt.Errorf("%w: span of track %d", ErrCorrupt, i)
		}
		s.End = s.Start + length
		s.Shown = s.End + beyond
	}
	if d.bad || len(d.rest) > 0 {
		return r, fmt.Errorf("%w: length", ErrCorrupt)
	}
	return r, nil
}

type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// Totals sums up the records of one piece.
type Totals struct {
	Record      // Origin and State are those of the last record
	Records int // how many there were
}

// Sum reads all records of a piece with n tracks.
func Sum(n int, records mux.Records) (Totals, error) {
	t := Totals{Record: Record{Spans: make([]Span, n)}}
	for b, err := range records {
		if err != nil {
			return t, err
		}
		if _, ok := mux.IsGap(b); ok {
			continue
		}
		r, err := Decode(b)
		if err != nil {
			return t, fmt.Errorf("record %d: %w", t.Records, err)
		}
		if len(r.Spans) != n {
			return t, fmt.Errorf("record %d: %w: %d tracks instead of %d", t.Records, ErrCorrupt, len(r.Spans), n)
		}
		t.Records++
		t.Origin = r.Origin
		t.State = append(t.State[:0], r.State...)
		for i, s := range r.Spans {
			t.Spans[i].extend(s)
		}
	}
	return t, nil
}

func (s *Span) extend(o Span) {
	if o.Samples == 0 {
		return
	}
	if s.Samples == 0 {
		s.Start, s.Inside, s.Shown = o.Start, o.Inside, o.Shown
	}
	s.Samples += o.Samples
	s.End = o.End
	s.Shown = max(s.Shown, o.Shown)
}

// Lead returns the track that pieces are cut by: the first video track, else
// the first one.
func Lead(tracks []hooks.Track) int {
	for i := range tracks {
		if tracks[i].Codec.IsVideo() {
			return i
		}
	}
	return 0
}

// Plain is what the formats of pieces share. They have no head: a piece is what
// Flush returned.
type Plain struct{}

// Head is empty.
func (Plain) Head([]hooks.Track, mux.Records, int64, int64) (mux.Head, error) {
	return mux.Head{}, nil
}

// Inspect sums a piece up. Info.Duration is the piece's EXTINF: from the first to
// the end of the last sample of the leading track, or of the longest one if the
// leading track is missing or ended a second before.
func (Plain) Inspect(tracks []hooks.Track, records mux.Records) (mux.Info, error) {
	t, err := Sum(len(tracks), records)
	if err != nil {
		return mux.Info{}, err
	}
	return t.Info(tracks), nil
}

// Dependent tells whether the piece begins within a GOP.
func (t *Totals) Dependent(tracks []hooks.Track) bool {
	lead := Lead(tracks)
	return tracks[lead].Codec.IsVideo() && (t.Spans[lead].Samples == 0 || t.Spans[lead].Inside)
}

// Info is what Inspect returns.
func (t *Totals) Info(tracks []hooks.Track) mux.Info {
	info := mux.Info{Ends: make([]int64, len(tracks))}
	lead := Lead(tracks)
	var leading time.Duration
	for i, s := range t.Spans {
		info.Samples += s.Samples
		info.Ends[i] = s.End
		if s.Samples == 0 || tracks[i].ClockRate <= 0 {
			continue
		}
		d := Time(s.End-s.Start, tracks[i].ClockRate)
		info.Duration = max(info.Duration, d)
		if i == lead {
			leading = d
		}
	}
	if leading > info.Duration-time.Second && leading > 0 {
		info.Duration = leading
	}
	return info
}

// Time converts ticks of a clock without overflow below 292 years.
func Time(ticks int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(ticks/r)*time.Second + time.Duration(ticks%r*int64(time.Second)/r)
}
