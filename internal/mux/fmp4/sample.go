package fmp4

import (
	"bytes"
	"encoding/binary"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// store appends the payload of a sample to the track's part of the mdat.
func (t *track) store(s *mux.Sample) {
	switch t.codec {
	case hooks.H264, hooks.H265:
		t.nals(s)
	case hooks.AV1:
		for _, o := range s.Payload {
			t.obu(o)
		}
	default:
		for _, p := range s.Payload {
			t.put(p)
		}
	}
}

// nals appends the NAL units of a sample, parameter sets first.
func (t *track) nals(s *mux.Sample) {
	before := t.size
	for _, n := range s.Payload {
		if len(n) == 0 || t.leaveOut(n, s.Sync) {
			continue
		}
		if t.size == before && s.Sync {
			for _, p := range t.params {
				t.nal(p)
			}
		}
		t.nal(n)
	}
}

func (t *track) nal(n []byte) {
	t.copied = binary.BigEndian.AppendUint32(t.copied, uint32(len(n)))
	t.copiedMore(4)
	t.put(n)
}

// leaveOut tells whether a NAL unit is left out: delimiters, and at a sync sample
// the parameter sets that are written anyway.
func (t *track) leaveOut(n []byte, sync bool) bool {
	kind, delimiter := n[0]&0x1f, byte(9)
	if t.codec == hooks.H265 {
		kind, delimiter = n[0]>>1&0x3f, 35
	}
	if kind == delimiter {
		return true
	}
	if !sync {
		return false
	}
	for _, p := range t.params {
		if bytes.Equal(n, p) {
			return true
		}
	}
	return false
}

const (
	obuTemporalDelimiter = 2
	obuExtension         = 0x04
	obuHasSize           = 0x02
)

// obu appends an AV1 OBU with a size field (AV1 Bitstream §5.3, AV1-ISOBMFF
// §2.4), which it may carry already.
func (t *track) obu(o []byte) {
	if len(o) == 0 || o[0]>>3&0x0f == obuTemporalDelimiter {
		return
	}
	if o[0]&obuHasSize != 0 {
		t.put(o)
		return
	}
	n := 1
	if o[0]&obuExtension != 0 && len(o) > 1 {
		n = 2
	}
	var h [12]byte
	h[0] = o[0] | obuHasSize
	if n == 2 {
		h[1] = o[1]
	}
	w := n + binary.PutUvarint(h[n:], uint64(len(o)-n)) // leb128 is uvarint
	t.copy(h[:w])
	t.put(o[n:])
}

// put appends bytes, by reference if that is worth it.
func (t *track) put(b []byte) {
	if len(b) < copyBelow {
		t.copy(b)
		return
	}
	t.segs = append(t.segs, segment{ref: b})
	t.size += len(b)
}

// copy appends bytes by copying them.
func (t *track) copy(b []byte) {
	t.copied = append(t.copied, b...)
	t.copiedMore(len(b))
}

func (t *track) copiedMore(n int) {
	t.size += n
	if k := len(t.segs); k > 0 && t.segs[k-1].ref == nil {
		t.segs[k-1].n += n
		return
	}
	t.segs = append(t.segs, segment{n: n})
}
