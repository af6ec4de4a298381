package spool

import (
	"encoding/binary"
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

// File is a growing file that is open for appending. Append, Fill and Close
// are for one goroutine (its recorder); the rest is for all.
type File struct {
	dir    *Dir
	name   string
	room   int64
	header Header

	body, journal *os.File
	size          atomic.Int64 // valid body bytes
	journalSize   int64
	paged         bool // a copy of the header is beyond the first page of the journal
	frameBuf      []byte
	offset        [offsetLen]byte
	records       int         // since it was created, or whole when it was opened
	bad, kept     ranges      // damaged, when it was opened; those of them that were kept aside
	renewed       bool        // its body is a copy: the original was kept aside when it was opened
	named         atomic.Bool // its name survives a power loss
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
	journal, err := f.writeSamples(b.Record, uint32(b.Size), crc)
	if err != nil {
		f.dir.book(f.name, -b.Size)
		return err
	}
	f.size.Add(b.Size)
	f.dirty.Store(true)
	f.records++
	if beyond := !f.paged && journal >= page; beyond || f.records%checkpointEvery == 1 {
		// Another copy of the header, far from the first. The next will do as well.
		f.paged = f.paged || beyond
		_ = f.checkpoint(kindCheckpoint)
	}
	return nil
}

// writeSamples returns the size of the journal then.
func (f *File) writeSamples(record []byte, body, crc uint32) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	binary.LittleEndian.PutUint64(f.offset[:], uint64(f.size.Load()))
	err := f.write(func(b []byte) []byte {
		return appendFrame(b, kindSamplesAt, body, crc, f.offset[:], record)
	})
	return f.journalSize, err
}

// checkpoint writes the header once more, and how far the body goes.
func (f *File) checkpoint(kind byte) error {
	text, err := json.Marshal(f.header)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(func(b []byte) []byte {
		return appendFrame(b, kind, 0, 0, offsetOf(f.size.Load()), text)
	})
}

// write appends to the journal what encode appends. Called with the lock.
func (f *File) write(encode func([]byte) []byte) error {
	if f.closed {
		return os.ErrClosed
	}
	f.frameBuf = encode(f.frameBuf[:0])
	if _, err := f.journal.WriteAt(f.frameBuf, f.journalSize); err != nil {
		return err
	}
	f.journalSize += int64(len(f.frameBuf))
	return nil
}

// noteRanges writes a frame for each range, and syncs the journal.
func (f *File) noteRanges(kind byte, parts ranges) error {
	f.mu.Lock()
	err := f.write(func(b []byte) []byte {
		for _, p := range parts {
			b = appendFrame(b, kind, 0, 0, span(p[0], p[1]))
		}
		return b
	})
	f.mu.Unlock()
	if err != nil {
		return err
	}
	if err := dataSync(f.journal); err != nil {
		return f.failed(err)
	}
	return nil
}

// Release gives body bytes [from, to) of each range back to the disk. The caller
// knows that a store holds them. They can't be read any more. That is in the
// journal, on the disk, before the first hole is there: else a power cut would
// leave a hole that looks like damage.
func (f *File) Release(parts ...[2]int64) error {
	if len(parts) == 0 {
		return nil
	}
	if err := f.noteRanges(kindRelease, parts); err != nil {
		return err
	}
	for _, p := range parts {
		f.mu.Lock()
		f.gone = f.gone.add(p[0], p[1]) // from here on it is not to be read
		f.mu.Unlock()
		if err := punch(f.body, f.room+p[0], p[1]-p[0]); err != nil {
			return err
		}
		f.dir.book(f.name, p[0]-p[1])
	}
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
	return f.failed(err)
}

// failed notes that a sync failed.
func (f *File) failed(err error) error {
	err = fmt.Errorf("sync: %w", err)
	if !errors.Is(err, os.ErrClosed) {
		f.dir.fell(err, f)
	}
	return err
}

// Close ends the writing: all of the file, and its name, survive a power loss from
// then on. It waits for the disk. The file stays in the spool until Dir.Remove.
// After an error it is closed, and suspect if it could not be synced; but after
// ErrHangs it is still open, and nothing is known of it until the next start.
func (f *File) Close() error {
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return nil
	}
	var err error
	if f.Size() > 0 { // else it is about to be removed
		err = f.checkpoint(kindEnd)
		e := f.dir.sync(f)
		if errors.Is(e, ErrHangs) {
			return e
		}
		if err == nil {
			err = e
		}
	}
	if e := f.shut(); err == nil {
		err = e
	}
	return err
}

// shut closes the file as it is.
func (f *File) shut() error {
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
	f := &File{dir: d, name: name, room: h.Room, header: h}
	if f.body, err = d.root.OpenFile(name+bodyExt, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if f.journal, err = d.root.OpenFile(name+journalExt, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		f.body.Close()
		_ = d.root.Remove(name + bodyExt)
		return nil, err
	}
	f.mu.Lock()
	err = f.write(func(b []byte) []byte { return appendFrame(b, kindHeader, 0, 0, text) })
	f.mu.Unlock()
	if err != nil {
		f.discard()
		return nil, err
	}
	f.dirty.Store(true)
	return f, nil
}

// discard undoes create.
func (f *File) discard() {
	_ = f.shut()
	_ = f.dir.Remove(f.name)
}
