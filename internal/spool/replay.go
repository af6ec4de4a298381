package spool

import (
	"errors"
	"io"
	"slices"
)

// ranges are parts of a body, in the order in which they were noted.
type ranges [][2]int64

func (r ranges) touch(from, to int64) bool {
	for _, x := range r {
		if from < x[1] && x[0] < to {
			return true
		}
	}
	return false
}

// covers tells whether one of the ranges holds all of [from, to).
func (r ranges) covers(from, to int64) bool {
	for _, x := range r {
		if x[0] <= from && to <= x[1] {
			return true
		}
	}
	return false
}

// add appends a range; one that follows the last is joined with it.
func (r ranges) add(from, to int64) ranges {
	if n := len(r); n > 0 && r[n-1][1] == from {
		r[n-1][1] = to
		return r
	}
	return append(r, [2]int64{from, to})
}

// clip cuts everything behind end off.
func (r ranges) clip(end int64) ranges {
	for i := range r {
		r[i][1] = min(r[i][1], end)
	}
	return slices.DeleteFunc(r, func(x [2]int64) bool { return x[0] >= x[1] })
}

func (r ranges) below(end int64) (sum int64) {
	for _, x := range r {
		sum += max(0, min(x[1], end)-min(x[0], end))
	}
	return sum
}

// notes is what a journal says that does not depend on the body.
type notes struct {
	gone ranges // released
	bad  ranges // damaged
	kept ranges // of the damaged ones: kept aside
	cuts []cut
	end  int64 // of the last whole frame in the journal
	eio  error // of pages that can't be read
}

// cut is a T frame: where it is in the journal, and where the body ends for the
// frames before it.
type cut struct{ at, size int64 }

// void tells whether a frame at that place of the journal describes bytes that
// were cut off later.
func (n *notes) void(at, end int64) bool {
	for _, c := range n.cuts {
		if at < c.at && end > c.size {
			return true
		}
	}
	return false
}

// readNotes goes through a journal once.
func readNotes(r io.ReaderAt, size int64) (n notes, err error) {
	s := newScanner(r, size)
	for {
		f, err := s.next()
		if errors.Is(err, io.EOF) {
			n.eio = s.eio
			return n, nil
		}
		if err != nil {
			return n, err
		}
		n.end = s.pos
		switch f.kind {
		case kindRelease:
			if from, to, ok := decodeSpan(f.payload); ok {
				n.gone = n.gone.add(from, to)
			}
		case kindDamaged:
			if from, to, ok := decodeSpan(f.payload); ok {
				n.bad = append(n.bad, [2]int64{from, to}) // each one a record, or a gap between records
			}
		case kindKept:
			if from, to, ok := decodeSpan(f.payload); ok {
				n.kept = append(n.kept, [2]int64{from, to})
			}
		case kindTruncate:
			if to := f.offset(); to >= 0 {
				n.cuts = append(n.cuts, cut{s.at, to})
				n.gone, n.bad, n.kept = n.gone.clip(to), n.bad.clip(to), n.kept.clip(to)
			}
		}
	}
}

// replay goes through the frames that describe the body, in the order of its
// bytes.
type replay struct {
	*scanner
	notes *notes
	// place finds the offset of an S frame behind something that was passed over;
	// off is the end of what is known so far. Negative if it can't be found.
	place func(off int64, f *frame) int64

	off    int64 // end of what was described so far
	adrift bool  // an S frame can't be placed by counting
}

// step is one piece of the body: a record, or a gap that nothing describes. A step
// without bytes is the end of the file as it was closed.
type step struct {
	from, to int64
	frame    *frame // nil: a gap, or the end
}

func (s *step) end() bool { return s.from == s.to && s.frame == nil }

// each calls yield for each piece of the body until that returns false.
func (p *replay) each(yield func(step) bool) error {
	for {
		f, err := p.next()
		if p.skipped {
			p.adrift = true
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		from, to := p.reach(&f)
		if from < p.off || p.notes.void(p.at, to) {
			continue
		}
		if from > p.off && !yield(step{from: p.off, to: from}) {
			return nil
		}
		p.off, p.adrift = to, false
		x := step{from: from, to: to, frame: &f}
		switch f.kind {
		case kindCheckpoint:
			continue
		case kindEnd:
			x.frame = nil
		}
		if !yield(x) {
			return nil
		}
	}
}

// reach is the part of the body that a frame speaks of; from is negative if of
// none, or of one that can't be found.
func (p *replay) reach(f *frame) (from, to int64) {
	switch f.kind {
	case kindSamplesAt:
		from = f.offset()
		return from, from + int64(f.body)
	case kindCheckpoint, kindEnd:
		return f.offset(), f.offset()
	case kindSamples:
		from = p.off
		if p.adrift {
			from = p.found(f)
		}
		return from, from + int64(f.body)
	}
	return -1, -1
}

// found places an S frame: by the range that was noted as damaged before it, else
// by what the caller knows.
func (p *replay) found(f *frame) int64 {
	for _, x := range p.notes.bad {
		if x[0] == p.off {
			return x[1]
		}
	}
	if p.place == nil {
		return -1
	}
	return p.place(p.off, f)
}
