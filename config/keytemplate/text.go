package keytemplate

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Literal returns a text of a template as it may be in a key, and whether that
// changed it: each run of control characters and of \ " < > | ? * : # % ` ^ { }
// becomes one "_".
func Literal(s string) (text string, changed bool) {
	return Replace(s, func(r, _ rune) bool {
		return !strings.ContainsRune("\\\"<>|?*:#%`^{}", r) && unicode.IsPrint(r)
	})
}

// Replace turns each run of characters that are not ok into one "_". Before is the
// character in front of r, 0 if there is none or it was replaced. Invalid UTF-8 is
// never ok.
func Replace(s string, ok func(r, before rune) bool) (text string, changed bool) {
	var b strings.Builder
	var before rune // the last one kept, 0 after a replacement
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if bad := r == utf8.RuneError && n == 1; bad || !ok(r, before) {
			if before != 0 || b.Len() == 0 {
				b.WriteByte('_')
			}
			before, changed = 0, true
		} else {
			b.WriteString(s[i : i+n])
			before = r
		}
		i += n
	}
	return b.String(), changed
}

// Edges replaces by "_" what must not be at the start of a component (hidden
// files, options of commands) and at its end.
func Edges(s string) string {
	inner := strings.TrimLeft(s, ".- ")
	start := len(s) - len(inner)
	inner = strings.TrimRight(inner, ". ")
	end := len(s) - start - len(inner)
	if start == 0 && end == 0 {
		return s
	}
	return strings.Repeat("_", start) + inner + strings.Repeat("_", end)
}

// Extensions lists those of all objects of a recording.
var Extensions = []string{".mp4", ".flv", ".aac", ".m3u8", ".ts", ".m4s"}

// Reserved tells whether a component looks like something that follows a key. If
// "live/cam.mp4" could be a folder, it would keep "live/cam" from becoming a file;
// if "cam_eof" could be a key, it would take the place of the finished playlist of
// "cam"; "cam/init0" that of an initialization section of "cam".
func Reserved(c string) bool {
	c = strings.ToLower(c)
	for _, ext := range Extensions {
		if strings.HasSuffix(c, ext) {
			return true
		}
	}
	if strings.HasSuffix(c, "_eof") {
		return true
	}
	digits, ok := strings.CutPrefix(c, "init")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}
