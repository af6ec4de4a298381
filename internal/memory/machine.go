package memory

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// fallback is taken for the machine's memory where it can't be found out.
const fallback = 2 << 30

// Default is the budget that `memory: 0` stands for: a quarter of what the
// machine, or the container that the server runs in, has.
func Default() int64 { return machine("/") / 4 }

// machine returns the bytes of memory that this process may use: MemTotal of
// proc(5), or the limit of its control group if that is less (memory.max of
// version 2 and memory.limit_in_bytes of version 1, as a container sees them).
func machine(root string) int64 {
	total := int64(fallback)
	if text, err := os.ReadFile(root + "proc/meminfo"); err == nil {
		for line := range bytes.Lines(text) {
			if f := strings.Fields(string(line)); len(f) >= 2 && f[0] == "MemTotal:" {
				if n, err := strconv.ParseInt(f[1], 10, 64); err == nil && n > 0 {
					total = n << 10
				}
			}
		}
	}
	for _, file := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(root + file)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			total = min(total, n)
		}
	}
	return total
}
