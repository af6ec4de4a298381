package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
)

// Rot damages a file at rest as chance says: one bit flipped, some bytes zeroed
// or a sector replaced. It returns what it did.
func Rot(path string, chance *rand.Rand) (string, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Size() == 0 {
		return "nothing: it is empty", nil
	}
	at := chance.Int64N(info.Size())
	switch chance.IntN(3) {
	case 0:
		var b [1]byte
		if _, err := f.ReadAt(b[:], at); err != nil {
			return "", err
		}
		bit := chance.IntN(8)
		b[0] ^= 1 << bit
		_, err := f.WriteAt(b[:], at)
		return fmt.Sprintf("bit %d of byte %d flipped", bit, at), err
	case 1:
		n := min(1+chance.Int64N(64), info.Size()-at)
		_, err := f.WriteAt(make([]byte, n), at)
		return fmt.Sprintf("bytes %d to %d zeroed", at, at+n-1), err
	}
	at -= at % sector
	junk := make([]byte, min(sector, info.Size()-at))
	for i := range junk {
		junk[i] = byte(chance.Uint32())
	}
	_, err = f.WriteAt(junk, at)
	return fmt.Sprintf("bytes %d to %d replaced", at, at+int64(len(junk))-1), err
}
