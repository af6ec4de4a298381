package store

// Sizes of the parts of one growing upload.
const (
	// MinPartSize is the smallest part that COS takes (but for the last one).
	MinPartSize = 1 << 20
	// MaxPartSize and MaxParts are COS's limits.
	MaxPartSize = 5 << 30
	MaxParts    = 10000
)

// PartSize returns how large the part should be whose first byte lies at
// offset (bytes of body). configured is the store's partSize.
//
// An upload has at most 10,000 parts and nobody knows how long a recording will
// get, so sizes grow with the file: as configured until 320 MiB, then at least
// 16 MiB until 16 GiB, 64 MiB until 256 GiB, 1 GiB beyond. With the default of
// 5 MiB, twelve hours at 4 Mb/s are about 1,150 parts, and a file may have 4 TiB.
// The result depends on its arguments only, so a restart cuts as before.
func PartSize(configured, offset int64) int64 {
	size := min(max(configured, MinPartSize), MaxPartSize)
	switch {
	case offset < 320<<20:
		return size
	case offset < 16<<30:
		return max(size, 16<<20)
	case offset < 256<<30:
		return max(size, 64<<20)
	default:
		return max(size, 1<<30)
	}
}
