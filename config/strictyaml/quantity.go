package strictyaml

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// units of durations, the largest first.
var units = []struct {
	name string
	is   time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

var (
	durationTerm = regexp.MustCompile(`^([0-9]+)(ms|d|h|m|s)`)
	justDigits   = regexp.MustCompile(`^[0-9]+$`)
)

const durationForm = "Write whole numbers with d, h, m, s or ms, the largest unit first, such as 90s, 30m, 1h30m or 1d"

// ParseDuration reads 90s, 30m, 1h, 1d, 1h30m, 500ms, 0 and 0s. If s is
// nothing like that, remedy says what to write.
func ParseDuration(s string) (v time.Duration, remedy string) {
	if s == "0" {
		return 0, ""
	}
	if justDigits.MatchString(s) && len(s) < 12 {
		return 0, "A unit is missing: write for instance " + s + "s or " + s + "m"
	}
	if strings.HasPrefix(s, "-") {
		return 0, "It cannot be negative"
	}
	next := 0
	for first := true; first || s != ""; first = false {
		m := durationTerm.FindStringSubmatch(s)
		if m == nil {
			return 0, durationForm
		}
		for next < len(units) && units[next].name != m[2] {
			next++
		}
		if next == len(units) {
			return 0, durationForm
		}
		unit := units[next].is
		next++
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > int64(math.MaxInt64-v)/int64(unit) {
			return 0, "It is too long: 290 years are the most; 0 means no limit"
		}
		v += time.Duration(n) * unit
		s = s[len(m[0]):]
	}
	return v, ""
}

var sizeForm = regexp.MustCompile(`^([0-9]+) ?(B|K|KB|KiB|M|MB|MiB|G|GB|GiB|T|TB|TiB)?$`)

// ParseSize reads 1024, 5MB, 20GB; units are binary. If s is nothing like
// that, remedy says what to write.
func ParseSize(s string) (v int64, remedy string) {
	if strings.HasPrefix(s, "-") {
		return 0, "It cannot be negative"
	}
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, "Write a whole number with KB, MB, GB or TB (capital letters, 1MB = 1024 × 1024 bytes), or a plain number of bytes"
	}
	shift := 0
	if m[2] != "" && m[2] != "B" {
		shift = 10 * (strings.IndexByte("KMGT", m[2][0]) + 1)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || n > math.MaxInt64>>shift {
		return 0, "It is too large"
	}
	return n << shift, ""
}
