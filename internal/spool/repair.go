package spool

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"syscall"
)

// Report tells what repair found.
type Report struct {
	Body    int64 // valid body bytes
	Records int   // that are whole
	// CutBody and CutJournal are the bytes behind the last whole record.
	CutBody, CutJournal int64
	// Released is how many of the body bytes were given back to the disk.
	Released int64
	// Damaged is how many of the body bytes are not what was written, or are
	// described by nothing. What they held is left out.
	Damaged int64
}

// Torn tells whether something behind the last whole record is cut off.
func (r *Report) Torn() bool { return r.CutBody > 0 || r.CutJournal > 0 }

var (
	// ErrNoHeader tells that neither journal nor body hold anything: the file was
	// created in the instant of the crash. It may be dropped.
	ErrNoHeader = errors.New("the file is empty")
	// ErrBad tells that a file holds something that can't be understood: nothing
	// of its journal says what it is, or no record is whole. See Dir.SetAside.
	ErrBad = errors.New("the file can't be understood")
)

// findings is what examine saw.
type findings struct {
	header  Header
	report  Report
	notes   notes
	journal int64  // size of the journal
	fresh   ranges // damaged, and not noted yet; each one a record or a gap
	marked  bool   // frames speak of more than is valid: a T frame is due
	astray  bool   // S frames could not be placed
	content bool   // what is to be cut off is more than a power cut leaves: it is kept
	// Parts that the disk can't read: the file is copied before it is written to.
	badBody, badJournal error
}

// examine walks the journal and checks each range of the body against it. An
// error of the disk is returned if it lets nothing be read; one that hides parts
// makes them damaged.
func examine(body, journal *os.File) (*findings, error) {
	bodyInfo, err := body.Stat()
	if err != nil {
		return nil, err
	}
	journalInfo, err := journal.Stat()
	if err != nil {
		return nil, err
	}
	x := &findings{journal: journalInfo.Size()}
	if x.header, err = findHeader(journal, x.journal, body, bodyInfo.Size()); err != nil {
		return x, err
	}
	if x.notes, err = readNotes(journal, x.journal); err != nil {
		return x, err
	}
	c := checker{findings: x, body: body, have: bodyInfo.Size() - x.header.Room}
	c.replay = replay{scanner: newScanner(journal, x.journal), notes: &x.notes, place: c.place}
	err = c.each(c.step)
	if err == nil {
		err = c.fault
	}
	if err != nil {
		return x, err
	}
	if err := c.finish(); err != nil {
		return x, err
	}
	if eio := cmp.Or(x.badBody, x.badJournal); eio != nil && x.report.Records == 0 {
		return x, eio // all of it may be there tomorrow
	}
	return x, nil
}

// findHeader reads the header, or one of its copies.
func findHeader(journal io.ReaderAt, size int64, body io.ReaderAt, bodySize int64) (h Header, err error) {
	s := newScanner(journal, size)
	for {
		f, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return h, err
		}
		if f.kind == kindHeader || f.kind == kindCheckpoint || f.kind == kindEnd {
			if h, err := f.header(); err == nil {
				return h, nil
			}
		}
	}
	if s.eio != nil {
		return h, s.eio
	}
	if s.frames > 0 {
		return h, fmt.Errorf("%w: its journal has %d frames and no header", ErrBad, s.frames)
	}
	empty, err := allZero(body, bodySize)
	switch {
	case err != nil:
		return h, err
	case !empty:
		return h, fmt.Errorf("%w: its journal has no header", ErrBad)
	}
	return h, ErrNoHeader
}

// allZero tells whether a body holds nothing but zeros, or nothing at all.
func allZero(r io.ReaderAt, size int64) (bool, error) {
	buf := make([]byte, window)
	for off := int64(0); off < size; off += int64(len(buf)) {
		p := buf[:min(size-off, int64(len(buf)))]
		if _, err := r.ReadAt(p, off); err != nil && err != io.EOF {
			return false, err
		}
		for _, b := range p {
			if b != 0 {
				return false, nil
			}
		}
	}
	return true, nil
}

// checker compares the pieces that the journal speaks of with the body.
type checker struct {
	replay
	*findings
	body io.ReaderAt
	have int64 // body bytes on the disk

	solid  int64 // end of the last record that is whole
	last   int64 // end of all that the journal speaks of
	closed bool  // and that is where the file was closed
	buf    []byte
	fault  error
}

