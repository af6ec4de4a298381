package spool

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"syscall"

	"github.com/live-recording/liverecord/internal/mux"
)

// Report tells what repair found.
type Report struct {
	Body    int64 // valid body bytes
	Records int
	// CutBody and CutJournal are the bytes behind the last whole record.
	CutBody, CutJournal int64
	// Released is how many of the body bytes were given back to the disk.
	Released int64
}

// ErrNoHeader tells that the journal does not even hold a header. Nothing that
// the file may hold can be understood; it was created in the instant of the crash.
var ErrNoHeader = errors.New("the journal has no header")

// Open opens a file of an earlier run for appending: it finds the longest
// prefix of journal and body that agree and cuts both there.
func (d *Dir) Open(name string) (*File, Header, Report, error) {
	body, err := d.root.OpenFile(name+bodyExt, os.O_RDWR, 0)
	if err != nil {
		return nil, Header{}, Report{}, err
	}
	journal, err := d.root.OpenFile(name+journalExt, os.O_RDWR, 0)
	if err != nil {
		body.Close()
		return nil, Header{}, Report{}, err
	}
	h, rep, end, err := examine(body, journal)
	if err == nil {
		err = cut(body, h.Room+rep.Body, journal, end, rep)
	}
	if err != nil {
		body.Close()
		journal.Close()
		return nil, h, rep, err
	}
	f := &File{dir: d, name: name, room: h.Room, body: body, journal: journal, journalSize: end}
	f.size.Store(rep.Body)
	f.gone, err = releasedRanges(journal)
	if err != nil {
		f.closed = true
		return nil, h, rep, errors.Join(err, body.Close(), journal.Close())
	}
	d.mu.Lock()
	d.live[name] = f
	d.mu.Unlock()
	return f, h, rep, nil
}

// Examine reports on a file at rest without changing it.
func (d *Dir) Examine(name string) (Header, Report, error) {
	body, err := d.root.Open(name + bodyExt)
	if err != nil {
		return Header{}, Report{}, err
	}
	defer body.Close()
	journal, err := d.root.Open(name + journalExt)
	if err != nil {
		return Header{}, Report{}, err
	}
	defer journal.Close()
	h, rep, _, err := examine(body, journal)
	return h, rep, err
}

// examine walks the journal and checks each range of the body against it.
// end is the length of the valid journal.
func examine(body, journal *os.File) (h Header, rep Report, end int64, err error) {
	bodyInfo, err := body.Stat()
	if err != nil {
		return h, rep, 0, err
	}
	journalInfo, err := journal.Stat()
	if err != nil {
		return h, rep, 0, err
	}
	w := walker{r: bufio.NewReaderSize(journal, 256<<10)}
	f, err := w.next()
	if err != nil {
		if errors.Is(err, errTorn) || errors.Is(err, io.EOF) {
			err = ErrNoHeader
		}
		return h, rep, 0, err
	}
	if h, err = decodeHeader(f); err != nil {
		return h, rep, 0, fmt.Errorf("%w: %w", ErrNoHeader, err)
	}
	end = f.size
	gone, err := releasedRanges(journal)
	if err != nil {
		return h, rep, 0, err
	}
	have := bodyInfo.Size() - h.Room
	for {
		if f, err = w.next(); err != nil {
			break
		}
		if f.kind == kindSamples {
			ok, e := matches(body, h.Room+rep.Body, rep.Body, have, f, gone)
			if e != nil && !errors.Is(e, syscall.EIO) { // what can't be read is not there
				return h, rep, 0, e
			}
			if !ok {
				break
			}
			rep.Body += int64(f.body)
			rep.Records++
		}
		end += f.size
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errTorn) {
		return h, rep, 0, err
	}
	rep.Released = gone.below(rep.Body)
	rep.CutBody, rep.CutJournal = max(0, have-rep.Body), journalInfo.Size()-end
	return h, rep, end, nil
}

