package keytemplate

import (
	"regexp"
	"slices"
	"strings"
)

// Fault is one thing wrong with a template.
type Fault struct {
	// Message says what is wrong. %s in it is the place of Quote, at most once.
	Message string
	Quote   string // of the template, such as {StreamId}; "" = none
	Remedy  string
}

// Text is the message with the quote, or, if the template must not be shown, with
// words in its place.
func (f Fault) Text(show bool) string {
	quote := f.Quote
	if !show || len(quote) > 100 {
		quote = "a placeholder"
	}
	return strings.Replace(f.Message, "%s", quote, 1)
}

// Error is the message with the quote and the remedy.
func (f Fault) Error() string { return f.Text(true) + ". " + f.Remedy }

var braces = regexp.MustCompile(`\{[^{}]*\}|[{}]`)

// Check returns what is wrong with a template; nil if nothing is. A slash in front
// is fine. growing tells that the object has its key from the start, as an HLS
// playlist has: then {End…} is a fault.
func Check(template string, growing bool) (all []Fault) {
	p := strings.TrimLeft(template, "/")
	switch {
	case p == "":
		return []Fault{{Message: "names no file", Remedy: `Write a path such as {StreamID}/{StartYear}{StartMonth}{StartDay}, or "" for the default`}}
	case strings.HasSuffix(p, "/"):
		all = append(all, Fault{Message: "ends with /, which leaves no file name", Remedy: "Write a last part too, such as {RecordId}; the extension is added"})
	case len(p) > MaxLength:
		all = append(all, Fault{Message: "is longer than 400 bytes", Remedy: "Shorten it, to leave room for the names that it expands to"})
	default:
		if f, ok := checkComponents(p); !ok {
			all = append(all, f)
		}
	}
	return append(all, checkPlaceholders(p, growing)...)
}

func checkPlaceholders(p string, growing bool) (all []Fault) {
	for _, b := range braces.FindAllString(p, -1) {
		name := strings.Trim(b, "{}")
		switch {
		case len(b) == 1:
			return append(all, Fault{Message: "holds a { or } without its partner", Remedy: "Write placeholders as {StreamID}"})
		case !slices.Contains(Placeholders, name):
			all = append(all, Fault{Message: "holds %s, which is not known", Quote: b, Remedy: "Known: {" + strings.Join(Placeholders, "} {") + "}"})
		case growing && strings.HasPrefix(name, "End"):
			all = append(all, Fault{Message: "holds %s, which is not known while the playlist grows", Quote: b, Remedy: "Use {Start…} placeholders for hls"})
		}
	}
	return all
}

// checkComponents finds the first component that would have to be changed in a
// key: its author can do that better.
func checkComponents(p string) (f Fault, ok bool) {
	for c := range strings.SplitSeq(p, "/") {
		c = braces.ReplaceAllString(c, "x")
		switch {
		case c == "" || c == "." || c == "..":
			return Fault{Message: "holds an empty folder name, . or ..", Remedy: "Write folder names between single slashes"}, false
		case changes(c):
			return Fault{Message: "holds one of \\ \" < > | ? * : # % ` ^ or a character that cannot be seen, which are trouble in object keys and file names",
				Remedy: "Leave it out; - and _ are fine"}, false
		case c != Edges(c):
			return Fault{Message: "has a folder or file name that begins with a dot, hyphen or space, or ends with a dot or space",
				Remedy: "Begin and end names with letters, digits, _ or a placeholder"}, false
		case Reserved(c):
			return Fault{Message: "has a name that looks like a file of a recording",
				Remedy: "Leave out the extension, _eof or init0: what is needed is added"}, false
		}
	}
	return Fault{}, true
}

func changes(c string) bool {
	_, changed := Literal(c)
	return changed
}
