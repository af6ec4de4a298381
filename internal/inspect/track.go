package inspect

import (
	"encoding/binary"
	"fmt"
)

// track is one track of an MP4 as its moov describes it.
type track struct {
	at        int64
	id        uint32
	handler   string
	timescale uint32
	duration  uint64 // mdhd
	codec     string // FourCC of the sample entry
	object    byte   // esds: object type of mp4a
	nalLength int    // bytes of a NAL unit's length, 0 = no NAL units

	sttsCount, sttsTime uint64
	hasStts, hasCtts    bool
	cttsCount           uint64
	stss                []byte
	hasStss             bool
	stsc                []byte
	size, count         uint32 // stsz: common size, 0 = a table
	sizes               []byte
	hasStsz             bool
	offsets             []byte // stco or co64
	wide                bool   // co64
	hasOffsets          bool
}

// containers are the boxes that hold only boxes.
var containers = map[string]bool{"trak": true, "mdia": true, "minf": true, "stbl": true, "edts": true, "dinf": true, "mvex": true}

// read takes what stands in a box of the track.
func (t *track) read(x box) error {
	if containers[x.kind] {
		inner, err := children(x.b, x.at+8)
		if err != nil {
			return fmt.Errorf("%s: %w", x.kind, err)
		}
		for _, y := range inner {
			if err := t.read(y); err != nil {
				return err
			}
		}
		return nil
	}
	f := &fields{b: x.b}
	switch x.kind {
	case "tkhd":
		v, _ := f.full()
		f.wide(v)
		f.wide(v)
		t.id = f.u32()
	case "mdhd":
		v, _ := f.full()
		f.wide(v)
		f.wide(v)
		t.timescale = f.u32()
		t.duration = f.wide(v)
	case "hdlr":
		f.skip(8)
		t.handler = string(f.next(4))
	case "stsd":
		return t.description(x)
	default:
		t.table(x.kind, f)
	}
	if f.bad {
		return fmt.Errorf("%s is damaged", x.kind)
	}
	return nil
}

// table takes a sample table.
func (t *track) table(kind string, f *fields) {
	switch kind {
	case "stts", "ctts":
		f.full()
		b := f.entries(8)
		n, ticks := uint64(0), uint64(0)
		for ; len(b) >= 8; b = b[8:] {
			k := uint64(binary.BigEndian.Uint32(b))
			n, ticks = n+k, ticks+k*uint64(binary.BigEndian.Uint32(b[4:]))
		}
		if kind == "stts" {
			t.sttsCount, t.sttsTime, t.hasStts = n, ticks, true
		} else {
			t.cttsCount, t.hasCtts = n, true
		}
	case "stss":
		f.full()
		t.stss, t.hasStss = f.entries(4), true
	case "stsc":
		f.full()
		t.stsc = f.entries(12)
	case "stsz":
		f.full()
		t.size, t.hasStsz = f.u32(), true
		if t.size != 0 {
			t.count = f.u32()
			f.bad = f.bad || len(f.b) > 0
			return
		}
		t.sizes = f.entries(4)
		t.count = uint32(len(t.sizes) / 4)
	case "stco":
		f.full()
		t.offsets, t.hasOffsets = f.entries(4), true
	case "co64":
		f.full()
		t.offsets, t.hasOffsets, t.wide = f.entries(8), true, true
	}
}

// headSize is that of the sample entries before their boxes (§12).
var headSize = map[string]int{"vide": 78, "soun": 28}

