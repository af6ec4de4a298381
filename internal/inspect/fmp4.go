package inspect

import (
	"encoding/binary"
	"fmt"
)

// Flags of tfhd and trun (ISO/IEC 14496-12 §8.8.7, §8.8.8).
const (
	tfhdBase     = 0x01
	tfhdIndex    = 0x02
	tfhdDuration = 0x08
	tfhdSize     = 0x10
	tfhdFlags    = 0x20

	trunOffset   = 0x01
	trunFirst    = 0x04
	trunDuration = 0x100
	trunSize     = 0x200
	trunFlags    = 0x400
	trunCTO      = 0x800
)

// run is a trun: samples that follow each other.
type run struct {
	track  uint32
	offset int64 // in the file
	sizes  []uint32
}

// fragments walks over a segment: styp, then moof and mdat in turn.
func (w *Reader) fragments(p *Report, r *reader) error {
	if w.time == nil {
		w.time = map[uint32]uint64{}
	}
	count, samples := 0, 0
	for first := true; ; first = false {
		h, end, err := nextBox(p, r)
		if err != nil {
			return err
		}
		if end {
			break
		}
		if first && h.kind != "styp" {
			p.bad(0, "the segment begins with %s, not with styp", h.kind)
		}
		if h.kind != "moof" {
			if h.kind == "mdat" {
				p.bad(h.at, "mdat without moof before it")
			}
			if err := pass(p, r, h); err != nil {
				return err
			}
			continue
		}
		n, err := w.fragment(p, r, h)
		if err != nil {
			return err
		}
		count, samples = count+1, samples+n
	}
	if count == 0 {
		p.bad(0, "the segment holds no fragment")
	}
	p.Summary = fmt.Sprintf("fMP4, %d fragments, %d samples", count, samples)
	return nil
}

// fragment walks over one moof with its mdat.
func (w *Reader) fragment(p *Report, r *reader, h head) (int, error) {
	b, err := content(p, r, h)
	if err != nil {
		return 0, err
	}
	runs, err := w.moof(p, b, h.at)
	if err != nil {
		p.bad(h.at, "moof: %v", err)
		return 0, errStop
	}
	mdat, end, err := nextBox(p, r)
	if err != nil {
		return 0, err
	}
	if end || mdat.kind != "mdat" {
		p.bad(r.at, "no mdat behind moof")
		return 0, errStop
	}
	return w.payload(p, r, runs, mdat)
}

// payload walks over the samples of a fragment, which must fill mdat.
func (w *Reader) payload(p *Report, r *reader, runs []run, mdat head) (n int, err error) {
	at, end := mdat.at, mdat.at+mdat.size
	for _, x := range runs {
		if x.offset != at {
			p.bad(at, "samples of track %d begin at %d", x.track, x.offset)
			return n, errStop
		}
		t := w.init[x.track]
		if t == nil {
			t = &track{id: x.track} // without init section: sizes only
		}
		for _, size := range x.sizes {
			if at+int64(size) > end {
				p.bad(at, "a sample of %d bytes goes beyond mdat, which ends at %d", size, end)
				return n, errStop
			}
			if err := t.sample(p, r, uint32(n), int64(size)); err != nil {
				return n, err
			}
			at += int64(size)
			n++
		}
	}
	if at != end {
		p.bad(at, "%d bytes of mdat belong to no sample", end-at)
		return n, pass(p, r, head{"mdat", at, end - at})
	}
	return n, nil
}

// moof reads the tables of a fragment.
func (w *Reader) moof(p *Report, b []byte, at int64) ([]run, error) {
	boxes, err := children(b, at)
	if err != nil {
		return nil, err
	}
	var runs []run
	for _, x := range boxes {
		switch x.kind {
		case "mfhd":
			f := &fields{b: x.b}
			f.full()
			seq := f.u32()
			if f.bad || w.seq != 0 && seq != w.seq+1 {
				p.bad(x.at, "fragment %d follows fragment %d", seq, w.seq)
			}
			w.seq = seq
		case "traf":
			r, err := w.traf(p, x, at-8)
			if err != nil {
				return nil, err
			}
			runs = append(runs, r...)
		default:
			return nil, fmt.Errorf("it holds %s", kindText(x.kind))
		}
	}
	return runs, nil
}

// traf reads the part of one track; base is where moof begins.
func (w *Reader) traf(p *Report, x box, base int64) (runs []run, err error) {
	boxes, err := children(x.b, x.at+8)
	if err != nil {
		return nil, err
	}
	var id, common uint32
	var g groups
	samples := 0
	for _, y := range boxes {
		f := &fields{b: y.b}
		v, flags := f.full()
		switch y.kind {
		case "tfhd":
			id, common = tfhd(f, flags)
			if w.init != nil && w.init[id] == nil {
				return nil, fmt.Errorf("track %d is not in the init section", id)
			}
		case "tfdt":
			start := f.wide(v)
			if last, ok := w.time[id]; ok && start < last {
				p.bad(y.at, "track %d goes back from %d to %d", id, last, start)
			}
			w.time[id] = start
		case "trun":
			r := run{track: id}
			r.offset, r.sizes = trun(f, flags, common)
			r.offset += base
			samples += len(r.sizes)
			runs = append(runs, r)
		case "sgpd":
			g.sgpd(f, v)
		case "sbgp":
			g.sbgp(f, v)
		default:
			return nil, fmt.Errorf("traf holds %s", kindText(y.kind))
		}
		if f.bad {
			return nil, fmt.Errorf("%s is damaged", y.kind)
		}
	}
	return runs, g.check(samples)
}

func tfhd(f *fields, flags uint32) (id, size uint32) {
	id = f.u32()
	for _, x := range [...]struct {
		flag uint32
		n    int
	}{{tfhdBase, 8}, {tfhdIndex, 4}, {tfhdDuration, 4}} {
		if flags&x.flag != 0 {
			f.skip(x.n)
		}
	}
	if flags&tfhdSize != 0 {
		size = f.u32()
	}
	if flags&tfhdFlags != 0 {
		f.skip(4)
	}
	f.bad = f.bad || len(f.b) > 0
	return id, size
}

// trun reads offset and sizes of a run.
func trun(f *fields, flags, common uint32) (offset int64, sizes []uint32) {
	n := int(f.u32())
	if flags&trunOffset != 0 {
		offset = int64(int32(f.u32()))
	}
	if flags&trunFirst != 0 {
		f.skip(4)
	}
	before, size, after := 0, 0, 0
	if flags&trunDuration != 0 {
		before = 4
	}
	if flags&trunSize != 0 {
		size = 4
	}
	for _, x := range [...]uint32{trunFlags, trunCTO} {
		if flags&x != 0 {
			after += 4
		}
	}
	entry := before + size + after
	if entry > 0 && n != len(f.b)/entry || entry*n != len(f.b) || entry == 0 && n > 1<<20 {
		f.bad = true
		return offset, nil
	}
	for range n {
		f.skip(before)
		s := common
		if size > 0 {
			s = binary.BigEndian.Uint32(f.next(4))
		}
		f.skip(after)
		sizes = append(sizes, s)
	}
	return offset, sizes
}
