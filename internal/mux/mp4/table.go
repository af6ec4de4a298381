package mp4

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/index"
	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

// list is the array of one table box. Without out it only counts entries, so
// that the same code runs for the count pass and the fill pass.
type list struct {
	out []byte
	n   int // entries
}

// next is the place of the next entry of so many bytes, nil if there is none.
func (l *list) next(size int) []byte {
	at := size * l.n
	l.n++
	if at+size > len(l.out) {
		return nil
	}
	return l.out[at : at+size]
}

func (l *list) put1(a uint32) {
	if b := l.next(4); b != nil {
		binary.BigEndian.PutUint32(b, a)
	}
}

func (l *list) put2(a, b uint32) {
	if p := l.next(8); p != nil {
		binary.BigEndian.PutUint32(p, a)
		binary.BigEndian.PutUint32(p[4:], b)
	}
}

func (l *list) put64(a uint64) {
	if b := l.next(8); b != nil {
		binary.BigEndian.PutUint64(b, a)
	}
}

func (l *list) put3(a, b, c uint32) {
	if p := l.next(12); p != nil {
		binary.BigEndian.PutUint32(p, a)
		binary.BigEndian.PutUint32(p[4:], b)
		binary.BigEndian.PutUint32(p[8:], c)
	}
}

// runs is a run-length coded list of (count, value).
type runs struct {
	list
	count, value uint32
}

func (r *runs) add(v uint32) {
	if r.count > 0 && v == r.value {
		r.count++
		return
	}
	r.close()
	r.count, r.value = 1, v
}

func (r *runs) close() {
	if r.count > 0 {
		r.put2(r.count, r.value)
		r.count = 0
	}
}

// chunks is stsc: a new entry where the number of samples per chunk changes.
type chunks struct {
	list
	open, last uint32 // samples in the open chunk, in the chunks before
	number     uint32
}

func (c *chunks) close() {
	if c.open == 0 {
		return
	}
	c.number++
	if c.open != c.last {
		c.put3(c.number, c.open, 1)
		c.last = c.open
	}
	c.open = 0
}

// table is the sample tables of one track.
type table struct {
	track *hooks.Track
	desc  isobmff.Entry

	samples, bytes   int64
	firstDTS         int64
	minPTS, endPTS   int64 // composition, the end exclusive
	minCTO, maxCTO   int64
	last             index.Entry
	lastStep         int64
	duration         int64 // of the media: all of stts
	sizeSame, allKey bool

	// uniform: LPCM in which block follows block without a gap. Its samples are
	// then the single LPCM frames, as old players want it.
	uniform bool
	frames  int64

	points []isobmff.Point // recovery points, of the count pass only

	stts, ctts       runs
	stsc, stscFrames chunks
	stsz, stss, co64 list
}

// maxPoints bounds the points of a track: a day of 12 per second.
const maxPoints = 1 << 20

func newTable(t *hooks.Track, d isobmff.Entry) *table {
	return &table{
		track: t, desc: d, sizeSame: true, allKey: true,
		uniform: d.PCMFrame > 0 && t.ClockRate == t.SampleRate,
	}
}

// add takes the next sample of the track.
func (t *table) add(p *index.Position, newChunk bool, base, shift int64) {
	if newChunk {
		t.stsc.close()
		t.stscFrames.close()
		t.co64.put64(uint64(base + p.Offset))
	}
	pts := p.DTS + p.CTO
	if t.samples == 0 {
		t.firstDTS, t.minPTS, t.endPTS = p.DTS, pts, pts
		t.minCTO, t.maxCTO = p.CTO, p.CTO
	} else {
		t.lastStep = p.DTS - t.last.DTS
		t.lasted(t.lastStep)
		t.sizeSame = t.sizeSame && p.Size == t.last.Size
	}
	t.samples++
	t.bytes += p.Size
	t.minPTS = min(t.minPTS, pts)
	t.minCTO, t.maxCTO = min(t.minCTO, p.CTO), max(t.maxCTO, p.CTO)
	t.last = p.Entry
	t.ctts.add(uint32(p.CTO + shift))
	t.stsz.put1(uint32(p.Size))
	t.stsc.open++
	if p.Key {
		t.stss.put1(uint32(t.samples))
	} else {
		t.allKey = false
	}
	if t.desc.PCMFrame > 0 {
		n := p.Size / int64(t.desc.PCMFrame)
		t.uniform = t.uniform && n*int64(t.desc.PCMFrame) == p.Size && p.CTO == 0
		t.frames += n
		t.stscFrames.open += uint32(n)
	}
}

// lasted tells how long the sample added last is.
func (t *table) lasted(ticks int64) {
	t.endPTS = max(t.endPTS, t.last.DTS+t.last.CTO+ticks)
	ticks = min(max(ticks, 0), math.MaxUint32)
	t.stts.add(uint32(ticks))
	t.duration += ticks
	if t.uniform && ticks*int64(t.desc.PCMFrame) != t.last.Size {
		t.uniform = false
	}
}

// close ends a pass.
func (t *table) close() {
	if t.samples == 0 {
		return
	}
	totals := index.TrackTotals{LastDur: t.last.Dur, LastStep: t.lastStep}
	tail := totals.Tail(t.track.ClockRate)
	if t.uniform {
		tail = t.last.Size / int64(t.desc.PCMFrame)
	}
	t.lasted(tail)
	t.stts.close()
	t.ctts.close()
	t.stsc.close()
	t.stscFrames.close()
	t.uniform = t.uniform && t.frames <= math.MaxUint32
}

// edit returns where in the media the presentation begins, and what must be
// added to every composition offset so that this is not below zero.
func (t *table) edit() (mediaTime, shift int64) {
	mediaTime = t.minPTS - t.firstDTS
	if mediaTime < 0 {
		return 0, -mediaTime
	}
	return mediaTime, 0
}

// pass feeds all records to the tables and returns the sum of all sizes.
// base is the offset of the body in the file.
func pass(tables []*table, records mux.Records, n *notes, base int64, shifts []int64) (int64, error) {
	size, lastTrack, lastRecord := int64(0), -1, -1
	for p, err := range index.Entries(records) {
		if err != nil {
			return 0, err
		}
		if p.Track >= len(tables) || p.Size > math.MaxUint32 {
			return 0, fmt.Errorf("%w: track %d, %d bytes", index.ErrCorrupt, p.Track, p.Size)
		}
		if n != nil && p.Record != lastRecord {
			if err := n.points(tables, p.Note); err != nil {
				return 0, err
			}
		}
		shift := int64(0)
		if shifts != nil {
			shift = shifts[p.Track]
		}
		tables[p.Track].add(p, p.Track != lastTrack || p.Record != lastRecord, base, shift)
		lastTrack, lastRecord = p.Track, p.Record
		size += p.Size
	}
	for _, t := range tables {
		t.close()
		if t.samples > math.MaxUint32 {
			return 0, fmt.Errorf("mp4: %d samples in a track", t.samples)
		}
	}
	return size, nil
}
