package mp4

import (
	"math"

	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

// stbl writes the sample table boxes of a track (§8.5 to §8.7) and leaves room
// for their entries.
func (m *movie) stbl(w *isobmff.Writer, i int) {
	t, p := m.tables[i], &m.places[i]
	w.Start("stbl")
	t.desc.Stsd(w, m.extra(i))
	if t.uniform {
		w.Full("stts", 0, 0)
		w.U32(1, uint32(t.frames), 1)
		w.End()
		p.stscFrames = reserve(w, "stsc", 0, t.stscFrames.n, 12)
		w.Full("stsz", 0, 0)
		w.U32(uint32(t.desc.PCMFrame), uint32(t.frames))
		w.End()
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
	m.groups(w, i)
	w.End()
}

// reserve writes a table box of n entries, all zero yet.
func reserve(w *isobmff.Writer, kind string, version byte, n, size int) place {
	w.Full(kind, version, 0)
	w.U32(uint32(n))
	p := place{len(w.B), n * size}
	w.Zero(p.size)
	w.End()
	return p
}

// extra is what the notes say of the track; the bit rate is that of the whole file
// only where a file was begun before rates were noted.
func (m *movie) extra(i int) isobmff.Extra {
	t := m.tables[i]
	x := isobmff.Extra{Facts: m.notes.facts[i], InBand: m.notes.inBand[i]}
	if t.duration > 0 {
		seconds := float64(t.duration) / float64(t.track.ClockRate)
		x.Bitrate = uint32(min(float64(t.bytes)*8/seconds, math.MaxUint32))
	}
	return x
}

// groups writes the sample groups: pre-roll of audio, recovery points of video.
func (m *movie) groups(w *isobmff.Writer, i int) {
	t := m.tables[i]
	x := m.extra(i)
	if roll := t.desc.PreRoll(&x.Facts); roll != 0 {
		isobmff.Sgpd(w, roll)
		isobmff.Sbgp(w, "roll", []isobmff.Run{{Samples: uint32(t.samples), Index: 1}})
		return
	}
	isobmff.Groups(w, t.points, uint32(t.samples), 1)
}

// ctts is left out if every PTS is its DTS; version 1 has signed offsets.
func (m *movie) ctts(w *isobmff.Writer, i int) {
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

func (m *movie) stsz(w *isobmff.Writer, i int) {
	t := m.tables[i]
	w.Full("stsz", 0, 0)
	if t.sizeSame {
		w.U32(uint32(t.last.Size), uint32(t.samples))
		w.End()
		return
	}
	w.U32(0, uint32(t.samples))
	m.places[i].stsz = place{len(w.B), 4 * t.stsz.n}
	w.Zero(4 * t.stsz.n)
	w.End()
}
