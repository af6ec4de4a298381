package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// markSize is the length of a mark in bytes.
const markSize = 1 + 16

// mark is put behind a text that was changed; original is what it was before.
func mark(original string) string {
	sum := sha256.Sum256([]byte(original))
	return "!" + hex.EncodeToString(sum[:8])
}

// cleanValue makes one component of a key of what a stranger typed, at most
// limit bytes long (limit > markSize). It is never empty.
func cleanValue(s string, limit int) string {
	text, changed := replace(s, okInValue)
	edged := edges(text)
	if !changed && edged == text && len(text) <= limit && text != "" {
		return text
	}
	if edged == "" {
		edged = "_"
	}
	return cut(edged, limit-markSize) + mark(s)
}

// cleanPath does the same for each component of a path; all together get twice
// the limit, and what goes beyond is replaced by one component.
func cleanPath(s string, limit int) []string {
	var out []string
	used := 0
	for rest, more := s, true; more; {
		whole, reserve := rest, 0
		var c string
		if c, rest, more = strings.Cut(rest, "/"); more {
			reserve = len("/_") + markSize
		}
		c = cleanValue(c, limit)
		if used += len(c) + 1; used+reserve > 2*(limit+1) {
			return append(out, "_"+mark(whole))
		}
		out = append(out, c)
	}
	return out
}

// replace turns each run of characters that are not ok into one "_".
func replace(s string, ok func(r, before rune) bool) (text string, changed bool) {
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

// okInValue is the set of characters that publishers may bring into a key.
func okInValue(r, before rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	case r < utf8.RuneSelf:
		return strings.ContainsRune("-_.~@=,()", r)
	case r == '\u200c' || r == '\u200d':
		// Joiners make up emoji and some scripts; elsewhere they only hide.
		return before >= utf8.RuneSelf && before != '\u200c' && before != '\u200d'
	}
	return unicode.IsPrint(r)
}

// okInLiteral is the set of characters that operators may bring into a key.
func okInLiteral(r, _ rune) bool {
	if strings.ContainsRune("\\\"<>|?*:#%`^{}", r) {
		return false
	}
	return unicode.IsPrint(r)
}

// edges replaces what must not stand at the start (hidden files, options of
// commands) and at the end of a component.
func edges(s string) string {
	inner := strings.TrimLeft(s, ".- ")
	start := len(s) - len(inner)
	inner = strings.TrimRight(inner, ". ")
	end := len(s) - start - len(inner)
	if start == 0 && end == 0 {
		return s
	}
	return strings.Repeat("_", start) + inner + strings.Repeat("_", end)
}

// finish completes a component: edges that literals brought, and names that
// could be taken for those of other files.
func finish(c string) string {
	c = edges(c)
	if reserved(c) {
		c += mark(c)
	}
	return c
}

// extensions of all objects that Final, LivePlaylist, Piece and InitPiece name.
var extensions = []string{".mp4", ".flv", ".aac", ".m3u8", ".ts", ".m4s"}

// reserved tells whether a component looks like something that stands behind a
// key. If "live/cam.mp4" could be a folder, it would keep "live/cam" from
// becoming a file; if "cam_eof" could be a key, it would take the place of the
// finished playlist of "cam"; "cam/init0" that of a piece of "cam".
func reserved(c string) bool {
	c = strings.ToLower(c)
	for _, ext := range extensions {
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

// cut shortens s to at most n bytes, between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
