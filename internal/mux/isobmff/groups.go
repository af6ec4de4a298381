package isobmff

import (
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
)

// PreRoll is how many samples must be decoded before the one that is wanted (a
// negative roll_distance, §10.1), 0 if the codec needs none: one frame of AAC,
// 80 ms of Opus (Opus in ISOBMFF §4.3.6.2).
func (e *Entry) PreRoll(f *codec.Facts) int16 {
	switch e.track.Codec {
	case hooks.AAC:
		return -1
	case hooks.Opus:
		n := 4.0 // frames of 20 ms
		if r := f.Rate(e.track); r > 0 {
			n = 0.08 * r
		}
		return -int16(min(max(n+0.99, 1), 32))
	}
	return 0
}

// Sgpd writes the description of groups by their roll distances (§8.9.3, §10.1).
func Sgpd(w *Writer, distances ...int16) {
	w.Full("sgpd", 1, 0)
	w.Str("roll")
	w.U32(2, uint32(len(distances)))
	for _, d := range distances {
		w.U16(uint16(d))
	}
	w.End()
}

// sgpdRap writes the description of random access points that are no sync samples,
// with an unknown number of leading samples (§10.4).
func sgpdRap(w *Writer) {
	w.Full("sgpd", 1, 0)
	w.Str("rap ")
	w.U32(1, 1)
	w.U8(0)
	w.End()
}

// Run is so many samples of one group; index 0 = of none.
type Run struct{ Samples, Index uint32 }

// Sbgp assigns samples to groups (§8.9.2).
func Sbgp(w *Writer, kind string, runs []Run) {
	w.Full("sbgp", 0, 0)
	w.Str(kind)
	w.U32(uint32(len(runs)))
	for _, r := range runs {
		w.U32(r.Samples, r.Index)
	}
	w.End()
}

// Point is a recovery point that is no sync sample.
type Point struct {
	Sample   uint32 // its number, from 1 on
	Distance int16  // how many samples later the output is right
}

// Groups writes the groups of recovery points, in order, among so many samples.
// Their indices begin with first. A distance of 0 is a group of another kind, since
// roll distances must not be 0.
func Groups(w *Writer, points []Point, samples, first uint32) {
	if len(points) == 0 {
		return
	}
	var rolls, raps grouping
	var distances []int16
	index := map[int16]uint32{}
	for _, p := range points {
		switch {
		case p.Sample > samples:
		case p.Distance == 0:
			raps.add(p.Sample, first)
		default:
			if _, ok := index[p.Distance]; !ok {
				index[p.Distance] = first + uint32(len(distances))
				distances = append(distances, p.Distance)
			}
			rolls.add(p.Sample, index[p.Distance])
		}
	}
	if len(distances) > 0 {
		Sgpd(w, distances...)
		Sbgp(w, "roll", rolls.runs)
	}
	if len(raps.runs) > 0 {
		sgpdRap(w)
		Sbgp(w, "rap ", raps.runs)
	}
}

// grouping builds the runs of one kind of group.
type grouping struct {
	runs []Run
	next uint32 // samples covered
}

func (g *grouping) add(sample, index uint32) {
	if sample <= g.next {
		return
	}
	if n := sample - 1 - g.next; n > 0 {
		g.runs = append(g.runs, Run{Samples: n})
	}
	g.runs = append(g.runs, Run{Samples: 1, Index: index})
	g.next = sample
}
