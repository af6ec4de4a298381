package strictyaml

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// traps goes through the lines of a file that does not parse and looks for
// values that mean something to YAML which nobody meant. Each is reported, and
// replaced in place, so that the rest of the file can be checked too.
func (d *Document) traps(lines []string) {
	t := &trapper{d: d, keys: lastWords(d.schema), block: -1}
	for i := range lines {
		eol := ""
		if strings.HasSuffix(lines[i], "\r") {
			eol = "\r"
		}
		t.no = i
		t.next = nextLine(lines[i+1:])
		lines[i] = t.line(strings.TrimSuffix(lines[i], "\r")) + eol
	}
}

// nextLine returns the first line that is not blank.
func nextLine(lines []string) string {
	for _, l := range lines {
		if !blank(l) {
			return l
		}
	}
	return ""
}

// trapper scans one line after the other.
type trapper struct {
	d     *Document
	keys  map[string]bool // the last words of all keys of the schema
	no    int             // index of the line
	next  string          // the next line with content
	depth int             // of open [ and {
	block int             // ≥ 0: inside a | or > text, whose key has that indentation

	out    strings.Builder // the line as repaired so far
	rest   string          // what of the line is still to be scanned
	key    string          // the last key seen, on this line or one before
	keyed  bool            // this line has had its key
	column int             // of rest in the repaired line, from 1, in characters
}

// take moves n bytes from rest to out.
func (t *trapper) take(n int) {
	t.out.WriteString(t.rest[:n])
	t.column += utf8.RuneCountInString(t.rest[:n])
	t.rest = t.rest[n:]
}

// quote replaces the next n bytes by the same in quotes and reports why.
func (t *trapper) quote(n int, message string) {
	value := t.rest[:n]
	remedy := "Put the value in quotes"
	if !t.d.secret[t.key] && len(value) < 80 && !strings.Contains(value, `"`) {
		remedy = fmt.Sprintf("Put it in quotes: %q", value)
	}
	t.replace(n, "'"+strings.ReplaceAll(value, "'", "''")+"'", message, remedy)
}

func (t *trapper) replace(n int, by, message, remedy string) {
	at := Spot{Line: t.no + 1, Column: t.column}
	t.d.repaired[position{at.Line, at.Column}] = len(t.d.problems)
	t.d.Fail(at, message, remedy)
	t.out.WriteString(by)
	t.column += utf8.RuneCountInString(by)
	t.rest = t.rest[n:]
}

var (
	leading  = regexp.MustCompile(`^[ \t]*`)
	keyStart = regexp.MustCompile(`^("[^"]*"|'[^']*'|[A-Za-z0-9_][^\s:#"'\[\]{},]*)[ \t]*:([ \t]+|$)`)
	noSpace  = regexp.MustCompile(`^([A-Za-z0-9]+):[^\s/]`)
	blockish = regexp.MustCompile(`^[|>][-+0-9]*[ \t]*(#.*)?$`)
)

// line returns the line as repaired.
func (t *trapper) line(s string) string {
	if blank(s) {
		return s
	}
	if t.block >= 0 {
		if indent(s) > t.block {
			return s
		}
		t.block = -1
	}
	t.out.Reset()
	t.rest, t.column, t.keyed = s, 1, false
	t.indentation()
	start := t.column - 1
	for t.depth == 0 && t.head() {
	}
	if t.depth == 0 && blockish.MatchString(t.rest) {
		t.block = start
	} else {
		t.values()
	}
	return t.out.String() + t.rest
}

// indentation replaces tabs before the first word.
func (t *trapper) indentation() {
	lead := leading.FindString(t.rest)
	tab := strings.IndexByte(lead, '\t')
	if t.depth == 0 && tab >= 0 {
		t.rest = strings.ReplaceAll(lead, "\t", "  ") + t.rest[len(lead):]
		lead = leading.FindString(t.rest)
	}
	t.take(len(lead))
	if t.depth == 0 && tab >= 0 {
		t.repairedKey(tab+1, "a tab in the indentation", "Indent with spaces; YAML allows no tabs")
	}
}

// repairedKey reports a problem in column col of what is before rest, or at
// its start; the key that begins here lends it its path.
func (t *trapper) repairedKey(col int, message, remedy string) {
	t.d.repaired[position{t.no + 1, t.column}] = len(t.d.problems)
	t.d.Fail(Spot{Line: t.no + 1, Column: col}, message, remedy)
}

