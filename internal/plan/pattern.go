package plan

import (
	"strings"
	"unicode/utf8"
)

func isPattern(v string) bool { return strings.IndexByte(v, '*') >= 0 }

// literals counts the characters of a pattern that are not '*'.
func literals(v string) int { return utf8.RuneCountInString(v) - strings.Count(v, "*") }

// glob tells whether s is described by pattern, in which '*' is any run of
// characters. Its time is bounded by the product of the lengths: after a
// mismatch only the last star is widened.
func glob(pattern, s string) bool {
	p, i := 0, 0
	star, from := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// covers tells whether a rule's value (empty = any) holds for s.
func covers(value, s string) bool {
	return value == "" || value == s || isPattern(value) && glob(value, s)
}