// description reads the sample entry.
func (t *track) description(x box) error {
	if len(x.b) < 8 || binary.BigEndian.Uint32(x.b[4:]) != 1 {
		return fmt.Errorf("stsd: not one description")
	}
	entries, err := children(x.b[8:], x.at+16)
	if err != nil || len(entries) != 1 {
		return fmt.Errorf("stsd is damaged: %w", err)
	}
	e := entries[0]
	t.codec = e.kind
	n := headSize[t.handler]
	if n == 0 || len(e.b) < n {
		return fmt.Errorf("stsd: %s in a track of kind %s", kindText(e.kind), kindText(t.handler))
	}
	inner, err := children(e.b[n:], e.at+int64(8+n))
	if err != nil {
		return fmt.Errorf("%s: %w", e.kind, err)
	}
	for _, y := range inner {
		switch {
		case y.kind == "avcC" && len(y.b) > 4:
			t.nalLength = int(y.b[4]&3) + 1
		case y.kind == "hvcC" && len(y.b) > 21:
			t.nalLength = int(y.b[21]&3) + 1
		case y.kind == "esds":
			t.object = esdsObject(y.b)
		}
	}
	if t.nalLength == 0 && (t.codec == "avc1" || t.codec == "hvc1" || t.codec == "hev1") {
		return fmt.Errorf("%s lacks its configuration", t.codec)
	}
	return nil
}

// esdsObject finds the object type in an ES descriptor (ISO/IEC 14496-1 §7.2.6.6).
func esdsObject(b []byte) byte {
	f := &fields{b: b}
	f.skip(4)
	for range 4 {
		tag := f.u8()
		for f.u8()&0x80 != 0 && !f.bad {
		}
		switch tag {
		case 3:
			f.skip(2)
			f.skip(1)
		case 4:
			return f.u8()
		default:
			return 0
		}
	}
	return 0
}

// agree checks the tables against each other.
func (t *track) agree(p *Report) {
	bad := func(format string, args ...any) {
		p.bad(t.at, "track %d: "+format, append([]any{t.id}, args...)...)
	}
	switch {
	case t.timescale == 0:
		bad("no timescale")
	case t.codec == "":
		bad("its codec is not described")
		return
	case !t.hasStts || !t.hasStsz || !t.hasOffsets:
		bad("a sample table is missing")
		return
	}
	if t.sttsCount != uint64(t.count) {
		bad("stts counts %d samples, stsz %d", t.sttsCount, t.count)
	}
	if t.hasCtts && t.cttsCount != uint64(t.count) {
		bad("ctts counts %d samples, stsz %d", t.cttsCount, t.count)
	}
	if t.sttsTime != t.duration {
		bad("its samples last %d ticks, mdhd says %d", t.sttsTime, t.duration)
	}
	last := uint32(0)
	for b := t.stss; len(b) >= 4; b = b[4:] {
		n := binary.BigEndian.Uint32(b)
		if n <= last || n > t.count {
			bad("stss lists sample %d after %d, of %d", n, last, t.count)
			break
		}
		last = n
	}
	if t.hasStss && len(t.stss) == 0 && t.count > 0 {
		bad("no sample is a key")
	}
	t.agreeChunks(bad)
}

func (t *track) agreeChunks(bad func(string, ...any)) {
	chunks := uint64(t.chunks())
	samples, first := uint64(0), uint64(0)
	for i := 0; i+12 <= len(t.stsc); i += 12 {
		from, per := uint64(binary.BigEndian.Uint32(t.stsc[i:])), uint64(binary.BigEndian.Uint32(t.stsc[i+4:]))
		until := chunks + 1
		if i+24 <= len(t.stsc) {
			until = uint64(binary.BigEndian.Uint32(t.stsc[i+12:]))
		}
		if i == 0 && from != 1 || from <= first && i > 0 || until < from || until > chunks+1 || per == 0 {
			bad("stsc is damaged (entry %d)", i/12+1)
			return
		}
		samples, first = samples+(until-from)*per, from
	}
	if samples != uint64(t.count) {
		bad("its %d chunks hold %d samples, stsz counts %d", chunks, samples, t.count)
	}
}

func (t *track) chunks() int {
	if t.wide {
		return len(t.offsets) / 8
	}
	return len(t.offsets) / 4
}

func (t *track) offset(chunk int) int64 {
	if t.wide {
		return int64(binary.BigEndian.Uint64(t.offsets[8*chunk:]))
	}
	return int64(binary.BigEndian.Uint32(t.offsets[4*chunk:]))
}

func (t *track) sampleSize(n uint32) int64 {
	if t.size != 0 {
		return int64(t.size)
	}
	return int64(binary.BigEndian.Uint32(t.sizes[4*int(n):]))
}
