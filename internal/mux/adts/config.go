package adts

import (
	"errors"
	"fmt"
)

// Object types of the AudioSpecificConfig (ISO/IEC 14496-3 §1.5.1.1).
const (
	typeMain   = 1
	typeLTP    = 4 // the last that ADTS can name
	typeSBR    = 5
	typeEscape = 31
	typePS     = 29
)

// frequencies are the sampling rates that have an index (ISO/IEC 14496-3
// table 1.18).
var frequencies = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// escapeFrequency announces a rate in Hz, 24 bits.
const escapeFrequency = 15

// Errors of an AudioSpecificConfig that ADTS cannot express.
var (
	errShort   = errors.New("AudioSpecificConfig too short")
	errPCE     = errors.New("channel layout in a program config element, which ADTS cannot hold")
	errSamples = errors.New("frames of 960 samples, which ADTS cannot hold")
)

// config is what the ADTS header says of an AudioSpecificConfig.
type config struct {
	object    int // 1 to 4
	frequency int // index
	channels  int // channel configuration, 1 to 7
}

// parseConfig reads the core of an AudioSpecificConfig (ISO/IEC 14496-3
// §1.6.2.1). What follows the core (backward-compatible SBR) is not needed.
func parseConfig(asc []byte) (config, error) {
	r := bitReader{data: asc}
	var c config
	var err error
	c.object = r.objectType()
	c.frequency, err = r.frequency()
	if err != nil {
		return c, err
	}
	c.channels = r.read(4)
	if c.object == typeSBR || c.object == typePS {
		if ext := r.read(4); ext == escapeFrequency {
			r.read(24) // the rate after SBR may be any
		}
		c.object = r.objectType()
	}
	shortFrames := r.read(1) == 1
	switch {
	case r.short:
		return c, errShort
	case c.object < typeMain || c.object > typeLTP:
		return c, fmt.Errorf("audio object type %d, which ADTS cannot hold", c.object)
	case c.channels == 0:
		return c, errPCE
	case c.channels > 7:
		return c, fmt.Errorf("channel configuration %d, which ADTS cannot hold", c.channels)
	case shortFrames:
		return c, errSamples
	}
	return c, nil
}

// header is the ADTS header of a frame without payload, buffer fullness
// "variable rate", no CRC (ISO/IEC 14496-3 §1.A.2.2).
func (c config) header() [headerSize]byte {
	return [headerSize]byte{
		0xFF, 0xF1,
		byte(c.object-1)<<6 | byte(c.frequency)<<2 | byte(c.channels)>>2,
		byte(c.channels) << 6, 0, 0x1F, 0xFC,
	}
}

// bitReader reads bits, most significant first. Beyond the end it reads zeros
// and remembers.
type bitReader struct {
	data  []byte
	pos   int
	short bool
}

func (r *bitReader) read(n int) int {
	v := 0
	for range n {
		v <<= 1
		if r.pos>>3 >= len(r.data) {
			r.short = true
			continue
		}
		v |= int(r.data[r.pos>>3]>>(7-r.pos&7)) & 1
		r.pos++
	}
	return v
}

func (r *bitReader) objectType() int {
	t := r.read(5)
	if t == typeEscape {
		t = 32 + r.read(6)
	}
	return t
}

// frequency reads a sampling rate and returns its index.
func (r *bitReader) frequency() (int, error) {
	i := r.read(4)
	if i < len(frequencies) {
		return i, nil
	}
	if i != escapeFrequency {
		return 0, fmt.Errorf("sampling rate index %d is reserved", i)
	}
	hz := r.read(24)
	for i, f := range frequencies {
		if f == hz {
			return i, nil
		}
	}
	return 0, fmt.Errorf("sampling rate %d Hz, which ADTS cannot hold", hz)
}
