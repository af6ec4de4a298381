package inspect

import "fmt"

const (
	packetSize = 188
	nullPID    = 0x1fff
)

// tsState is what continues from segment to segment.
type tsState struct {
	counters map[int]int // continuity, per PID
}

// tsWalk is the walk over one segment.
type tsWalk struct {
	*tsState
	p       *Report
	at      int64
	packets int
	pmt     int          // PID, 0 = unknown yet
	streams map[int]byte // PID to stream_type; nil = no PMT yet
	pes     map[int]*pes
	units   int // PES packets
}

// pes is the open PES packet of a PID.
type pes struct {
	begun bool
	due   int    // bytes still to come, if bounded
	free  bool   // of unbounded length
	audio []byte // payload, where it is looked at
}

// walk reads a transport stream (ISO/IEC 13818-1), which begins with PAT and PMT.
func (s *tsState) walk(p *Report, r *reader) error {
	if s.counters == nil {
		s.counters = map[int]int{}
	}
	w := &tsWalk{tsState: s, p: p, pes: map[int]*pes{}}
	for {
		if end, err := r.ended(); end || err != nil {
			w.close(r.at)
			return err
		}
		w.at = r.at
		b, err := r.take(packetSize)
		if err != nil {
			return err
		}
		if len(b) < packetSize {
			p.bad(w.at, "the file ends within a packet (%d of 188 bytes)", len(b))
			w.close(r.at)
			return nil
		}
		if b[0] != 0x47 {
			p.bad(w.at, "no packet begins here (%02x)", b[0])
			return errStop
		}
		w.packet(b)
		w.packets++
	}
}

func (w *tsWalk) close(at int64) {
	for pid, x := range w.pes {
		w.endPES(pid, x, at)
	}
	if w.packets > 0 && w.streams == nil {
		w.p.bad(0, "no PMT")
	}
	w.p.Summary = fmt.Sprintf("MPEG-TS, %d packets, %d tracks, %d PES packets", w.packets, len(w.streams), w.units)
}

func (w *tsWalk) packet(b []byte) {
	pid := int(b[1]&0x1f)<<8 | int(b[2])
	switch {
	case pid == nullPID:
		return
	case b[1]&0x80 != 0:
		w.p.bad(w.at, "the packet is marked as damaged")
		return
	case b[3]&0xc0 != 0:
		w.p.bad(w.at, "the packet is scrambled")
		return
	case w.packets == 0 && pid != 0:
		w.p.bad(w.at, "PID %d before the PAT", pid)
	}
	payload, jump := b[4:], false
	if b[3]&0x20 != 0 {
		n := int(b[4])
		if n > 183 || b[3]&0x10 == 0 && n != 183 {
			w.p.bad(w.at, "adaptation field of %d bytes", n)
			return
		}
		jump = n > 0 && b[5]&0x80 != 0
		payload = b[5+n:]
	}
	w.counter(pid, b, jump)
	if b[3]&0x10 != 0 {
		w.payload(pid, b[1]&0x40 != 0, payload)
	}
}

func (w *tsWalk) counter(pid int, b []byte, jump bool) {
	now, has := int(b[3]&15), b[3]&0x10 != 0
	want, seen := w.counters[pid]
	if has {
		want = (want + 1) & 15
	}
	if seen && now != want && !jump {
		w.p.bad(w.at, "packets of PID %d are missing: continuity counter %d instead of %d", pid, now, want)
	}
	w.counters[pid] = now
}

func (w *tsWalk) payload(pid int, start bool, b []byte) {
	switch {
	case pid == 0 || pid == w.pmt:
		if start {
			w.section(pid, b)
		}
	case w.streams == nil || w.streams[pid] == 0:
		w.p.bad(w.at, "PID %d is not in the PMT", pid)
	case start:
		w.startPES(pid, b)
	default:
		x := w.pes[pid]
		if x == nil {
			w.p.bad(w.at, "PID %d begins within a PES packet", pid)
			x = &pes{free: true}
			w.pes[pid] = x
		}
		w.grow(pid, x, b)
	}
}