// matches tells whether the body holds what the frame describes. Ranges that
// were released can't be read, and need not be: a store has them.
func matches(body io.ReaderAt, at, off, have int64, f frame, gone ranges) (bool, error) {
	if off+int64(f.body) > have {
		return false, nil
	}
	if gone.touch(off, off+int64(f.body)) {
		return true, nil
	}
	buf := make([]byte, min(int64(f.body), 1<<20))
	crc := uint32(0)
	for left := int64(f.body); left > 0; {
		p := buf[:min(left, int64(len(buf)))]
		if _, err := body.ReadAt(p, at); err != nil && err != io.EOF {
			return false, err
		}
		crc = crc32.Update(crc, castagnoli, p)
		at, left = at+int64(len(p)), left-int64(len(p))
	}
	return crc == f.bodyCRC, nil
}

func cut(body *os.File, bodyEnd int64, journal *os.File, journalEnd int64, rep Report) error {
	if rep.CutBody > 0 {
		if err := body.Truncate(bodyEnd); err != nil {
			return err
		}
	}
	if rep.CutJournal > 0 {
		return journal.Truncate(journalEnd)
	}
	return nil
}

type walker struct {
	r     *bufio.Reader
	buf   []byte
	began bool
}

func (w *walker) next() (frame, error) {
	f, buf, err := readFrame(w.r, w.buf)
	w.buf = buf
	if w.began && errors.Is(err, syscall.EIO) {
		err = errTorn // what can't be read is not there; but a header may be read later
	}
	w.began = true
	return f, err
}

// ranges are the released parts of a body.
type ranges [][2]int64

func (r ranges) touch(from, to int64) bool {
	for _, x := range r {
		if from < x[1] && x[0] < to {
			return true
		}
	}
	return false
}

func (r ranges) below(end int64) (sum int64) {
	for _, x := range r {
		sum += max(0, min(x[1], end)-min(x[0], end))
	}
	return sum
}

// releasedRanges reads the journal once for its release frames.
func releasedRanges(journal *os.File) (ranges, error) {
	var out ranges
	err := frames(journal, func(f frame) bool {
		if from, to, ok := decodeRelease(f.payload); ok && f.kind == kindRelease {
			if n := len(out); n > 0 && out[n-1][1] == from {
				out[n-1][1] = to
			} else {
				out = append(out, [2]int64{from, to})
			}
		}
		return true
	})
	return out, err
}

// Released returns what tells whether any byte of a range of the body of a file
// at rest was given back to the disk, so that it can't be read.
func (d *Dir) Released(name string) (func(from, to int64) bool, error) {
	j, err := d.root.Open(name + journalExt)
	if err != nil {
		return nil, err
	}
	defer j.Close()
	gone, err := releasedRanges(j)
	return gone.touch, err
}

// frames calls yield for each whole frame, until it returns false.
func frames(journal io.ReaderAt, yield func(frame) bool) error {
	w := walker{r: bufio.NewReaderSize(io.NewSectionReader(journal, 0, 1<<62), 256<<10)}
	for {
		f, err := w.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return nil
		}
		if err != nil {
			return err
		}
		if !yield(f) {
			return nil
		}
	}
}

// Records reads the payloads of a file's journal, live or at rest.
func (d *Dir) Records(name string) mux.Records {
	return func(yield func([]byte, error) bool) {
		j, err := d.root.Open(name + journalExt)
		if err != nil {
			yield(nil, err)
			return
		}
		defer j.Close()
		err = frames(j, func(f frame) bool {
			return f.kind != kindSamples || yield(f.payload, nil)
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// Header reads a file's header.
func (d *Dir) Header(name string) (Header, error) {
	j, err := d.root.Open(name + journalExt)
	if err != nil {
		return Header{}, err
	}
	defer j.Close()
	w := walker{r: bufio.NewReader(j)}
	f, err := w.next()
	if err != nil {
		return Header{}, ErrNoHeader
	}
	return decodeHeader(f)
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
