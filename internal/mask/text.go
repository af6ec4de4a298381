package mask

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text escapes what could forge lines or steer a terminal: the control
// characters C0 and C1, DEL, characters that are not seen or that change the
// order of text (Unicode category Cf: U+061C, U+200B–200F, U+202A–202E,
// U+2066–2069, U+FEFF …), line and paragraph separators, spaces other than
// U+0020, and bytes that are no UTF-8. All else is returned as it was, so that
// Text(Text(s)) is Text(s). Whatever strangers typed passes it before it is
// logged or shown.
func Text(s string) string {
	if Printable(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		i += n
	}
	return b.String()
}

// Printable tells whether Text leaves s as it is.
func Printable(s string) bool {
	for i, r := range s {
		if !strconv.IsPrint(r) {
			return false
		}
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
	}
	return true
}

// JSON escapes in a JSON text what Text escapes, by the escapes of JSON
// (RFC 8259 §7): the values stay the same. Line feeds stay; encoding/json writes
// them between values only.
func JSON(s string) string {
	if Printable(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
