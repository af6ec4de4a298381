package strictyaml

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxSyntax bounds how many lines are left out because of their syntax.
const maxSyntax = 8

// root returns the mapping that the file consists of, or nil if there is
// none. Whatever is wrong is reported.
func (d *Document) root(data []byte) *yaml.Node {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !d.characters(data) {
		return nil
	}
	docs, err := parseYAML(data)
	if err != nil {
		docs = d.repair(strings.Split(string(data), "\n"))
	}
	switch {
	case docs == nil:
		return nil
	case len(docs) > 1:
		d.Fail(Spot{Line: docs[1].Line, Column: docs[1].Column}, "a second document begins here", "Remove the --- line, or keep each document in a file of its own")
	}
	var root *yaml.Node
	if len(docs) > 0 && len(docs[0].Content) > 0 {
		root = docs[0].Content[0]
	}
	if root == nil || root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		if len(d.problems) == 0 {
			d.Fail(Spot{Line: 1}, "the file is empty", cmp.Or(d.options.EmptyRemedy, "Write {} for the defaults"))
		}
		return nil
	}
	return root
}

// parseYAML returns the documents of data. An empty file has none.
func parseYAML(data []byte) (docs []*yaml.Node, err error) {
	defer func() {
		// The parser is known to panic on a few kinds of rubbish; it reads
		// what an operator typed and must not take the server with it.
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	docs = []*yaml.Node{}
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var n yaml.Node
		switch err := dec.Decode(&n); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		}
		if docs = append(docs, &n); len(docs) > 1 {
			return docs, nil
		}
	}
}

// characters reports what cannot be in any YAML file.
func (d *Document) characters(data []byte) bool {
	for i, line := range bytes.Split(data, []byte("\n")) {
		col := 0
		for len(line) > 0 {
			r, n := utf8.DecodeRune(line)
			col++
			at := Spot{Line: i + 1, Column: col}
			switch {
			case r == utf8.RuneError && n == 1:
				d.Fail(at, "the file is not UTF-8 text", "Save it as UTF-8")
				return false
			case r == '\r' && len(line) > 1:
				d.Fail(at, "a carriage return inside a line", "Save the file with line ends of Unix or Windows")
				return false
			case unicode.IsControl(r) && r != '\t' && r != '\r' && r != 0x85, r >= 0xfff0 && r < 0x10000 && r != utf8.RuneError, r == '\ufeff':
				d.Fail(at, fmt.Sprintf("holds the character %U, which YAML does not allow", r), "Remove it; save the file as UTF-8 text")
				return false
			}
			line = line[n:]
		}
	}
	return true
}

// repair makes a file parse that does not: traps are reported and replaced; a line
// that is still in the way is reported and left out with what is indented below it.
func (d *Document) repair(lines []string) []*yaml.Node {
	d.traps(lines)
	first := len(d.problems)
	for range maxSyntax {
		docs, err := parseYAML([]byte(strings.Join(lines, "\n")))
		if err == nil {
			return docs
		}
		i := firstBad(lines, err)
		d.syntaxError(Spot{Line: i + 1, Column: indent(lines[i]) + 1}, err)
		d.incomplete = true
		leaveOut(lines, i)
	}
	// Nothing helped: what was reported after the first is mere consequence.
	d.problems = d.problems[:first+1]
	return nil
}

// firstBad returns the index of the line at which the parser stumbles. The
// line in its message is often that of the block around it; the shortest
// beginning of the file that fails in the same way tells better. It is looked
// for in growing steps from the line in the message on.
func firstBad(lines []string, err error) int {
	fails := func(n int) bool {
		_, e := parseYAML([]byte(strings.Join(lines[:n], "\n")))
		return e != nil && e.Error() == err.Error()
	}
	low := 0
	if m := parserLine.FindStringSubmatch(err.Error()); m != nil {
		low, _ = strconv.Atoi(m[1])
	}
	// The parser counts some lines from 0, some from 1.
	low = min(max(low-1, 0), len(lines))
	high := low
	for step := 1; high < len(lines) && !fails(high); step *= 2 {
		low, high = high, min(high+step, len(lines))
	}
	n := low + sort.Search(high-low, func(i int) bool { return fails(low + i) })
	for ; n > 1 && blank(lines[n-1]); n-- {
	}
	return max(n-1, 0)
}

// leaveOut empties line i and the lines that are indented deeper below it.
func leaveOut(lines []string, i int) {
	depth := indent(lines[i])
	lines[i] = ""
	for i++; i < len(lines) && (blank(lines[i]) || indent(lines[i]) > depth); i++ {
		lines[i] = ""
	}
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// blank tells whether a line holds nothing but a comment.
func blank(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

var (
	parserPrefix = regexp.MustCompile(`^yaml: (line [0-9]+: )?`)
	parserLine   = regexp.MustCompile(`^yaml: line ([0-9]+): `)
)

// syntaxError reports an error of the YAML parser in words of ours.
func (d *Document) syntaxError(s Spot, err error) {
	theirs := parserPrefix.ReplaceAllString(err.Error(), "")
	for _, t := range translations {
		if strings.Contains(theirs, t.theirs) {
			d.Fail(s, t.message, t.remedy)
			return
		}
	}
	d.Fail(s, "YAML cannot read this line", "Put the value in quotes, and check the indentation")
}

var translations = []struct{ theirs, message, remedy string }{
	{"mapping values are not allowed", "a key and a colon where no key can be", "Check the indentation, and put values that hold ': ' in quotes"},
	{"did not find expected ',' or", "a [ or { is not closed, or a comma is missing", "Close it on the same line, and put values that hold { } [ ] or , in quotes"},
	{"did not find expected node content", "a value is missing, or begins with a character that YAML does not allow here", "Write a value, in quotes if it is not a plain word"},
	{"did not find expected key", "the indentation fits no line above, or something follows a closed quote or bracket", "Align the line with its neighbours, with spaces"},
	{"did not find expected '-' indicator", "this line is neither an item of the list above nor indented less than it", "Begin it with '- ', or indent it like the key that it belongs to"},
	{"could not find expected ':'", "a key without a colon", "Write key: value, with a space after the colon"},
	{"found unexpected end of stream", "a quote is not closed", "Close the quote on the same line"},
	{"found unknown escape character", "a \\ inside double quotes begins an escape that YAML does not know", "Use single quotes, or write \\\\"},
	{"block sequence entries are not allowed", "a list item (-) where none can be", "Put the list on lines of its own below the key"},
	{"cannot start any token", "begins with a character that YAML does not allow here, such as a tab, @, % or `", "Indent with spaces; put the value in quotes"},
	{"tab character", "a tab where YAML wants spaces", "Use spaces"},
	{"exceeded max depth", "is nested too deeply", "Remove brackets"},
}
