package spool

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/live-recording/liverecord/internal/mux"
)

// File is a growing file that is open for appending. Append and Close
// are for one goroutine (its recorder); the rest is for all.
type File struct {
	dir  *Dir
	name string
	room int64

	body, journal *os.File
	size          atomic.Int64 // valid body bytes
	journalSize   int64
	frameBuf      []byte
	dirty         atomic.Bool
	fault         atomic.Pointer[error] // a sync failed: nothing more is appended

	mu     sync.Mutex // guards what follows and journalSize against Release from another goroutine
	gone   ranges     // released
	closed bool
}

// Name is the base name in the folder.
func (f *File) Name() string { return f.name }

// Size is the number of body bytes that are valid and may be read.
func (f *File) Size() int64 { return f.size.Load() }

// ReadAt reads body bytes; offset 0 is the first byte after the room.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	size := f.Size()
	if off >= size {
		return 0, io.EOF
	}
	short := off+int64(len(p)) > size
	if short {
		p = p[:size-off]
	}
	n, err := f.body.ReadAt(p, f.room+off)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

// Append writes a batch: its bytes, then its record. After an error the file is
// as before, and the same batch may be appended again. It fails with ErrFull
// (budget), ErrLow (free space) or the error of the disk; for ever if that failed
// to sync what was appended.
func (f *File) Append(b mux.Batch) error {
	if b.Size == 0 && len(b.Record) == 0 {
		return nil
	}
	if fault := f.fault.Load(); fault != nil {
		return *fault
	}
	if err := f.dir.admit(f.name, b.Size); err != nil {
		return err
	}
	crc := uint32(0)
	for _, p := range b.Body {
		crc = crc32.Update(crc, castagnoli, p)
	}
	if err := writeAll(f.body, b.Body, f.room+f.size.Load()); err != nil {
		f.dir.book(f.name, -b.Size)
		return err
	}
	if err := f.writeFrame(kindSamples, b.Record, uint32(b.Size), crc); err != nil {
		f.dir.book(f.name, -b.Size)
		return err
	}
	f.size.Add(b.Size)
	f.dirty.Store(true)
	return nil
}

func (f *File) writeFrame(kind byte, payload []byte, body, crc uint32) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return os.ErrClosed
	}
	f.frameBuf = appendFrame(f.frameBuf[:0], kind, payload, body, crc)
	if _, err := f.journal.WriteAt(f.frameBuf, f.journalSize); err != nil {
		return err
	}
	f.journalSize += int64(len(f.frameBuf))
	return nil
}

// Release gives body bytes [from, to) back to the disk. The caller knows that a
// store holds them. They can't be read any more.
func (f *File) Release(from, to int64) error {
	if err := f.writeFrame(kindRelease, releaseRange(from, to), 0, 0); err != nil {
		return err
	}
	if err := punch(f.body, f.room+from, to-from); err != nil {
		return err
	}
	f.mu.Lock()
	f.gone = append(f.gone, [2]int64{from, to})
	f.mu.Unlock()
	f.dir.book(f.name, from-to)
	return nil
}

// IsReleased tells whether any byte of [from, to) was given back.
func (f *File) IsReleased(from, to int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone.touch(from, to)
}

// Sync makes what was appended survive a power loss. Where that fails once, it
// fails for ever.
func (f *File) Sync() error {
	if fault := f.fault.Load(); fault != nil {
		return *fault
	}
	f.dirty.Store(false)
	err := dataSync(f.body)
	if err == nil {
		err = dataSync(f.journal)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("sync: %w", err)
	if !errors.Is(err, os.ErrClosed) {
		f.dir.fell(err, f)
	}
	return err
}

// Close ends the writing; the file stays in the spool until Dir.Remove.
func (f *File) Close() error {
	f.dir.forget(f)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	err := f.body.Close()
	if e := f.journal.Close(); err == nil {
		err = e
	}
	return err
}

// create makes body and journal with the header in it.
func create(d *Dir, name string, h Header) (*File, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	f := &File{dir: d, name: name, room: h.Room}
	if f.body, err = d.root.OpenFile(name+bodyExt, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if f.journal, err = d.root.OpenFile(name+journalExt, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		f.body.Close()
		_ = d.root.Remove(name + bodyExt)
		return nil, err
	}
	if err := f.writeFrame(kindHeader, text, 0, 0); err != nil {
		f.discard()
		return nil, err
	}
	f.dirty.Store(true)
	return f, nil
}

// discard undoes create.
func (f *File) discard() {
	f.Close()
	_ = f.dir.Remove(f.name)
}
