// Package index is the compact journal of a growing file: for every sample its
// track, size, time stamps and whether it is a key. MP4 builds its sample tables
// from it, FLV its key-frame list, and every format what it needs to go on after
// a crash. It costs 2 to 5 bytes a sample.
//
// # Record
//
// One record describes the samples of one batch, in the order of their bytes in
// the body. A record can be read without the records before it; only the offset
// of its first byte in the body is the sum of all sizes before.
//
//	version    1 byte: 0x01, or 0x02 for a record with a note
//	note       only with 0x02: uvarint length, bytes; what the format likes
//	entry...   until the end of the record
//
// An entry is a uvarint head = size<<4 | flags, followed by the fields that the
// flags name, in this order. A field that is absent keeps the value of the
// track's entry before, in this record.
//
//	flag 1  key
//	flag 2  ext: uvarint = track<<1 | durChanged, then, if durChanged, uvarint dur
//	flag 4  time: zigzag varint. First entry of a track: the DTS itself.
//	        Later: how much the distance to the DTS before has changed.
//	flag 8  cto: zigzag varint, PTS-DTS, the change against the value before
//
// The first entry of a record has track 0 unless ext says otherwise; distance,
// cto and dur of a track begin at 0. The first entry of a track always has flag 4.
//
// Integrity is not checked here: the journal's own CRC does that. The decoder
// reports whatever cannot be a record as ErrCorrupt and never panics.
package index

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	version     = 1
	versionNote = 2
)

const (
	flagKey  = 1
	flagExt  = 2
	flagTime = 4
	flagCTO  = 8

	flagBits = 4
)

// MaxTracks is the number of tracks that a record can name.
const MaxTracks = 64

// MaxSize is the largest size of one sample in bytes.
const MaxSize = 1 << 40

// ErrCorrupt tells that a record is not one.
var ErrCorrupt = errors.New("corrupt sample index")

// Entry describes one sample.
type Entry struct {
	Track int   // 0 to MaxTracks-1
	Key   bool  // decoding can start here
	Size  int64 // bytes in the body, with all framing; 0 to MaxSize
	DTS   int64 // ticks of the track's clock (FLV: milliseconds)
	CTO   int64 // PTS - DTS, same unit; may be negative
	Dur   int64 // same unit; 0 = until the DTS of the track's next sample
}

// track is what encoder and decoder remember of a track within a record.
type track struct {
	seen       bool
	dts, delta int64
	cto, dur   int64
}

// Encoder collects the entries of one record. The zero value is ready.
type Encoder struct {
	buf    []byte
	note   []byte
	count  int
	last   int
	tracks []track
}

// Add appends an entry. Track and Size must be in range, else it panics: they
// come from our own muxers.
func (e *Encoder) Add(x Entry) {
	if x.Track < 0 || x.Track >= MaxTracks || x.Size < 0 || x.Size > MaxSize {
		panic(fmt.Sprintf("index: entry out of range: %+v", x))
	}
	if e.count == 0 {
		e.begin()
	}
	for len(e.tracks) <= x.Track {
		e.tracks = append(e.tracks, track{})
	}
	e.put(x, &e.tracks[x.Track])
	e.last = x.Track
	e.count++
}

// Note sets what the next record carries besides its entries. It must be called
// before the first Add of that record; note is copied by then.
func (e *Encoder) Note(note []byte) { e.note = append(e.note[:0], note...) }

func (e *Encoder) begin() {
	clear(e.tracks)
	e.last = 0
	e.buf = append(e.buf[:0], version)
	if len(e.note) > 0 {
		e.buf[0] = versionNote
		e.buf = binary.AppendUvarint(e.buf, uint64(len(e.note)))
		e.buf = append(e.buf, e.note...)
		e.note = e.note[:0]
	}
}

func (e *Encoder) put(x Entry, t *track) {
	head := uint64(x.Size) << flagBits
	if x.Key {
		head |= flagKey
	}
	if x.Dur < 0 {
		x.Dur = 0
	}
	durChanged := x.Dur != t.dur
	if x.Track != e.last || durChanged {
		head |= flagExt
	}
	step := x.DTS // of the first entry
	delta := int64(0)
	if t.seen {
		delta = x.DTS - t.dts
		step = delta - t.delta
	}
	if !t.seen || step != 0 {
		head |= flagTime
	}
	if x.CTO != t.cto {
		head |= flagCTO
	}

	b := binary.AppendUvarint(e.buf, head)
	if head&flagExt != 0 {
		ext := uint64(x.Track) << 1
		if durChanged {
			b = binary.AppendUvarint(b, ext|1)
			b = binary.AppendUvarint(b, uint64(x.Dur))
		} else {
			b = binary.AppendUvarint(b, ext)
		}
	}
	if head&flagTime != 0 {
		b = binary.AppendVarint(b, step)
	}
	if head&flagCTO != 0 {
		b = binary.AppendVarint(b, x.CTO-t.cto)
	}
	e.buf = b
	*t = track{seen: true, dts: x.DTS, delta: delta, cto: x.CTO, dur: x.Dur}
}

// Len returns the number of entries added since the last Record.
func (e *Encoder) Len() int { return e.count }

// Record returns the record of all entries added since the last call, nil if
// there are none. The slice is valid until the next Add.
func (e *Encoder) Record() []byte {
	if e.count == 0 {
		return nil
	}
	e.count = 0
	return e.buf
}
