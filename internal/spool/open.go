package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/live-recording/liverecord/internal/mux"
)

// Open opens a file of an earlier run for appending. What is damaged within it is
// noted in its journal and left out from then on (see File.Fill); what is torn at
// its end is cut off. Errors: ErrNoHeader, ErrBad, fs.ErrNotExist if the body or
// both are missing, else those of the disk, with which the file stays as it is.
func (d *Dir) Open(name string) (*File, Header, Report, error) {
	body, journal, err := d.pair(name, os.O_RDWR)
	if err != nil {
		return nil, Header{}, Report{}, err
	}
	x, err := examine(body, journal)
	f := &File{dir: d, name: name, body: body, journal: journal}
	if err == nil {
		err = f.settle(x)
	}
	if err != nil {
		return nil, x.head(), x.rep(), errors.Join(err, f.body.Close(), f.journal.Close())
	}
	f.room, f.header, f.records = x.header.Room, x.header, x.report.Records
	f.journalSize, f.gone, f.bad, f.kept = x.journal, x.notes.gone, append(x.notes.bad, x.fresh...), x.notes.kept
	f.size.Store(x.report.Body)
	d.mu.Lock()
	d.live[name] = f
	d.mu.Unlock()
	return f, x.header, x.report, nil
}

func (x *findings) head() (h Header) {
	if x != nil {
		h = x.header
	}
	return h
}

func (x *findings) rep() (r Report) {
	if x != nil {
		r = x.report
	}
	return r
}

// settle keeps what is not to be lost, writes into the journal what was found, and
// cuts the torn tail off. The journal tells first: a cut body without it would look
// like another damage.
func (f *File) settle(x *findings) error {
	end := x.header.Room + x.report.Body
	if x.content && x.badBody == nil {
		if err := f.dir.keepRanges(f.name, f.body, ranges{{end, end + x.report.CutBody}}); err != nil {
			return err
		}
	}
	if err := f.renew(x, end); err != nil {
		return err
	}
	if err := f.note(x); err != nil || x.report.CutBody == 0 {
		return err
	}
	return f.body.Truncate(end)
}

// renew replaces what can't be written to: the pages of a body or journal that the
// disk can't read, or the bytes of an object.
func (f *File) renew(x *findings, end int64) error {
	placed, err := linked(f.body)
	if err != nil {
		return err
	}
	if x.badBody != nil || placed && x.changes() {
		info, err := f.body.Stat()
		if err != nil {
			return err
		}
		body, err := f.dir.replace(f.name, bodyExt, f.body, min(info.Size(), end), x.badBody != nil)
		if err != nil {
			return err
		}
		_ = f.body.Close() // nothing was written to it
		f.body, f.renewed = body, x.badBody != nil
	}
	if x.badJournal == nil {
		return nil
	}
	journal, err := f.dir.replace(f.name, journalExt, f.journal, x.journal, true)
	if err != nil {
		return err
	}
	_ = f.journal.Close()
	f.journal = journal
	return nil
}

// changes tells whether the body is to be changed.
func (x *findings) changes() bool {
	return x.report.CutBody > 0 || len(x.fresh) > 0 || len(x.notes.bad) > 0
}

// note writes into the journal what was found.
func (f *File) note(x *findings) error {
	var text []byte
	for _, r := range x.fresh {
		text = appendFrame(text, kindDamaged, 0, 0, span(r[0], r[1]))
	}
	if x.marked {
		text = appendFrame(text, kindTruncate, 0, 0, offsetOf(x.report.Body))
	}
	if len(text) == 0 {
		return nil
	}
	if _, err := f.journal.WriteAt(text, x.journal); err != nil {
		return err
	}
	x.journal += int64(len(text))
	return dataSync(f.journal)
}

