package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// An insertion is carried to another release by its anchor: the nearest lines
// on one side of it that are found once in the declaration around it. Which
// side counts is decided by how the block is set in the old file: a block that
// directly follows a line, or begins with a blank line, belongs to what is
// before it (the top of a function, the end of a struct). A block behind a blank
// line belongs to the statement that follows. If that side is gone, the other
// one counts.

// maxAnchor is how many lines an anchor may have, to become unique.
const maxAnchor = 8

// placed says where an insertion goes in the new file.
type placed struct {
	After int
	Note  string // what a person should look at; empty if both sides agree
}

// ambiguous is an insertion that found no single place.
type ambiguous struct {
	target string
	decl   string
	base   []string // the old lines around, with ours marked by +
	found  []int    // places in the new file that would fit, as line numbers
}

func (a *ambiguous) Error() string {
	where := "nowhere"
	if len(a.found) > 0 {
		where = "behind each of the lines " + strings.Trim(fmt.Sprint(a.found), "[]")
	}
	return fmt.Sprintf("%s: in %q its anchor is found %s\n%s", a.target, a.decl, where, strings.Join(a.base, "\n"))
}

// place finds where an insertion of the old file goes in the new one.
func place(target string, old, cur []string, in insertion) (placed, error) {
	if in.After > len(old) {
		return placed{}, fmt.Errorf("%s has no line %d", target, in.After)
	}
	name, from := declAround(old, in.After)
	to := findDecl(cur, name)
	a := anchor{old: old, cur: cur, gap: in.After, from: from, to: to}
	before, after := a.find(-1), a.find(+1)
	first, second, side := before, after, "before"
	if !leans(old, in) {
		first, second, side = after, before, "after"
	}
	switch {
	case len(first) == 1 && len(second) == 1 && first[0] == second[0]:
		return placed{After: first[0]}, nil
	case len(first) == 1:
		return placed{first[0], "the code on the other side of it changed"}, nil
	case len(first) == 0 && len(second) == 1:
		return placed{second[0], "the line " + side + " it is gone; placed by the other side"}, nil
	}
	found := slices.Concat(first, second)
	slices.Sort(found)
	return placed{}, &ambiguous{target, name, surroundings(old, in), slices.Compact(found)}
}

// leans says whether the block belongs to the line before it.
func leans(old []string, in insertion) bool {
	return in.Lines[0] == "" || in.After > 0 && strings.TrimSpace(old[in.After-1]) != ""
}

func surroundings(old []string, in insertion) []string {
	const around = 4
	var all []string
	for _, line := range old[max(0, in.After-around):in.After] {
		all = append(all, "    "+line)
	}
	for _, line := range in.Lines {
		all = append(all, "  + "+line)
	}
	for _, line := range old[in.After:min(len(old), in.After+around)] {
		all = append(all, "    "+line)
	}
	return all
}

// span is a range of lines, [begin, end).
type span struct{ begin, end int }

type anchor struct {
	old, cur []string
	gap      int
	from, to span
}

// find returns the gaps of the new file that have the same lines on one side
// (-1: before, +1: after), as many as make them unique in the old declaration.
func (a anchor) find(side int) []int {
	var found []int
	for n := 1; n <= maxAnchor; n++ {
		lines := neighbours(a.old, a.from, a.gap, side, n)
		if len(lines) < n {
			return found // the declaration has no more lines on this side
		}
		if len(gaps(a.old, a.from, side, lines)) != 1 {
			continue
		}
		next := gaps(a.cur, a.to, side, lines)
		if len(next) <= 1 {
			if len(next) == 0 && len(found) > 0 {
				return found
			}
			return next
		}
		found = next
	}
	return found
}

// neighbours returns up to n lines next to a gap, nearest first, without the
// amount of white space.
func neighbours(lines []string, s span, gap, side, n int) []string {
	var all []string
	for i := range n {
		at := gap + i
		if side < 0 {
			at = gap - 1 - i
		}
		if at < s.begin || at >= s.end {
			break
		}
		all = append(all, strings.Join(strings.Fields(lines[at]), " "))
	}
	return all
}

func gaps(lines []string, s span, side int, want []string) []int {
	var all []int
	for gap := s.begin; gap <= s.end; gap++ {
		if slices.Equal(neighbours(lines, s, gap, side, len(want)), want) {
			all = append(all, gap)
		}
	}
	return all
}

var declaration = regexp.MustCompile(`^(?:func (?:\(\w* ?([^)]*)\) )?|type |var |const |import )(\w*)`)

// declName names the top-level declaration that begins on a line: "setOffline
// of *path", "session"; empty if none does.
func declName(line string) string {
	m := declaration.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	if m[1] != "" {
		return m[2] + " of " + m[1]
	}
	if m[2] == "" {
		return strings.Fields(line)[0]
	}
	return m[2]
}

// declAround returns the declaration around a gap; without one, the whole file.
func declAround(lines []string, gap int) (string, span) {
	for i := gap - 1; i >= 0; i-- {
		if name := declName(lines[i]); name != "" {
			if s := declSpan(lines, i); gap < s.end {
				return name, s
			}
			break
		}
	}
	return "", span{0, len(lines)}
}

// findDecl returns the declaration of that name; without one, the whole file.
func findDecl(lines []string, name string) span {
	for i, line := range lines {
		if name != "" && declName(line) == name {
			return declSpan(lines, i)
		}
	}
	return span{0, len(lines)}
}

// declSpan returns the lines of a declaration of formatted code.
func declSpan(lines []string, begin int) span {
	if !strings.HasSuffix(lines[begin], "{") && !strings.HasSuffix(lines[begin], "(") {
		return span{begin, begin + 1}
	}
	for i := begin + 1; i < len(lines); i++ {
		if lines[i] == "}" || lines[i] == ")" {
			return span{begin, i + 1}
		}
	}
	return span{begin, len(lines)}
}