// head takes one "- " or one "key: "; it tells whether there was any.
func (t *trapper) head() bool {
	if strings.HasPrefix(t.rest, "- ") {
		t.take(len(t.rest) - len(strings.TrimLeft(t.rest[1:], " \t")))
		return true
	}
	if t.keyed {
		return false
	}
	if m := keyStart.FindStringSubmatch(t.rest); m != nil {
		t.key, t.keyed = strings.Trim(m[1], `"'`), true
		t.take(len(m[0]))
		return true
	}
	if m := noSpace.FindStringSubmatch(t.rest); m != nil && t.keys[m[1]] && !strings.Contains(t.rest, ": ") {
		t.repairedKey(t.column, fmt.Sprintf("a space is missing after %q", m[1]+":"), fmt.Sprintf("Write %s: value", m[1]))
		t.rest = m[1] + ": " + t.rest[len(m[1])+1:]
		return true
	}
	return false
}

// values scans what follows the key, with what [ and { hold.
func (t *trapper) values() {
	for t.rest != "" {
		switch c := t.rest[0]; {
		case c == ' ' || c == '\t' || t.depth > 0 && c == ',':
			t.take(1)
		case c == '#':
			return
		case c == '"' || c == '\'':
			if !t.quotedText(c) {
				return
			}
		case c == '{' && placeholder(t.rest):
			t.plain()
		case c == '[' || c == '{':
			t.depth++
			t.take(1)
		case (c == ']' || c == '}') && t.depth > 0:
			t.depth--
			t.take(1)
		case t.depth > 0 && t.flowKey():
		default:
			t.plain()
		}
	}
}

// flowKey takes a "key: " inside { }.
func (t *trapper) flowKey() bool {
	m := keyStart.FindStringSubmatch(t.rest)
	if m == nil {
		return false
	}
	t.key = m[1]
	t.take(len(m[0]))
	return true
}

// quotedText takes a text in quotes. One that is not closed is closed at the
// end of the line, unless the text seems to go on.
func (t *trapper) quotedText(q byte) bool {
	for i := 1; i < len(t.rest); i++ {
		switch {
		case t.rest[i] == '\\' && q == '"':
			i++
		case t.rest[i] == q && q == '\'' && i+1 < len(t.rest) && t.rest[i+1] == q:
			i++
		case t.rest[i] == q:
			t.take(i + 1)
			return true
		}
	}
	next := strings.TrimSpace(t.next)
	if t.depth > 0 || next != "" && !strings.HasPrefix(next, "- ") && !keyStart.MatchString(next) {
		return false
	}
	t.replace(len(t.rest), "''", "a quote is not closed", "Close the quote on the same line")
	return true
}

var braced = regexp.MustCompile(`^\{[A-Za-z]+\}`)

// placeholder tells whether s begins with {Word} that is followed by more text.
func placeholder(s string) bool {
	m := braced.FindString(s)
	return m != "" && len(s) > len(m) && !strings.ContainsRune(" \t,}]", rune(s[len(m)]))
}

// plain takes a text without quotes and looks whether YAML can read it.
func (t *trapper) plain() {
	n := t.plainLength()
	v := t.rest[:n]
	switch first := v[0]; {
	case first == '*':
		t.quote(n, "YAML takes a value that begins with * for a reference")
	case first == '{':
		t.quote(n, "YAML takes { for the start of a mapping")
	case first == '&' && (len(v) == 1 || !word(v[1])):
		t.quote(n, "YAML takes a value that begins with & for an anchor")
	case strings.IndexByte("@`%", first) >= 0:
		t.quote(n, "YAML does not allow a value to begin with "+strconv.Quote(v[:1]))
	case t.depth > 0 && strings.ContainsAny(v, "{}"):
		t.quote(n, "inside [ ] or { } YAML takes { and } of a value for a mapping")
	case t.depth == 0 && (strings.Contains(v, ": ") || strings.HasSuffix(v, ":")):
		if !t.keyed {
			t.take(n)
			return
		}
		t.quote(n, "YAML takes the colon in the value for the end of a key")
	default:
		t.take(n)
	}
}

func word(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// plainLength is how far the unquoted text at the start of rest reaches, as
// its author meant it: {Word} and ${NAME} belong to it.
func (t *trapper) plainLength() int {
	s, braces, n := t.rest, 0, 0
	for n < len(s) {
		c := s[n]
		if c == '#' && n > 0 && s[n-1] == ' ' {
			break
		}
		if t.depth > 0 && braces == 0 && strings.IndexByte(",]}", c) >= 0 {
			break
		}
		switch {
		case c == '{':
			braces++
		case c == '}' && braces > 0:
			braces--
		}
		n++
	}
	return max(len(strings.TrimRight(s[:n], " \t")), 1)
}
