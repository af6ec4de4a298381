package hlstest

import "fmt"

// TS walks over the packets of transport stream pieces that belong together
// and notes what breaks ISO/IEC 13818-1.
type TS struct {
	Problems []string
	PCRs     int // how many were seen
	Packets  int
	MaxPCR   int64 // the longest distance of two PCRs, 27 MHz ticks

	cc      map[int]int
	pcrPID  int
	lastPCR int64
	streams map[int]byte // PID to stream type
	due     map[int]int  // bytes that a PES packet still owes
}

func (w *TS) bad(format string, a ...any) {
	w.Problems = append(w.Problems, fmt.Sprintf("packet %d: ", w.Packets)+fmt.Sprintf(format, a...))
}

// Piece walks over one piece, which must begin with PAT and PMT.
func (w *TS) Piece(b []byte) {
	if w.cc == nil {
		w.cc, w.due, w.lastPCR = map[int]int{}, map[int]int{}, -1
	}
	w.streams = nil
	if len(b)%188 != 0 {
		w.bad("piece of %d bytes", len(b))
	}
	for n := 0; len(b) >= 188; n++ {
		w.packet(b[:188], n)
		b = b[188:]
		w.Packets++
	}
	for pid, n := range w.due {
		if n > 0 {
			w.bad("PES packet on PID %d lacks %d bytes at the end of the piece", pid, n)
		}
	}
}

func (w *TS) packet(p []byte, n int) {
	pid := int(p[1]&0x1f)<<8 | int(p[2])
	if p[0] != 0x47 || p[1]&0x80 != 0 || p[3]&0xc0 != 0 {
		w.bad("header % x", p[:4])
	}
	if n == 0 && pid != 0 || n == 1 && pid != 0x1000 {
		w.bad("PID %d instead of PAT, PMT at the start of a piece", pid)
	}
	payload := p[4:]
	if p[3]&0x20 != 0 {
		size := int(p[4])
		if size > 183 {
			w.bad("adaptation field of %d", size)
			return
		}
		w.adaptation(pid, p[5:5+size])
		payload = p[5+size:]
	}
	w.counter(pid, p)
	if p[3]&0x10 == 0 {
		if len(payload) > 0 {
			w.bad("no payload, but %d bytes", len(payload))
		}
		return
	}
	w.payload(pid, p[1]&0x40 != 0, payload)
}

func (w *TS) counter(pid int, p []byte) {
	cc, has := int(p[3]&0x0f), p[3]&0x10 != 0
	last, ok := w.cc[pid]
	want := last
	if has {
		want = (last + 1) & 15
	}
	if ok && cc != want {
		w.bad("continuity counter of PID %d: %d after %d", pid, cc, last)
	}
	w.cc[pid] = cc
}

func (w *TS) adaptation(pid int, af []byte) {
	if len(af) == 0 {
		return
	}
	n := 1
	if af[0]&0x10 != 0 {
		if pid != w.pcrPID {
			w.bad("PCR on PID %d", pid)
		}
		base := int64(af[1])<<25 | int64(af[2])<<17 | int64(af[3])<<9 | int64(af[4])<<1 | int64(af[5]>>7)
		w.clock(base*300+int64(af[5]&1)<<8|int64(af[6]), af[0]&0x80 != 0)
		n = 7
	}
	for _, x := range af[n:] {
		if x != 0xff {
			w.bad("stuffing is not 0xff")
			break
		}
	}
}

func (w *TS) clock(pcr int64, jump bool) {
	const wrap = 300 << 33
	if w.lastPCR >= 0 && !jump {
		d := (pcr - w.lastPCR + wrap) % wrap
		w.MaxPCR = max(w.MaxPCR, d)
		if d == 0 || d > 27_000_000/10 {
			w.bad("PCR after %.1f ms", float64(d)/27000)
		}
	}
	w.lastPCR = pcr
	w.PCRs++
}

func (w *TS) payload(pid int, start bool, b []byte) {
	switch {
	case pid == 0 || pid == 0x1000:
		w.section(pid, b[1+int(b[0]):])
	case w.streams[pid] == 0:
		w.bad("PID %d is not in the PMT", pid)
	case start:
		if w.due[pid] > 0 {
			w.bad("PES packet on PID %d lacks %d bytes", pid, w.due[pid])
		}
		if b[0] != 0 || b[1] != 0 || b[2] != 1 {
			w.bad("PES start code % x", b[:3])
		}
		length := int(b[4])<<8 | int(b[5])
		w.due[pid] = 0
		if length > 0 {
			w.due[pid] = length - (len(b) - 6)
		} else if b[3]&0xf0 != 0xe0 {
			w.bad("unbounded PES packet that is not video")
		}
	case w.due[pid] != 0:
		w.due[pid] -= len(b)
	}
	if w.due[pid] < 0 {
		w.bad("PES packet on PID %d has %d bytes too many", pid, -w.due[pid])
	}
}

// section checks the CRC, which over a whole section gives 0, and reads the PMT.
func (w *TS) section(pid int, b []byte) {
	n := 3 + int(b[1]&0x0f)<<8 + int(b[2])
	crc := ^uint32(0)
	for _, x := range b[:n] {
		for i := 7; i >= 0; i-- {
			bit := crc>>31 ^ uint32(x>>i)&1
			crc <<= 1
			if bit != 0 {
				crc ^= 0x04c11db7
			}
		}
	}
	if crc != 0 {
		w.bad("CRC of PID %d", pid)
	}
	if pid == 0 {
		return
	}
	w.pcrPID = int(b[8]&0x1f)<<8 | int(b[9])
	w.streams = map[int]byte{}
	for e := b[12 : n-4]; len(e) >= 5; e = e[5+int(e[4]):] {
		w.streams[int(e[1]&0x1f)<<8|int(e[2])] = e[0]
	}
}
