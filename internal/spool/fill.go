package spool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

func offsetOf(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }

// Fill makes the damaged ranges of a file that Open returned such that players of
// its format pass over them. What was there is kept in NAME.part.bad, at the same
// offsets; of a file that the disk can't read everywhere Open has kept the whole.
// ErrBad if nothing of the file is whole. format may be a mux.Filler, a
// mux.Remaker, both or neither.
func (f *File) Fill(tracks []hooks.Track, format any) error {
	err := f.fill(tracks, format)
	if err == nil {
		f.dir.Read(f.name)
	}
	return err
}

func (f *File) fill(tracks []hooks.Track, format any) error {
	if len(f.bad) == 0 {
		return nil
	}
	if f.records == 0 {
		return f.remake(tracks, format)
	}
	filler, ok := format.(mux.Filler)
	if !ok {
		return nil // nothing refers to them
	}
	var todo ranges
	for _, r := range f.bad.clip(f.Size()) {
		if f.IsReleased(r[0], r[1]) {
			continue // a store has it, or it was filled before it was given back
		}
		filled, err := f.holds(r[0], filler.Fill(tracks, r[0], r[1]-r[0]))
		if err != nil {
			return err
		}
		if !filled {
			todo = append(todo, r)
		}
	}
	if err := f.keep(todo); err != nil {
		return err
	}
	for _, r := range todo {
		at := f.room + r[0]
		for p := range filler.Fill(tracks, r[0], r[1]-r[0]) {
			if err := writeAll(f.body, [][]byte{p}, at); err != nil {
				return fmt.Errorf("damaged range at %d: %w", r[0], err)
			}
			at += int64(len(p))
		}
	}
	return f.Sync()
}

// remake makes a file of which nothing is whole from its tracks.
func (f *File) remake(tracks []hooks.Track, format any) error {
	if m, ok := format.(mux.Remaker); ok {
		b, err := m.Remake(tracks)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBad, err)
		}
		if int64(len(b)) == f.Size() {
			if err := f.keep(ranges{{0, f.Size()}}); err != nil {
				return err
			}
			if err := writeAll(f.body, [][]byte{b}, f.room); err != nil {
				return err
			}
			return f.Sync()
		}
	}
	return fmt.Errorf("%w: nothing of it is as it was written", ErrBad)
}

// holds tells whether the body has these bytes at off.
func (f *File) holds(off int64, want iter.Seq[[]byte]) (bool, error) {
	at := f.room + off
	for p := range want {
		have := make([]byte, len(p))
		if _, err := f.body.ReadAt(have, at); err != nil && err != io.EOF {
			return false, fmt.Errorf("damaged range at %d: %w", off, err)
		}
		if !bytes.Equal(have, p) {
			return false, nil
		}
		at += int64(len(p))
	}
	return true, nil
}

// keep sets aside what is about to be overwritten, unless that was done before: a
// crash may have come in the middle of the overwriting. The journal notes it.
func (f *File) keep(parts ranges) error {
	var fresh ranges
	for _, r := range parts {
		if !f.kept.covers(r[0], r[1]) {
			fresh = append(fresh, r)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	if !f.renewed {
		inFile := make(ranges, len(fresh))
		for i, r := range fresh {
			inFile[i] = [2]int64{f.room + r[0], f.room + r[1]}
		}
		if err := f.dir.keepRanges(f.name, f.body, inFile); err != nil {
			return err
		}
	}
	if err := f.noteRanges(kindKept, fresh); err != nil {
		return err
	}
	f.kept = append(f.kept, fresh...)
	return nil
}
