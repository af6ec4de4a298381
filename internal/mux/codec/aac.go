package codec

import (
	"errors"
	"fmt"
)

// Object types of MPEG-4 audio (ISO/IEC 14496-3 §1.5.1.1).
const (
	aacLTP = 4 // the last that ADTS can name
	aacSBR = 5
	aacPS  = 29
)

// AACRates are the sampling rates by their index (ISO/IEC 14496-3 table 1.18).
var AACRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// AAC is an AudioSpecificConfig.
type AAC struct {
	Object   int  // audio object type of the core
	Explicit int  // aacSBR or aacPS if that is signalled, else 0
	Rate     int  // Hz, of the core
	Output   int  // Hz, with explicitly signalled SBR
	Index    int  // of Rate in AACRates, -1 if it is not there
	Config   int  // channel configuration; 0 = PCE
	Channels int  // 0 if unknown
	Short    bool // frames of 960 samples
	pce      *pce
}

// pce is a program config element (§4.4.1.1) that can be written again anywhere.
type pce struct {
	head     []byte // bits before byte_alignment
	bits     int
	comment  []byte // with its length
	channels int
}

// ParseAAC reads an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). What follows the
// core (backward-compatible SBR) is not needed.
func ParseAAC(asc []byte) (AAC, error) {
	if len(asc) < 2 {
		return AAC{}, fmt.Errorf("AudioSpecificConfig: %w", ErrShort)
	}
	r := &bits{b: asc}
	c := AAC{Object: objectType(r)}
	c.Rate, c.Index = aacRate(r)
	c.Config = int(r.u(4))
	if c.Object == aacSBR || c.Object == aacPS {
		c.Explicit = c.Object
		c.Output, _ = aacRate(r)
		c.Object = objectType(r)
	}
	c.Output = max(c.Output, c.Rate)
	switch {
	case c.Config > 0 && c.Config < 7:
		c.Channels = c.Config
	case c.Config == 7, c.Config == 12, c.Config == 14:
		c.Channels = 8
	case c.Config == 11:
		c.Channels = 7
	}
	if r.over {
		return c, fmt.Errorf("AudioSpecificConfig: %w", ErrShort)
	}
	if general := c.Object <= 7 || c.Object == 17 || c.Object >= 19 && c.Object <= 23; general {
		c.Short = r.flag()
		if r.flag() {
			r.skip(14)
		}
		r.skip(1)
		if c.Config == 0 && !r.over {
			c.setPCE(readPCE(r))
		}
	}
	return c, nil
}

// HasPCE tells whether the channels are told by a program config element that is
// known.
func (c *AAC) HasPCE() bool { return c.pce != nil }

// setPCE takes a program config element; nil changes nothing.
func (c *AAC) setPCE(p *pce) {
	if p != nil {
		c.pce, c.Channels = p, p.channels
	}
}

// Learn takes the program config element from the beginning of a frame, if the
// configuration needs one.
func (c *AAC) Learn(frame []byte) {
	if c.Config == 0 && c.pce == nil {
		c.setPCE(framePCE(frame))
	}
}

// StartsWithPCE tells whether a frame brings a program config element itself.
func StartsWithPCE(frame []byte) bool { return len(frame) > 0 && frame[0]>>5 == elementPCE }

// elementPCE is ID_PCE (ISO/IEC 14496-3 table 4.85).
const elementPCE = 5

// framePCE reads the program config element that a raw data block begins with.
func framePCE(frame []byte) *pce {
	if !StartsWithPCE(frame) {
		return nil
	}
	r := &bits{b: frame, pos: 3}
	return readPCE(r)
}

// AppendPCE appends the program config element as the first element of a raw data
// block, in whole bytes: what follows it needs no shift.
func (c *AAC) AppendPCE(b []byte) []byte {
	if c.pce == nil {
		return b
	}
	w := &writer{}
	w.u(elementPCE, 3)
	c.pce.write(w)
	return append(b, w.b...)
}

