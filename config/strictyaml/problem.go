package strictyaml

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong in the file, or worth a warning.
type Problem struct {
	File    string
	Line    int    // from 1; 0 = the file as a whole
	Column  int    // from 1, in characters; 0 = unknown
	Path    string // the key, such as rules[2].template; empty = the file as a whole
	Message string // what is wrong; never holds a secret
	Remedy  string // what to do; may be empty
}

// Error returns "file:line:column: key.path: message. remedy".
func (p Problem) Error() string { return p.Labeled("") }

// Labeled is Error with a label, such as "warning: ", behind the place.
func (p Problem) Labeled(label string) string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": " + label)
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	if p.Remedy != "" {
		b.WriteString(". " + p.Remedy)
	}
	return b.String()
}

// Problems is all that is wrong in a file, sorted by line. It is an
// error.
type Problems []Problem

// Error returns one line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

func sortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}
