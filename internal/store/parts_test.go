package store

import "testing"

func TestPartSizeKeepsBelowTheLimitOfParts(t *testing.T) {
	for _, configured := range []int64{0, 1 << 20, 5 << 20, 100 << 20, 6 << 30} {
		var offset int64
		parts := 0
		for offset < 4<<40 {
			size := PartSize(configured, offset)
			if size < MinPartSize || size > MaxPartSize {
				t.Fatalf("configured %d, offset %d: size %d", configured, offset, size)
			}
			offset += size
			parts++
		}
		if parts > MaxParts {
			t.Errorf("configured %d: %d parts for 4 TiB", configured, parts)
		}
	}
}

func TestPartSizeOfTwelveHours(t *testing.T) {
	const body = 12 * 3600 * 4_000_000 / 8
	parts := 0
	for offset := int64(0); offset < body; offset += PartSize(5<<20, offset) {
		parts++
	}
	if parts < 1100 || parts > 1300 {
		t.Errorf("12 h at 4 Mb/s are %d parts", parts)
	}
}
