package inspect

import "fmt"

var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

const adtsHead = 7

// adtsFrame reads the header of a frame (ISO/IEC 13818-7 §6.2); fixed is what all
// frames of a file have in common. size is that of the frame with its header.
func adtsFrame(b []byte) (fixed uint32, size int, err error) {
	switch {
	case len(b) < adtsHead:
		return 0, 0, fmt.Errorf("the file ends within the header of a frame")
	case b[0] != 0xff || b[1]&0xf6 != 0xf0:
		return 0, 0, fmt.Errorf("no frame begins here (%02x %02x)", b[0], b[1])
	case int(b[2]>>2&15) >= len(adtsRates):
		return 0, 0, fmt.Errorf("sampling rate %d is reserved", b[2]>>2&15)
	}
	head := adtsHead
	if b[1]&1 == 0 {
		head += 2 // CRC
	}
	size = int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5)
	if size <= head {
		return 0, 0, fmt.Errorf("a frame of %d bytes", size)
	}
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]&0xf0), size, nil
}

func walkADTS(p *Report, r *reader) error {
	first, frames, rate := uint32(0), 0, 0
	for {
		if end, err := r.ended(); end || err != nil {
			if rate > 0 {
				p.Summary = fmt.Sprintf("AAC, %d frames, %d Hz, %.1f s", frames, rate, float64(frames)*1024/float64(rate))
			}
			return err
		}
		at := r.at
		b, err := r.take(adtsHead)
		if err != nil {
			return err
		}
		fixed, size, wrong := adtsFrame(b)
		if wrong != nil {
			p.bad(at, "%v", wrong)
			return errStop
		}
		if frames == 0 {
			first, rate = fixed, adtsRates[b[2]>>2&15]
		} else if fixed != first {
			p.bad(at, "the frame is of another kind than the first one (%08x, %08x)", fixed, first)
		}
		if n, err := r.skip(int64(size - adtsHead)); err != nil {
			return err
		} else if n < int64(size-adtsHead) {
			p.bad(at, "the file ends %d bytes before the end of this frame", int64(size-adtsHead)-n)
			return nil
		}
		frames++
	}
}
