package plugin

import (
	"log/slog"
	"testing"
	"unicode"
)

// What a publisher typed can neither forge a line of the log nor steer the
// terminal that shows it, with and without spaces in it.
func TestLogIsHarmless(t *testing.T) {
	for _, typed := range []string{"a\nb", "x\u009b31my", "\u202egpj.exe", "a b\u2066c", "\u200e\u061c", "\xffz", "a=\u0085"} {
		var lines []string
		log := newLogger(func(_ slog.Level, line string) { lines = append(lines, line) })
		log.With("path", typed).Warn("went "+typed, "error", typed)
		for _, r := range lines[0] {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
				t.Errorf("%q: the line %q holds %q", typed, lines[0], r)
			}
		}
	}
}