// step takes one piece; false ends the walk.
func (c *checker) step(s step) bool {
	c.last, c.closed = max(c.last, s.to), false
	if s.to > c.have {
		return false // torn: the body lacks what follows
	}
	switch {
	case s.end():
		c.closed = true
		return true
	case c.findings.notes.gone.touch(s.from, s.to):
		// A store has what is missing here.
	case c.findings.notes.bad.covers(s.from, s.to):
		return c.probe(s.from, s.to)
	case s.frame == nil:
		c.fresh = append(c.fresh, [2]int64{s.from, s.to})
		return c.probe(s.from, s.to)
	default:
		ok, err := c.whole(s.from, s.frame)
		if err != nil {
			c.fault = err
			return false
		}
		if !ok {
			c.fresh = append(c.fresh, [2]int64{s.from, s.to})
			return true
		}
	}
	if s.frame != nil {
		c.report.Records++
	}
	c.solid = s.to
	return true
}

// probe looks whether a range of the body of which nothing is checked can be read;
// false ends the walk.
func (c *checker) probe(from, to int64) bool {
	c.room()
	for off := from; off < to && c.fault == nil; off += int64(len(c.buf)) {
		bad, err := readPages(c.body, c.buf[:min(to-off, int64(len(c.buf)))], c.header.Room+off)
		c.fault = err
		if bad != nil {
			c.badBody = bad
		}
	}
	return c.fault == nil
}

func (c *checker) room() {
	if c.buf == nil {
		c.buf = make([]byte, 1<<20)
	}
}

// whole tells whether the body holds at off what the frame describes.
func (c *checker) whole(off int64, f *frame) (bool, error) {
	if off < 0 || off+int64(f.body) > c.have {
		return false, nil
	}
	c.room()
	crc := uint32(0)
	for left := int64(f.body); left > 0; {
		p := c.buf[:min(left, int64(len(c.buf)))]
		if _, err := c.body.ReadAt(p, c.header.Room+off); err != nil && err != io.EOF {
			if errors.Is(err, syscall.EIO) {
				c.badBody = err
				return false, nil
			}
			return false, err
		}
		crc = crc32.Update(crc, castagnoli, p)
		off, left = off+int64(len(p)), left-int64(len(p))
	}
	return crc == f.bodyCRC, nil
}

// place finds an S frame behind something that can't be read. It is where it is
// whole: behind as many bytes as the lost frame spoke of, or so far from the end
// of the body as the frames that follow say.
func (c *checker) place(off int64, f *frame) int64 {
	for _, at := range []int64{off + c.claim, off, c.have - int64(f.body) - c.rest()} {
		if at < off {
			continue
		}
		ok, err := c.whole(at, f)
		if err != nil {
			c.fault = err
			return -1
		}
		if ok {
			return at
		}
	}
	c.astray = true
	return -1
}

// rest is the sum of the body bytes of the S frames behind the present one.
func (c *checker) rest() (sum int64) {
	s := newScanner(c.r, c.size)
	s.pos = c.pos
	for {
		f, err := s.next()
		if err != nil {
			return sum
		}
		if f.kind == kindSamples {
			sum += int64(f.body)
		}
	}
}

// finish sums up. What is damaged at the end is a torn tail, unless the file was
// closed there.
func (c *checker) finish() error {
	x, r := c.findings, &c.report
	x.badJournal = cmp.Or(c.eio, x.notes.eio)
	r.Body = c.solid
	if c.closed {
		r.Body = c.last
	}
	torn := x.fresh.below(c.last) == x.fresh.below(r.Body)
	x.fresh = x.fresh.clip(r.Body)
	r.Released = x.notes.gone.below(r.Body)
	r.Damaged = x.fresh.below(r.Body) + x.notes.bad.below(r.Body)
	r.CutBody, r.CutJournal = max(0, c.have-r.Body), x.journal-x.notes.end
	x.marked = r.CutBody > 0 || r.CutJournal > 0 || c.last > r.Body
	return c.judgeTail(torn)
}

// judgeTail decides whether the bytes that are cut off are kept. torn tells that no
// record is damaged there. What the journal does not speak of, or not wholly, is
// what a power cut leaves; whole records that are damaged, and a journal that is,
// can be bit rot, and most of the bytes are as they were written.
func (c *checker) judgeTail(torn bool) error {
	r := &c.report
	if r.CutBody == 0 {
		return nil
	}
	if !c.probe(r.Body, c.have) {
		return c.fault
	}
	if torn && !c.astray && c.badJournal == nil {
		tail, err := c.torn()
		if err != nil || tail {
			return err
		}
	}
	zero, err := allZero(io.NewSectionReader(c.body, c.header.Room+r.Body, r.CutBody), r.CutBody)
	c.content = !zero
	if errors.Is(err, syscall.EIO) {
		c.content, err = true, nil
	}
	return err
}
