package inspect

import "encoding/binary"

// cursor stands before a chunk of a track.
type cursor struct {
	t      *track
	chunk  int
	sample uint32
	run    int // entry of stsc
}

// per is the number of samples in the chunk.
func (c *cursor) per() uint32 {
	for next := 12 * (c.run + 1); next+12 <= len(c.t.stsc) && binary.BigEndian.Uint32(c.t.stsc[next:]) <= uint32(c.chunk+1); next += 12 {
		c.run++
	}
	return binary.BigEndian.Uint32(c.t.stsc[12*c.run+4:])
}

// lowest is the cursor whose chunk comes next in the file, nil at the end.
func lowest(all []*cursor) *cursor {
	var best *cursor
	for _, c := range all {
		if c.chunk < c.t.chunks() && (best == nil || c.t.offset(c.chunk) < best.t.offset(best.chunk)) {
			best = c
		}
	}
	return best
}

// samples walks over mdat in the order of the chunks, which must fill it. Without
// r only the places are checked, not what lies there.
func (m *movie) samples(r *reader, mdat head) error {
	var all []*cursor
	for _, t := range m.tracks {
		if t.count > 0 {
			all = append(all, &cursor{t: t})
		}
	}
	at, end := mdat.at, mdat.at+mdat.size
	for c := lowest(all); c != nil; c = lowest(all) {
		from := c.t.offset(c.chunk)
		if from != at {
			m.p.bad(from, "track %d: chunk %d begins here; the one before ends at %d", c.t.id, c.chunk+1, at)
			return errStop
		}
		for range c.per() {
			size := c.t.sampleSize(c.sample)
			if at+size > end {
				m.p.bad(at, "track %d: sample %d of %d bytes goes beyond mdat, which ends at %d", c.t.id, c.sample+1, size, end)
				return errStop
			}
			if r != nil {
				if err := c.t.sample(m.p, r, c.sample, size); err != nil {
					return err
				}
			}
			at += size
			c.sample++
		}
		c.chunk++
	}
	if at != end {
		m.p.bad(at, "%d bytes of mdat belong to no sample", end-at)
		if r != nil {
			return pass(m.p, r, head{"mdat", at, end - at})
		}
	}
	return nil
}

// sample reads one sample and looks at its structure.
func (t *track) sample(p *Report, r *reader, n uint32, size int64) error {
	at := r.at
	b, err := r.take(int(size)) // bounded by mdat, and by what is there
	if err != nil {
		return err
	}
	if int64(len(b)) < size {
		p.bad(at, "the file ends %d bytes before the end of a sample", size-int64(len(b)))
		return errStop
	}
	if why := t.inside(b); why != "" {
		p.bad(at, "track %d: sample %d: %s", t.id, n+1, why)
	}
	return nil
}

// inside says what is wrong within a sample; empty if nothing.
func (t *track) inside(b []byte) string {
	switch {
	case t.nalLength > 0:
		return nalUnits(b, t.nalLength)
	case t.codec == "av01":
		return obus(b)
	case len(b) == 0:
		return "empty"
	case t.codec == "ac-3" && (len(b) < 2 || b[0] != 0x0b || b[1] != 0x77):
		return "no AC-3 frame begins here"
	case t.codec == "mp4a" && (t.object == 0x69 || t.object == 0x6b) && (len(b) < 2 || b[0] != 0xff || b[1]&0xe0 != 0xe0):
		return "no MPEG audio frame begins here"
	case t.codec == "vp09" && b[0]>>6 != 2:
		return "no VP9 frame begins here"
	}
	return ""
}

// nalUnits checks that lengths and NAL units fill a sample (ISO/IEC 14496-15).
func nalUnits(b []byte, length int) string {
	if len(b) == 0 {
		return "empty"
	}
	for len(b) > 0 {
		if len(b) < length {
			return "it ends within the length of a NAL unit"
		}
		n := 0
		for _, x := range b[:length] {
			n = n<<8 | int(x)
		}
		b = b[length:]
		switch {
		case n > len(b):
			return "a NAL unit goes beyond it"
		case n == 0:
			return "an empty NAL unit"
		case b[0]&0x80 != 0:
			return "forbidden_zero_bit of a NAL unit is set"
		}
		b = b[n:]
	}
	return ""
}

// obus checks that OBUs with sizes fill a sample (AV1 §5.3).
func obus(b []byte) string {
	if len(b) == 0 {
		return "empty"
	}
	for len(b) > 0 {
		if b[0]&0x81 != 0 || b[0]&2 == 0 {
			return "no OBU with a size begins here"
		}
		head := 1 + int(b[0]>>2&1)
		n, done := 0, false
		for i := 0; i < 8 && head < len(b) && !done; i++ {
			n |= int(b[head]&0x7f) << (7 * i)
			done = b[head]&0x80 == 0
			head++
		}
		if !done || n > len(b)-head {
			return "an OBU goes beyond it"
		}
		b = b[head+n:]
	}
	return ""
}
