package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/live-recording/liverecord/config/keytemplate"
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
	text, changed := keytemplate.Replace(s, okInValue)
	edged := keytemplate.Edges(text)
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

// finish completes a component: edges that literals brought, and names that
// could be taken for those of other files.
func finish(c string) string {
	c = keytemplate.Edges(c)
	if keytemplate.Reserved(c) {
		c += mark(c)
	}
	return c
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
