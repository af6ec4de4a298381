package adts

import (
	"iter"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// Syntactic elements of a raw data block (ISO/IEC 14496-3 table 4.85).
const (
	idSCE = 0
	idCPE = 1
	idLFE = 3
	idFIL = 6
	idEND = 7
)

// elements are those of the channel configurations 1 to 7 (table 1.19).
var elements = [...][]int{
	1: {idSCE}, 2: {idCPE}, 3: {idSCE, idCPE}, 4: {idSCE, idCPE, idSCE}, 5: {idSCE, idCPE, idCPE},
	6: {idSCE, idCPE, idCPE, idLFE}, 7: {idSCE, idCPE, idCPE, idCPE, idLFE},
}

// fillFrame is about the length of a filling frame: an ordinary one.
const fillFrame = 512

// Fill implements mux.Filler: a range is frames of silence, padded to its length.
func (format) Fill(tracks []hooks.Track, _, n int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		m, err := newMuxer(tracks)
		if err != nil {
			mux.Zeros(n, yield)
			return
		}
		for n > 0 {
			size := min(n, fillFrame)
			if n-size < fillFrame && n < maxFrame {
				size = n
			}
			f := m.silence(int(size))
			if !yield(f) {
				return
			}
			n -= size
		}
	}
}

// silence is a frame of silence of so many bytes, or zeros if they are too few.
func (m *muxer) silence(size int) []byte {
	w := &bitWriter{b: make([]byte, size), pos: headerSize * 8}
	channels := int(m.fixed[2]&1)<<2 | int(m.fixed[3]>>6)
	for _, id := range elements[channels] {
		w.element(id)
	}
	for left := w.left() - 3; left >= 3+4; left = w.left() - 3 {
		w.fill(left)
	}
	w.put(idEND, 3)
	if w.over {
		return make([]byte, size)
	}
	h := m.fixed
	h[3] |= byte(size >> 11)
	h[4] = byte(size >> 3)
	h[5] |= byte(size << 5)
	copy(w.b, h[:])
	return w.b
}

// element writes a silent element with tag 0: no section, no spectrum.
func (w *bitWriter) element(id int) {
	w.put(id, 3)
	w.put(0, 4)
	channels := 1
	if id == idCPE {
		w.put(1, 1)  // common_window
		w.put(0, 11) // ics_info: one long window, max_sfb 0
		w.put(0, 2)  // ms_mask_present
		channels = 2
	}
	for range channels {
		w.put(0, 8) // global_gain
		if id != idCPE {
			w.put(0, 11) // ics_info
		}
		w.put(0, 3) // no pulses, no TNS, no gain control
	}
}

// fill writes a fill element of at most left bits.
func (w *bitWriter) fill(left int) {
	w.put(idFIL, 3)
	count := (left - 3 - 4) / 8
	if count < 15 {
		w.put(count, 4)
	} else {
		count = min((left-3-4-8)/8, 14+255)
		w.put(15, 4)
		w.put(count-14, 8)
	}
	w.pos += 8 * count // EXT_FILL with zeros
	w.over = w.over || w.pos > 8*len(w.b)
}

// bitWriter writes bits, most significant first.
type bitWriter struct {
	b    []byte
	pos  int
	over bool // it was too short
}

func (w *bitWriter) left() int { return 8*len(w.b) - w.pos }

func (w *bitWriter) put(v, n int) {
	if w.over = w.over || n > w.left(); w.over {
		return
	}
	for i := n - 1; i >= 0; i-- {
		w.b[w.pos>>3] |= byte(v>>i&1) << (7 - w.pos&7)
		w.pos++
	}
}
