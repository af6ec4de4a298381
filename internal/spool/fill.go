package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

func offsetOf(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }

// Fill makes the damaged ranges of a file that Open returned such that players of
// its format pass over them, and the disk can read them again. What could still be
// read of them is kept in NAME.part.bad, at the same offsets. ErrBad if nothing of
// the file is whole. format may be a mux.Filler, a mux.Remaker, both or neither.
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
	filler, _ := format.(mux.Filler)
	for _, r := range f.bad.clip(f.Size()) {
		if f.IsReleased(r[0], r[1]) {
			continue // a store has it, or it was filled before it was given back
		}
		if err := f.fillRange(r[0], r[1], tracks, filler); err != nil {
			return fmt.Errorf("damaged range at %d: %w", r[0], err)
		}
	}
	return f.Sync()
}

func (f *File) remake(tracks []hooks.Track, format any) error {
	if m, ok := format.(mux.Remaker); ok {
		b, err := m.Remake(tracks)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBad, err)
		}
		if int64(len(b)) == f.Size() {
			if err := writeAll(f.body, [][]byte{b}, f.room); err != nil {
				return err
			}
			return f.Sync()
		}
	}
	return fmt.Errorf("%w: nothing of it is as it was written", ErrBad)
}

func (f *File) fillRange(from, to int64, tracks []hooks.Track, filler mux.Filler) error {
	at := f.room + from
	bad, same, err := f.filled(from, to, tracks, filler)
	switch {
	case err != nil, same:
		return err
	case bad != nil:
		// The disk gives the range another place when it is written again.
		if err := punch(f.body, at, to-from); err != nil {
			return err
		}
	}
	if filler == nil {
		return nil // nothing refers to it
	}
	for p := range filler.Fill(tracks, from, to-from) {
		if err := writeAll(f.body, [][]byte{p}, at); err != nil {
			return err
		}
		at += int64(len(p))
	}
	return nil
}

// filled tells whether the range is filled already; else it keeps a copy of what
// can be read there. bad is the error of what can't.
func (f *File) filled(from, to int64, tracks []hooks.Track, filler mux.Filler) (bad error, same bool, err error) {
	if filler != nil {
		same = true
		off := f.room + from
		for p := range filler.Fill(tracks, from, to-from) {
			have := make([]byte, len(p))
			if _, err := f.body.ReadAt(have, off); err != nil || string(have) != string(p) {
				same = false
				break
			}
			off += int64(len(p))
		}
		if same {
			return nil, true, nil
		}
	}
	buf := make([]byte, window)
	for off := f.room + from; off < f.room+to; off += int64(len(buf)) {
		b, err := readPages(f.body, buf[:min(f.room+to-off, int64(len(buf)))], off)
		if err != nil {
			return nil, false, err
		}
		if b != nil {
			bad = b
		}
	}
	if filler == nil {
		return bad, false, nil // it stays as it is
	}
	return bad, false, f.dir.keepRange(f.name, f.body, f.room+from, to-from)
}

// keepRange copies what can be read of a range of a body, which is about to be
// overwritten or cut off, to the same place of NAME.part.bad.
func (d *Dir) keepRange(name string, body io.ReaderAt, off, n int64) error {
	out, err := d.root.OpenFile(name+partExt+badExt, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	buf := make([]byte, window)
	for end := off + n; off < end && err == nil; {
		p := buf[:min(end-off, int64(len(buf)))]
		if _, err = readPages(body, p, off); err == nil {
			_, err = out.WriteAt(p, off)
		}
		off += int64(len(p))
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil // the copy is a kindness; the file itself counts
	}
	return errors.Join(err, out.Close())
}
