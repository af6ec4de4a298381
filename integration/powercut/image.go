package powercut

import (
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
)

// sector is what a disk writes whole or not at all.
const sector = 512

// write is one write that the disk may still lose.
type write struct {
	off      int64
	old, new []byte
	window   int // number of flushes that came before
}

// image is the disk: what was written, and what of it may be lost.
type image struct {
	mu      sync.Mutex
	file    *os.File
	size    int64
	log     []write
	flushes int
	lied    map[int]bool // windows whose flush was a lie
	lie     float64      // chance that a flush is one
	chance  *rand.Rand
	cut     chan struct{} // not nil: the power is off; closed when nobody can act on an answer any more
	bad     []span        // can't be read
	writes  int
}

type span struct{ from, to int64 }

// readAt serves a read.
func (m *image) readAt(p []byte, off int64) (int, syscall.Errno) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.bad {
		if off < s.to && off+int64(len(p)) > s.from {
			return 0, syscall.EIO
		}
	}
	n, err := m.file.ReadAt(p, off)
	if n == 0 && err != nil {
		return 0, syscall.EIO
	}
	return n, 0
}

// powered waits while the power is off, and returns false if it was: whoever
// asked is dead by now.
func (m *image) powered() bool {
	m.mu.Lock()
	c := m.cut
	m.mu.Unlock()
	if c == nil {
		return true
	}
	<-c
	return false
}

// writeAt serves a write.
func (m *image) writeAt(p []byte, off int64) (int, syscall.Errno) {
	if !m.powered() {
		return len(p), 0
	}
	m.mu.Lock()
	if m.cut != nil {
		m.mu.Unlock()
		return m.writeAt(p, off)
	}
	defer m.mu.Unlock()
	w := write{off: off, old: make([]byte, len(p)), new: slices.Clone(p), window: m.flushes}
	if _, err := m.file.ReadAt(w.old, off); err != nil {
		return 0, syscall.EIO
	}
	if _, err := m.file.WriteAt(p, off); err != nil {
		return 0, syscall.EIO
	}
	m.log = append(m.log, w)
	m.writes++
	m.heal(off, off+int64(len(p)))
	return len(p), 0
}

// heal makes sectors readable that were written again, as disks do.
func (m *image) heal(from, to int64) {
	var left []span
	for _, s := range m.bad {
		if from > s.from && from < s.to || to > s.from && to < s.to || from <= s.from && to >= s.to {
			for _, r := range []span{{s.from, min(from, s.to)}, {max(to, s.from), s.to}} {
				if r.from < r.to {
					left = append(left, r)
				}
			}
			continue
		}
		left = append(left, s)
	}
	m.bad = left
}

// flush serves a flush: what was written before is safe, unless it is a lie.
func (m *image) flush() {
	if !m.powered() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut != nil {
		return
	}
	if m.lie > 0 && m.chance.Float64() < m.lie {
		m.lied[m.flushes] = true
	}
	m.flushes++
	if len(m.lied) == 0 {
		m.log = m.log[:0]
	}
}

// off takes the power away: it decides what the disk holds.
func (m *image) off() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = make(chan struct{})
	for _, w := range slices.Backward(m.log) {
		if _, err := m.file.WriteAt(w.old, w.off); err != nil {
			return err
		}
	}
	for _, w := range m.log {
		atRisk := w.window == m.flushes || m.lied[w.window]
		if err := m.redo(w, atRisk); err != nil {
			return err
		}
	}
	m.log, m.lied = nil, map[int]bool{}
	return nil
}

// redo writes what the disk kept of a write.
func (m *image) redo(w write, atRisk bool) error {
	fate := 0
	if atRisk {
		fate = m.chance.IntN(3)
	}
	switch fate {
	case 0:
		_, err := m.file.WriteAt(w.new, w.off)
		return err
	case 1:
		return nil
	}
	for at := 0; at < len(w.new); at += sector {
		if m.chance.IntN(2) == 0 {
			continue
		}
		if _, err := m.file.WriteAt(w.new[at:min(at+sector, len(w.new))], w.off+int64(at)); err != nil {
			return err
		}
	}
	return nil
}

// gone tells the disk that whoever used it is dead: what waits is answered.
func (m *image) gone() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut != nil {
		select {
		case <-m.cut:
		default:
			close(m.cut)
		}
	}
}

// on gives the power back.
func (m *image) on() {
	m.gone()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = nil
}