// section reads PAT or PMT. The CRC over a whole section gives 0.
func (w *tsWalk) section(pid int, b []byte) {
	bad := func() { w.p.bad(w.at, "the table of PID %d is damaged", pid) }
	if int(b[0])+4 > len(b) {
		bad()
		return
	}
	b = b[1+int(b[0]):]
	n := 3 + int(b[1]&15)<<8 + int(b[2])
	if n > len(b) || n < 16 || crcMPEG(b[:n]) != 0 {
		bad()
		return
	}
	if pid == 0 {
		w.pmt = int(b[10]&0x1f)<<8 | int(b[11])
		return
	}
	w.streams = map[int]byte{}
	info := 12 + int(b[10]&15)<<8 + int(b[11])
	if info > n-4 {
		bad()
		return
	}
	for e := b[info : n-4]; len(e) >= 5; {
		w.streams[int(e[1]&0x1f)<<8|int(e[2])] = e[0]
		next := 5 + int(e[3]&15)<<8 + int(e[4])
		if next > len(e) {
			bad()
			return
		}
		e = e[next:]
	}
}

func crcMPEG(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x) << 24
		for range 8 {
			top := c >> 31
			c <<= 1
			if top != 0 {
				c ^= 0x04c11db7
			}
		}
	}
	return c
}

const (
	typeADTS = 0x0f
	typeH264 = 0x1b
	typeH265 = 0x24
)

// startPES reads the header of a PES packet (§2.4.3.6).
func (w *tsWalk) startPES(pid int, b []byte) {
	if x := w.pes[pid]; x != nil {
		w.endPES(pid, x, w.at)
	}
	x := &pes{begun: true}
	w.pes[pid] = x
	w.units++
	if len(b) < 9 || b[0] != 0 || b[1] != 0 || b[2] != 1 || b[6]&0xc0 != 0x80 || 9+int(b[8]) > len(b) {
		w.p.bad(w.at, "no PES packet begins here")
		x.free = true
		return
	}
	length := int(b[4])<<8 | int(b[5])
	x.free = length == 0
	x.due = length + 6
	if n := 9 + int(b[8]); !stamps(b[:n]) {
		w.p.bad(w.at, "the time stamps of a PES packet are damaged")
	}
	body := b[9+int(b[8]):]
	switch w.streams[pid] {
	case typeH264, typeH265:
		if len(body) < 4 || body[0] != 0 || body[1] != 0 || body[2] != 1 && (body[2] != 0 || body[3] != 1) {
			w.p.bad(w.at, "no NAL unit at the start of a picture")
		}
	case typeADTS:
		x.audio = []byte{}
	default:
		if x.free {
			w.p.bad(w.at, "a PES packet of unknown length that is not video")
		}
	}
	x.due -= len(b) - len(body)
	w.grow(pid, x, body)
}

// stamps checks the marker bits of PTS and DTS.
func stamps(h []byte) bool {
	n := 0
	switch h[7] >> 6 {
	case 1:
		return false
	case 2:
		n = 1
	case 3:
		n = 2
	}
	if len(h) < 9+5*n {
		return false
	}
	for i := range n {
		s := h[9+5*i:]
		if s[0]&1 == 0 || s[2]&1 == 0 || s[4]&1 == 0 {
			return false
		}
	}
	return true
}

func (w *tsWalk) grow(pid int, x *pes, b []byte) {
	if !x.free {
		if x.due -= len(b); x.due < 0 {
			w.p.bad(w.at, "a PES packet of PID %d has %d bytes too many", pid, -x.due)
			x.free = true
		}
	}
	if x.audio != nil && len(x.audio) < 1<<17 {
		x.audio = append(x.audio, b...)
	}
}

func (w *tsWalk) endPES(pid int, x *pes, at int64) {
	if !x.begun {
		return
	}
	if !x.free && x.due > 0 {
		w.p.bad(at, "a PES packet of PID %d lacks %d bytes", pid, x.due)
		return
	}
	for b := x.audio; len(b) > 0; {
		_, size, err := adtsFrame(b)
		if err != nil || size > len(b) {
			w.p.bad(at, "the AAC frames of the PES packet of PID %d that ends here are damaged", pid)
			return
		}
		b = b[size:]
	}
}
