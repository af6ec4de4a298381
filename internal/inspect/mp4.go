package inspect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxMoov bounds an index, in bytes: that of weeks.
const maxMoov = 1 << 30

var known = map[string]bool{
	"ftyp": true, "styp": true, "moov": true, "free": true, "skip": true, "wide": true, "mdat": true, "uuid": true,
	"meta": true, "moof": true, "mfra": true, "sidx": true, "prft": true, "emsg": true, "udta": true,
}

// head is a box of the file itself.
type head struct {
	kind     string
	at, size int64 // of the content
}

// nextBox reads the header of the next box; errStop if it can't be one.
func nextBox(p *Report, r *reader) (h head, end bool, err error) {
	if end, err = r.ended(); end || err != nil {
		return h, end, err
	}
	at := r.at
	b, err := r.take(8)
	if err != nil {
		return h, false, err
	}
	if len(b) < 8 {
		p.bad(at, "the file ends within the header of a box")
		return h, false, errStop
	}
	size, n := int64(binary.BigEndian.Uint32(b)), int64(8)
	h.kind = string(b[4:8])
	if size == 1 {
		if b, err = r.take(8); err != nil {
			return h, false, err
		}
		if len(b) < 8 {
			p.bad(at, "the file ends within the header of a box")
			return h, false, errStop
		}
		size, n = int64(binary.BigEndian.Uint64(b)), 16
	}
	h.at, h.size = at+n, size-n
	if h.size < 0 || !known[h.kind] {
		p.bad(at, "no box begins here (%s, %d bytes)", kindText(h.kind), size)
		return h, false, errStop
	}
	return h, false, nil
}

// content reads a box into memory.
func content(p *Report, r *reader, h head) ([]byte, error) {
	if h.size > maxMoov {
		p.bad(h.at, "%s of %d bytes", h.kind, h.size)
		return nil, errStop
	}
	b, err := r.take(int(h.size))
	if err == nil && int64(len(b)) < h.size {
		p.bad(h.at, "the file ends %d bytes before the end of %s", h.size-int64(len(b)), h.kind)
		err = errStop
	}
	return b, err
}

// pass skips a box.
func pass(p *Report, r *reader, h head) error {
	n, err := r.skip(h.size)
	if err == nil && n < h.size {
		p.bad(h.at, "the file ends %d bytes before the end of %s", h.size-n, h.kind)
		err = errStop
	}
	return err
}

// mp4 walks over a file, or over the initialization section of segments, which Reader keeps.
func (w *Reader) mp4(p *Report, r *reader, again io.ReaderAt) error {
	m := &movie{p: p}
	for first := true; ; first = false {
		h, end, err := nextBox(p, r)
		if err != nil {
			return err
		}
		if end {
			break
		}
		if first && h.kind != "ftyp" {
			p.bad(0, "the file begins with %s, not with ftyp", h.kind)
		}
		if err := m.top(r, h); err != nil {
			return err
		}
	}
	return w.close(m, again)
}

// movie is a file that is being read.
type movie struct {
	p          *Report
	tracks     []*track
	moov       bool
	fragmented bool
	data       []head // mdat
	walked     bool   // samples were read
}

func (m *movie) top(r *reader, h head) error {
	switch h.kind {
	case "moov":
		if m.moov {
			m.p.bad(h.at, "a second moov")
		}
		b, err := content(m.p, r, h)
		if err != nil {
			return err
		}
		m.moov = true
		return m.index(append([]byte(nil), b...), h.at)
	case "mdat":
		m.data = append(m.data, h)
		if m.moov && len(m.data) == 1 {
			m.walked = true
			return m.samples(r, h)
		}
	case "moof":
		m.p.bad(h.at, "a fragment in an ordinary file")
	}
	return pass(m.p, r, h)
}

// index reads moov.
func (m *movie) index(b []byte, at int64) error {
	boxes, err := children(b, at)
	if err != nil {
		m.p.bad(at, "moov: %v", err)
		return errStop
	}
	for _, x := range boxes {
		switch x.kind {
		case "mvex":
			m.fragmented = true
		case "trak":
			t := &track{at: x.at}
			if err := t.read(x); err != nil {
				m.p.bad(x.at, "trak: %v", err)
				return errStop
			}
			m.tracks = append(m.tracks, t)
		case "mvhd", "udta", "meta", "iods":
		default:
			m.p.bad(x.at, "moov holds %s", kindText(x.kind))
		}
	}
	if len(m.tracks) == 0 {
		m.p.bad(at, "no tracks")
	}
	problems := len(m.p.Problems)
	for _, t := range m.tracks {
		t.agree(m.p)
	}
	if len(m.p.Problems) > problems {
		return errStop // where samples lie is not known
	}
	return nil
}

// close checks what is known only at the end.
func (w *Reader) close(m *movie, again io.ReaderAt) error {
	p := m.p
	switch {
	case !m.moov:
		p.bad(0, "no moov: the file has no index")
		return nil
	case m.fragmented:
		w.init, w.seq, w.time = map[uint32]*track{}, 0, nil
		for _, t := range m.tracks {
			w.init[t.id] = t
		}
		p.Summary = "init section, " + m.codecs()
		return nil
	case len(m.data) != 1:
		p.bad(0, "%d mdat instead of one", len(m.data))
		return nil
	}
	if !m.walked {
		var r *reader
		if h := m.data[0]; again != nil {
			r = newReader(io.NewSectionReader(again, h.at, h.size))
			r.at = h.at
		}
		if err := m.samples(r, m.data[0]); err != nil && !errors.Is(err, errStop) {
			return err
		}
	}
	p.Summary = m.summary()
	return nil
}

func (m *movie) codecs() string {
	var names []string
	for _, t := range m.tracks {
		names = append(names, kindText(t.codec))
	}
	return strings.Join(names, " + ")
}

func (m *movie) summary() string {
	samples, length := int64(0), 0.0
	for _, t := range m.tracks {
		samples += int64(t.count)
		if t.timescale > 0 {
			length = max(length, float64(t.duration)/float64(t.timescale))
		}
	}
	return fmt.Sprintf("MP4, %s, %d samples, %.1f s", m.codecs(), samples, length)
}
