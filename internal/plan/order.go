package plan

import "cmp"

const levels = 8

// level is the first step of precedence: which fields the rule names.
// 0 is the most specific.
func level(r *Rule) int {
	n := 0
	if r.Domain == "" {
		n += 4
	}
	if r.Stream == "" {
		n += 2
	}
	if r.App == "" {
		n++
	}
	return n
}

// compareValues orders two values of the same field: exact before pattern, more
// literal characters first.
func compareValues(a, b string) int {
	pa, pb := isPattern(a), isPattern(b)
	switch {
	case pa != pb && pb:
		return -1
	case pa != pb:
		return 1
	case !pa:
		return 0 // at most one exact value holds for a stream
	}
	return cmp.Compare(literals(b), literals(a))
}

// compareRules orders rules by precedence; negative: a goes first. Rules that
// are equal in all this stay in the order of the file, or of their making.
func compareRules(a, b *Rule) int {
	return cmp.Or(
		cmp.Compare(level(a), level(b)),
		compareValues(a.Domain, b.Domain),
		compareValues(a.Stream, b.Stream),
		compareValues(a.App, b.App),
		cmp.Compare(a.Source, b.Source),
	)
}
