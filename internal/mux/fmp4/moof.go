package fmp4

import (
	"encoding/binary"

	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

// styp marks the beginning of a piece: a media segment (ISO/IEC 14496-12 §8.16.2).
var styp = []byte("\x00\x00\x00\x14stypmsdh\x00\x00\x00\x00msdh")

const (
	// tfhd
	defaultDuration   = 0x000008
	defaultFlags      = 0x000020
	defaultBaseIsMoof = 0x020000

	// trun
	dataOffset     = 0x000001
	sampleDuration = 0x000100
	sampleSize     = 0x000200
	sampleFlags    = 0x000400
	sampleCTO      = 0x000800

	// sample flags (§8.8.3.1): depends on no other; depends on others, no sync sample
	flagsSync  = 0x02000000
	flagsOther = 0x01010000
)

// layout is what the samples of a track have in common.
type layout struct {
	tfhd, trun uint32
	size       int // of the traf box
}

// layout chooses the fields that the samples need.
func (t *track) layout() layout {
	l := layout{tfhd: defaultBaseIsMoof | defaultDuration | defaultFlags, trun: dataOffset | sampleSize}
	first := t.entries[0]
	for _, e := range t.entries {
		if e.dur != first.dur {
			l.trun |= sampleDuration
		}
		if e.sync != first.sync {
			l.trun |= sampleFlags
		}
		if e.cto != 0 {
			l.trun |= sampleCTO
		}
	}
	tfhd, per := 8+4+4, 4
	for _, f := range [...]struct{ trun, tfhd uint32 }{
		{sampleDuration, defaultDuration}, {sampleFlags, defaultFlags},
	} {
		if l.trun&f.trun != 0 {
			l.tfhd &^= f.tfhd
			per += 4
		} else {
			tfhd += 4
		}
	}
	if l.trun&sampleCTO != 0 {
		per += 4
	}
	l.size = 8 + tfhd + 20 + 20 + per*len(t.entries) + len(t.groups.B)
	return l
}

// appendMoof appends the moof box of the open fragment.
func (m *Muxer) appendMoof(b []byte) []byte {
	size := 8 + 16
	for _, t := range m.tracks {
		if len(t.entries) > 0 {
			size += t.layout().size
		}
	}
	b = box(b, size, "moof")
	b = box(b, 16, "mfhd")
	b = put(b, 0, m.sequence)
	offset := size + 8 // from the moof to the payload
	for i, t := range m.tracks {
		if len(t.entries) > 0 {
			b = t.appendTraf(b, uint32(i+1), offset)
			offset += t.size
		}
	}
	return b
}

func (t *track) appendTraf(b []byte, id uint32, offset int) []byte {
	l := t.layout()
	first := t.entries[0]
	b = box(b, l.size, "traf")

	tfhd := 16
	if l.tfhd&defaultDuration != 0 {
		tfhd += 4
	}
	if l.tfhd&defaultFlags != 0 {
		tfhd += 4
	}
	b = box(b, tfhd, "tfhd")
	b = put(b, l.tfhd, id)
	if l.tfhd&defaultDuration != 0 {
		b = put(b, first.dur)
	}
	if l.tfhd&defaultFlags != 0 {
		b = put(b, first.flags())
	}

	b = box(b, 20, "tfdt")
	b = put(b, 1<<24)
	b = binary.BigEndian.AppendUint64(b, uint64(t.base))

	b = box(b, l.size-8-tfhd-20-len(t.groups.B), "trun")
	b = put(b, 1<<24|l.trun, uint32(len(t.entries)), uint32(offset))
	for _, e := range t.entries {
		if l.trun&sampleDuration != 0 {
			b = put(b, e.dur)
		}
		b = put(b, e.size)
		if l.trun&sampleFlags != 0 {
			b = put(b, e.flags())
		}
		if l.trun&sampleCTO != 0 {
			b = put(b, uint32(e.cto))
		}
	}
	return append(b, t.groups.B...)
}

// ownGroup is the first index of a group that the fragment itself describes (§8.9.4).
const ownGroup = 0x10001

// group makes the sample group boxes of the open fragment: pre-roll as the init
// segment describes it, recovery points as described here.
func (t *track) group(e *isobmff.Entry) {
	w := &t.groups
	w.B = w.B[:0]
	if len(t.entries) == 0 {
		return
	}
	if e.PreRoll(&t.meter.Facts) != 0 {
		isobmff.Sbgp(w, "roll", []isobmff.Run{{Samples: uint32(len(t.entries)), Index: 1}})
		return
	}
	var points []isobmff.Point
	for i, x := range t.entries {
		if x.point {
			points = append(points, isobmff.Point{Sample: uint32(i + 1), Distance: x.distance})
		}
	}
	isobmff.Groups(w, points, uint32(len(t.entries)), ownGroup)
}

func (e entry) flags() uint32 {
	if e.sync {
		return flagsSync
	}
	return flagsOther
}

func box(b []byte, size int, kind string) []byte {
	return append(put(b, uint32(size)), kind...)
}

func put(b []byte, vs ...uint32) []byte {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}