// Examine reports on a file at rest without changing it. Errors as of Open.
func (d *Dir) Examine(name string) (Header, Report, error) {
	body, journal, err := d.pair(name, os.O_RDONLY)
	if err != nil {
		return Header{}, Report{}, err
	}
	defer body.Close()
	defer journal.Close()
	x, err := examine(body, journal)
	return x.head(), x.rep(), err
}

// pair opens body and journal.
func (d *Dir) pair(name string, flag int) (body, journal *os.File, err error) {
	body, err = d.openPart(name, bodyExt, flag)
	if err != nil {
		return nil, nil, err
	}
	journal, err = d.openJournal(name, flag)
	if err != nil {
		return nil, nil, errors.Join(err, body.Close())
	}
	return body, journal, nil
}

// openJournal opens the journal. Where it is missing, but the body holds
// something, the error is ErrBad.
func (d *Dir) openJournal(name string, flag int) (*os.File, error) {
	j, err := d.openPart(name, journalExt, flag)
	if errors.Is(err, os.ErrNotExist) {
		if s, e := d.root.Stat(name + bodyExt); e == nil && s.Size() > 0 {
			return nil, fmt.Errorf("%w: it has no journal", ErrBad)
		}
	}
	return j, err
}

// Header reads a file's header. Errors as of Open.
func (d *Dir) Header(name string) (Header, error) {
	j, size, err := d.journal(name)
	if err != nil {
		return Header{}, err
	}
	defer j.Close()
	var body io.ReaderAt
	bodySize := int64(0)
	if b, err := d.openPart(name, bodyExt, os.O_RDONLY); err == nil {
		defer b.Close()
		s, err := b.Stat()
		if err != nil {
			return Header{}, err
		}
		body, bodySize = b, s.Size()
	} else if !errors.Is(err, os.ErrNotExist) {
		return Header{}, err
	}
	return findHeader(j, size, body, bodySize)
}

func (d *Dir) journal(name string) (*os.File, int64, error) {
	j, err := d.openJournal(name, os.O_RDONLY)
	if err != nil {
		return nil, 0, err
	}
	s, err := j.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, j.Close())
	}
	return j, s.Size(), nil
}

// Released returns what tells whether any byte of a range of the body of a file
// at rest was given back to the disk, so that it can't be read.
func (d *Dir) Released(name string) (func(from, to int64) bool, error) {
	j, size, err := d.journal(name)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	n, err := readNotes(j, size)
	return n.gone.touch, err
}

// Records reads the records of a file's journal, live or at rest. What was found
// damaged is a mux.Gap.
func (d *Dir) Records(name string) mux.Records {
	return func(yield func([]byte, error) bool) {
		j, size, err := d.journal(name)
		if err != nil {
			yield(nil, err)
			return
		}
		defer j.Close()
		n, err := readNotes(j, size)
		if err != nil {
			yield(nil, err)
			return
		}
		stopped := false
		p := replay{scanner: newScanner(j, size), notes: &n}
		err = p.each(func(s step) bool {
			if r := s.record(&n); r != nil {
				stopped = !yield(r, nil)
			}
			return !stopped
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// record is the record of a piece, a gap where it is damaged, nil for the
// end.
func (s *step) record(n *notes) []byte {
	switch {
	case s.end():
		return nil
	case s.frame == nil, n.bad.covers(s.from, s.to):
		return mux.Gap(s.to - s.from)
	}
	return s.frame.record()
}

// Body opens the body of a file for reading, live or at rest. size is the number
// of valid body bytes of a file at rest, as Examine found it.
func (d *Dir) Body(name string, room, size int64) (Body, error) {
	f, err := d.root.Open(name + bodyExt)
	if err != nil {
		return Body{}, err
	}
	return Body{f, io.NewSectionReader(f, room, size)}, nil
}

// Body is a body opened for reading; offset 0 is the first byte after the room.
type Body struct {
	f *os.File
	*io.SectionReader
}

// Close releases the file.
func (b Body) Close() error { return b.f.Close() }