// Complete returns asc with the program config element that it lacks.
func (c *AAC) Complete(asc []byte) []byte {
	have, err := ParseAAC(asc)
	if err != nil || c.pce == nil || have.pce != nil || c.Config != 0 || c.Explicit != 0 || c.Index < 0 || c.Object > 7 {
		return asc
	}
	w := &writer{}
	w.u(uint32(c.Object), 5)
	w.u(uint32(c.Index), 4)
	w.u(0, 4)
	short := uint32(0)
	if c.Short {
		short = 1
	}
	w.u(short<<2, 3)
	c.pce.write(w)
	return w.b
}

func (p *pce) write(w *writer) {
	r := &bits{b: p.head}
	for range p.bits {
		w.u(r.u(1), 1)
	}
	w.align()
	for _, c := range p.comment {
		w.u(uint32(c), 8)
	}
}

// readPCE reads program_config_element from the reader's place on; nil if it does
// not fit. Its alignment counts from the first byte of r.
func readPCE(r *bits) *pce {
	start := r.pos
	r.skip(10)
	front, side, back := r.u(4), r.u(4), r.u(4)
	lfe, data, coupling := r.u(2), r.u(3), r.u(4)
	for _, n := range []int{4, 4, 3} { // mixdowns
		if r.flag() {
			r.skip(n)
		}
	}
	p := &pce{channels: int(lfe)}
	for range front + side + back {
		p.channels++
		if r.flag() {
			p.channels++
		}
		r.skip(4)
	}
	r.skip(int(4*lfe + 4*data + 5*coupling))
	end := r.pos
	r.align()
	n := int(r.u(8))
	if r.over || r.pos+8*n > 8*len(r.b) || p.channels == 0 {
		return nil
	}
	at := r.pos / 8
	p.comment = append([]byte{byte(n)}, r.b[at:at+n]...)
	w := &writer{}
	for h := (&bits{b: r.b, pos: start}); h.pos < end; {
		w.u(h.u(1), 1)
	}
	p.head, p.bits = w.b, w.n
	return p
}

func objectType(r *bits) int {
	t := int(r.u(5))
	if t == 31 {
		t = 32 + int(r.u(6))
	}
	return t
}

// aacRate reads a sampling rate; its index is -1 if it has none.
func aacRate(r *bits) (hz, index int) {
	i := int(r.u(4))
	if i < len(AACRates) {
		return AACRates[i], i
	}
	if i != 15 {
		return 0, -1
	}
	hz = int(r.u(24))
	for i, f := range AACRates {
		if f == hz {
			return hz, i
		}
	}
	return hz, -1
}

// ADTSSize is the length of an ADTS header without CRC.
const ADTSSize = 7

// ErrADTS tells that ADTS has no words for a configuration.
var ErrADTS = errors.New("ADTS cannot describe this AAC")

// ADTS returns the header of a frame without payload, buffer fullness "variable
// rate", no CRC (ISO/IEC 14496-3 §1.A.2.2). HE-AAC is described by its core.
func (c *AAC) ADTS() ([ADTSSize]byte, error) {
	var none [ADTSSize]byte
	switch {
	case c.Object < 1 || c.Object > aacLTP:
		return none, fmt.Errorf("%w: object type %d", ErrADTS, c.Object)
	case c.Index < 0:
		return none, fmt.Errorf("%w: sampling rate of %d Hz", ErrADTS, c.Rate)
	case c.Config > 7:
		return none, fmt.Errorf("%w: channel configuration %d", ErrADTS, c.Config)
	case c.Short:
		return none, fmt.Errorf("%w: frames of 960 samples", ErrADTS)
	}
	return [ADTSSize]byte{
		0xFF, 0xF1,
		byte(c.Object-1)<<6 | byte(c.Index)<<2 | byte(c.Config)>>2,
		byte(c.Config) << 6, 0, 0x1F, 0xFC,
	}, nil
}

// SetADTSSize writes the length of a frame of size bytes into its header.
func SetADTSSize(h *[ADTSSize]byte, size int) {
	n := size + ADTSSize
	h[3] = h[3]&^3 | byte(n>>11)
	h[4] = byte(n >> 3)
	h[5] = h[5]&0x1F | byte(n<<5)
}
