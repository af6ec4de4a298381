package recording

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
)

// topBoxes lists the boxes of an MP4 file (ISO/IEC 14496-12 §4.2).
func topBoxes(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var head [16]byte
	for at := int64(0); ; {
		n, err := f.ReadAt(head[:], at)
		if n == 0 && errors.Is(err, io.EOF) {
			return names
		}
		if n < 8 {
			t.Fatalf("%s: %d bytes behind the last box: %v", file, n, err)
		}
		size := int64(binary.BigEndian.Uint32(head[:]))
		if size == 1 {
			size = int64(binary.BigEndian.Uint64(head[8:]))
		}
		if size < 8 {
			t.Fatalf("%s: box of %d bytes at %d", file, size, at)
		}
		if name := string(head[4:8]); name != "free" {
			names = append(names, name)
		}
		at += size
	}
}
