package mp4

import "math"

// stbl writes the sample table boxes of a track (§8.5 to §8.7) and leaves room
// for their entries.
func (m *movie) stbl(w *boxes, i int) {
	t, p := m.tables[i], &m.places[i]
	w.start("stbl")
	m.stsd(w, i)
	if t.uniform {
		w.full("stts", 0, 0)
		w.u32(1, uint32(t.frames), 1)
		w.end()
		p.stscFrames = reserve(w, "stsc", 0, t.stscFrames.n, 12)
		w.full("stsz", 0, 0)
		w.u32(uint32(t.desc.pcmFrame), uint32(t.frames))
		w.end()
	} else {
		p.stts = reserve(w, "stts", 0, t.stts.n, 8)
		m.ctts(w, i)
		if !t.allKey {
			p.stss = reserve(w, "stss", 0, t.stss.n, 4)
		}
		p.stsc = reserve(w, "stsc", 0, t.stsc.n, 12)
		m.stsz(w, i)
	}
	p.co64 = reserve(w, "co64", 0, t.co64.n, 8)
	w.end()
}

// reserve writes a table box of n entries, all zero yet.
func reserve(w *boxes, kind string, version byte, n, size int) place {
	w.full(kind, version, 0)
	w.u32(uint32(n))
	p := place{len(w.b), n * size}
	w.zero(p.size)
	w.end()
	return p
}

func (m *movie) stsd(w *boxes, i int) {
	t := m.tables[i]
	f := facts{frame: m.notes.frames[i]}
	if t.duration > 0 {
		seconds := float64(t.duration) / float64(t.track.ClockRate)
		f.bitrate = uint32(min(float64(t.bytes)*8/seconds, math.MaxUint32))
	}
	w.full("stsd", 0, 0)
	w.u32(1)
	t.desc.entry(w, f)
	w.end()
}

// ctts is left out if every PTS is its DTS; version 1 has signed offsets.
func (m *movie) ctts(w *boxes, i int) {
	t := m.tables[i]
	_, shift := t.edit()
	if t.minCTO+shift == 0 && t.maxCTO+shift == 0 {
		return
	}
	version := byte(0)
	if t.minCTO+shift < 0 {
		version = 1
	}
	m.places[i].ctts = reserve(w, "ctts", version, t.ctts.n, 8)
}

func (m *movie) stsz(w *boxes, i int) {
	t := m.tables[i]
	w.full("stsz", 0, 0)
	if t.sizeSame {
		w.u32(uint32(t.last.Size), uint32(t.samples))
		w.end()
		return
	}
	w.u32(0, uint32(t.samples))
	m.places[i].stsz = place{len(w.b), 4 * t.stsz.n}
	w.zero(4 * t.stsz.n)
	w.end()
}
