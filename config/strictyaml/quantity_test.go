package strictyaml

import (
	"testing"
	"time"
)

func TestQuantities(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90s": 90 * time.Second, "30m": 30 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour,
		"1h30m": 90 * time.Minute, "500ms": 500 * time.Millisecond, "1d2h3m4s5ms": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond,
		"106751d": 106751 * 24 * time.Hour,
	} {
		if got, remedy := ParseDuration(s); got != want || remedy != "" {
			t.Errorf("%s: %v %s", s, got, remedy)
		}
	}
	for _, s := range []string{"", "30", "1.5h", "-5s", "1M", "1:30", "1m1h", "1s1s", "5", "m", "1 h", "1w", "106752d", "99999999999999999999s", "106751d24h", "9223372036854775807d"} {
		if got, remedy := ParseDuration(s); remedy == "" {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
	for s, want := range map[string]int64{
		"0": 0, "1024": 1024, "5MB": 5 << 20, "20GB": 20 << 30, "1 KB": 1024, "3K": 3072, "2GiB": 2 << 30, "7B": 7, "8388607TB": 8388607 << 40,
		"9223372036854775807": 1<<63 - 1,
	} {
		if got, remedy := ParseSize(s); got != want || remedy != "" {
			t.Errorf("%s: %v %s", s, got, remedy)
		}
	}
	for _, s := range []string{"", "MB", "1.5GB", "-1", "5mb", "5Mb", "1PB", "8388608TB", "9223372036854775808", "1e6", "0x10"} {
		if got, remedy := ParseSize(s); remedy == "" {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
}
