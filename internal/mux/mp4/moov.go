package mp4

import (
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

const (
	creationTool = "Live Recording"
	epoch1904    = 2082844800 // seconds from 1904 to 1970
	noTimescale  = 1 << 30
)

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
			len(t.track.SequenceHeader) + len(t.track.AudioConfig) + codec.FrameSize + 20*len(t.points)
		if !t.allKey {
			n += 4 * t.stss.n
		}
		if t.uniform {
			n += 12 * t.stscFrames.n
		}
	}
	return int64(n)
}

func (m *movie) ftyp(w *isobmff.Writer) {
	tracks := make([]hooks.Track, len(m.tables))
	for i, t := range m.tables {
		tracks[i] = *t.track
	}
	isobmff.Ftyp(w, "isom", 512, "isomiso2iso4mp41", tracks)
}

// moov writes everything but the contents of the tables, for which it leaves room.
func (m *movie) moov(w *isobmff.Writer) {
	var duration uint64
	for i, t := range m.tables {
		if t.samples > 0 {
			duration = max(duration, m.late(i)+m.shown(t))
		}
	}
	w.Start("moov")
	isobmff.Mvhd(w, m.created(), uint32(m.scale), duration, len(m.tables)+1)
	seen := map[bool]bool{}
	for i, t := range m.tables {
		if t.samples > 0 {
			video := t.track.Codec.IsVideo()
			m.trak(w, i, !seen[video])
			seen[video] = true
		}
	}
	udta(w)
	w.End()
}

func (m *movie) trak(w *isobmff.Writer, i int, enabled bool) {
	t := m.tables[i]
	w.Start("trak")
	t.desc.Tkhd(w, m.created(), i+1, m.late(i)+m.shown(t), enabled)
	m.edts(w, i)
	w.Start("mdia")
	t.desc.MediaHeaders(w, m.created(), uint64(t.duration))
	m.stbl(w, i)
	w.End()
	w.End()
	w.End()
}

// edts: an empty edit for a late start, then the media from its first
// composition time on (§8.6.6).
func (m *movie) edts(w *isobmff.Writer, i int) {
	mediaTime, _ := m.tables[i].edit()
	late := m.late(i)
	w.Start("edts")
	w.Full("elst", 1, 0)
	if late > 0 {
		w.U32(2)
		w.U64(late, ^uint64(0)) // media_time -1
		w.U32(0x10000)
	} else {
		w.U32(1)
	}
	w.U64(m.shown(m.tables[i]), uint64(mediaTime))
	w.U32(0x10000)
	w.End()
	w.End()
}

// udta names the writer, in the form that players show (iTunes metadata).
func udta(w *isobmff.Writer) {
	w.Start("udta")
	w.Full("meta", 0, 0)
	w.Full("hdlr", 0, 0)
	w.U32(0)
	w.Str("mdirappl")
	w.Zero(9)
	w.End()
	w.Start("ilst")
	w.Start("\xa9too")
	w.Start("data")
	w.U32(1, 0) // UTF-8
	w.Str(creationTool)
	w.End()
	w.End()
	w.End()
	w.End()
	w.End()
}
