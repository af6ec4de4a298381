package index

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/live-recording/liverecord/internal/mux"
)

// Decoder reads the entries of one record after another. It allocates nothing
// once it has seen all tracks. The zero value is at the end of no record.
type Decoder struct {
	rest   []byte
	note   []byte
	last   int
	tracks []track
	err    error
}

// Reset begins with a record; the decoder reads from it until it ends.
func (d *Decoder) Reset(record []byte) {
	d.rest, d.note, d.last, d.err = nil, nil, 0, nil
	clear(d.tracks)
	if len(record) < 2 || record[0] < version || record[0] > versionNote {
		d.fail("version")
		return
	}
	d.rest = record[1:]
	if record[0] == versionNote {
		n := d.uvarint()
		if n > uint64(len(d.rest)) {
			d.fail("length of the note")
			return
		}
		d.note, d.rest = d.rest[:n], d.rest[n:]
	}
}

// Note returns the note of the record, nil if there is none.
func (d *Decoder) Note() []byte { return d.note }

// Next reads an entry into x and reports whether there was one.
// After false, Err tells whether the record ended or is broken.
func (d *Decoder) Next(x *Entry) bool {
	if len(d.rest) == 0 || d.err != nil {
		return false
	}
	head := d.uvarint()
	tr, durChanged, dur := d.last, false, uint64(0)
	if head&flagExt != 0 {
		ext := d.uvarint()
		if ext>>1 >= MaxTracks {
			return d.fail("track number")
		}
		tr, durChanged = int(ext>>1), ext&1 != 0
		if durChanged {
			dur = d.uvarint()
		}
	}
	for len(d.tracks) <= tr {
		d.tracks = append(d.tracks, track{})
	}
	t := &d.tracks[tr]
	if durChanged {
		t.dur = int64(dur)
	}
	if !d.times(head, t) || d.err != nil {
		return false
	}
	size := head >> flagBits
	if size > MaxSize || t.dur < 0 {
		return d.fail("size or duration")
	}
	d.last = tr
	*x = Entry{
		Track: tr, Key: head&flagKey != 0, Size: int64(size),
		DTS: t.dts, CTO: t.cto, Dur: t.dur,
	}
	return true
}

// times updates the time stamps of a track from the fields that head names.
func (d *Decoder) times(head uint64, t *track) bool {
	switch {
	case t.seen:
		if head&flagTime != 0 {
			t.delta += d.varint()
		}
		t.dts += t.delta
	case head&flagTime == 0:
		return d.fail("no time at the first entry")
	default:
		t.dts = d.varint()
		t.seen = true
	}
	if head&flagCTO != 0 {
		t.cto += d.varint()
	}
	return true
}

// Err returns why the last Next returned false, nil at the end of the record.
func (d *Decoder) Err() error { return d.err }

func (d *Decoder) fail(what string) bool {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	return false
}

func (d *Decoder) uvarint() uint64 {
	if len(d.rest) > 0 && d.rest[0] < 0x80 {
		v := d.rest[0]
		d.rest = d.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *Decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// Position is an entry with its place in the file.
type Position struct {
	Entry
	Offset int64  // of the sample's first byte in the body
	Record int    // number of its record, from 0
	Note   []byte // the note of its record, nil if none; valid until the next step
}

// Entries reads the entries of all records in order. A gap (mux.Gap) has none. It ends early with an
// error of the journal or with ErrCorrupt, whose position is meaningless.
// The pointer is valid until the next step.
func Entries(records mux.Records) iter.Seq2[*Position, error] {
	return func(yield func(*Position, error) bool) {
		var (
			d Decoder
			p Position
		)
		for rec, err := range records {
			if err != nil {
				yield(&p, err)
				return
			}
			if n, ok := mux.IsGap(rec); ok {
				p.Offset += n
				p.Record++
				continue
			}
			d.Reset(rec)
			p.Note = d.note
			for d.Next(&p.Entry) {
				if !yield(&p, nil) {
					return
				}
				p.Offset += p.Size
			}
			if d.err != nil {
				yield(&p, fmt.Errorf("record %d: %w", p.Record, d.err))
				return
			}
			p.Record++
		}
	}
}
