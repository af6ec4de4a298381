package mp4

import (
	"github.com/live-recording/liverecord/hooks"
)

const (
	creationTool = "Live Recording"
	epoch1904    = 2082844800 // seconds from 1904 to 1970
	noTimescale  = 1 << 30
)

var unityMatrix = []uint32{0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000}

// movie is the file as moov describes it.
type movie struct {
	tables []*table
	places []places
	notes  notes
	scale  int64 // movie timescale
	starts []moment
	first  moment
}

// moment is a time in seconds and movie ticks, common to all tracks.
type moment struct{ sec, ticks int64 }

func (a moment) before(b moment) bool {
	return a.sec < b.sec || a.sec == b.sec && a.ticks < b.ticks
}

// plan chooses the timescale and finds where each track starts.
func (m *movie) plan() {
	m.places = make([]places, len(m.tables))
	m.starts = make([]moment, len(m.tables))
	m.scale = timescale(m.tables)
	found := false
	for i, t := range m.tables {
		if t.samples == 0 {
			continue
		}
		m.starts[i] = m.moment(t.minPTS, int64(t.track.ClockRate))
		if !found || m.starts[i].before(m.first) {
			m.first, found = m.starts[i], true
		}
	}
}

// timescale is the least common multiple of all clocks, or the fastest clock.
func timescale(tables []*table) int64 {
	lcm, fastest := int64(1), int64(1)
	for _, t := range tables {
		if t.samples == 0 {
			continue
		}
		rate := int64(t.track.ClockRate)
		fastest = max(fastest, rate)
		if lcm < noTimescale {
			lcm = lcm / gcd(lcm, rate) * rate
		}
	}
	if lcm >= noTimescale {
		return fastest
	}
	return lcm
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (m *movie) moment(ticks, rate int64) moment {
	sec, rest := ticks/rate, ticks%rate
	if rest < 0 {
		sec, rest = sec-1, rest+rate
	}
	return moment{sec, rest * m.scale / rate}
}

// late is how much later than the first track a track starts, in movie ticks.
func (m *movie) late(i int) uint64 {
	const century = 100 * 366 * 86400 // more is a broken stream; keep it finite
	sec := min(m.starts[i].sec-m.first.sec, century)
	return uint64(sec*m.scale + m.starts[i].ticks - m.first.ticks)
}

// shown is how long a track is presented, in movie ticks, rounded up.
func (m *movie) shown(t *table) uint64 {
	n, rate := t.endPTS-t.minPTS, int64(t.track.ClockRate)
	return uint64(n/rate*m.scale + (n%rate*m.scale+rate-1)/rate)
}

// created is the creation time as MP4 counts it, 0 if unknown.
func (m *movie) created() uint64 {
	if m.notes.created <= 0 {
		return 0
	}
	return uint64(m.notes.created + epoch1904)
}

// estimate is an upper bound of the head's size without free.
func (m *movie) estimate() int64 {
	n := 1024
	for _, t := range m.tables {
		n += 1024 + 8*t.stts.n + 8*t.ctts.n + 12*t.stsc.n + 4*t.stsz.n + 8*t.co64.n +
			len(t.track.VPS) + len(t.track.SPS) + len(t.track.PPS) +
			len(t.track.SequenceHeader) + len(t.track.AudioConfig)
		if !t.allKey {
			n += 4 * t.stss.n
		}
		if t.uniform {
			n += 12 * t.stscFrames.n
		}
	}
	return int64(n)
}

func (m *movie) ftyp(w *boxes) {
	w.start("ftyp")
	w.str("isom")
	w.u32(512)
	w.str("isomiso2iso4mp41")
	w.end()
}

// moov writes everything but the contents of the tables, for which it leaves room.
func (m *movie) moov(w *boxes) {
	var duration uint64
	for i, t := range m.tables {
		if t.samples > 0 {
			duration = max(duration, m.late(i)+m.shown(t))
		}
	}
	w.start("moov")
	w.full("mvhd", 1, 0)
	w.u64(m.created(), m.created())
	w.u32(uint32(m.scale))
	w.u64(duration)
	w.u32(0x10000) // rate
	w.u16(0x100)   // volume
	w.zero(10)
	w.u32(unityMatrix...)
	w.zero(24)
	w.u32(uint32(len(m.tables) + 1))
	w.end()
	seen := map[bool]bool{}
	for i, t := range m.tables {
		if t.samples > 0 {
			video := t.track.Codec.IsVideo()
			m.trak(w, i, !seen[video])
			seen[video] = true
		}
	}
	udta(w)
	w.end()
}

func (m *movie) trak(w *boxes, i int, enabled bool) {
	t := m.tables[i]
	w.start("trak")
	m.tkhd(w, i, enabled)
	m.edts(w, i)
	w.start("mdia")
	w.full("mdhd", 1, 0)
	w.u64(m.created(), m.created())
	w.u32(uint32(t.track.ClockRate))
	w.u64(uint64(t.duration))
	w.u16(0x55C4, 0) // language und
	w.end()
	hdlr(w, t.track.Codec)
	w.start("minf")
	if t.track.Codec.IsVideo() {
		w.full("vmhd", 0, 1)
		w.zero(8)
	} else {
		w.full("smhd", 0, 0)
		w.zero(4)
	}
	w.end()
	dinf(w)
	m.stbl(w, i)
	w.end()
	w.end()
	w.end()
}

func (m *movie) tkhd(w *boxes, i int, enabled bool) {
	t := m.tables[i]
	flags := uint32(2) // in the movie
	if enabled {
		flags |= 1
	}
	w.full("tkhd", 1, flags)
	w.u64(m.created(), m.created())
	w.u32(uint32(i+1), 0)
	w.u64(m.late(i) + m.shown(t))
	w.zero(8)
	if t.track.Codec.IsVideo() {
		w.u16(0, 0, 0, 0) // layer, alternate group, volume
	} else {
		w.u16(0, 1, 0x100, 0)
	}
	w.u32(unityMatrix...)
	w.u32(uint32(t.desc.displayWidth()), uint32(t.desc.height)<<16)
	w.end()
}

// edts: an empty edit for a late start, then the media from its first
// composition time on (§8.6.6).
func (m *movie) edts(w *boxes, i int) {
	mediaTime, _ := m.tables[i].edit()
	late := m.late(i)
	w.start("edts")
	w.full("elst", 1, 0)
	if late > 0 {
		w.u32(2)
		w.u64(late, ^uint64(0)) // media_time -1
		w.u32(0x10000)
	} else {
		w.u32(1)
	}
	w.u64(m.shown(m.tables[i]), uint64(mediaTime))
	w.u32(0x10000)
	w.end()
	w.end()
}

func hdlr(w *boxes, c hooks.Codec) {
	kind, name := "soun", "SoundHandler\x00"
	if c.IsVideo() {
		kind, name = "vide", "VideoHandler\x00"
	}
	w.full("hdlr", 0, 0)
	w.u32(0)
	w.str(kind)
	w.zero(12)
	w.str(name)
	w.end()
}

func dinf(w *boxes) {
	w.start("dinf")
	w.full("dref", 0, 0)
	w.u32(1)
	w.full("url ", 0, 1) // in this file
	w.end()
	w.end()
	w.end()
}

// udta names the writer, in the form that players show (iTunes metadata).
func udta(w *boxes) {
	w.start("udta")
	w.full("meta", 0, 0)
	w.full("hdlr", 0, 0)
	w.u32(0)
	w.str("mdirappl")
	w.zero(9)
	w.end()
	w.start("ilst")
	w.start("\xa9too")
	w.start("data")
	w.u32(1, 0) // UTF-8
	w.str(creationTool)
	w.end()
	w.end()
	w.end()
	w.end()
	w.end()
}
