package strictyaml

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Options say how to decode.
type Options struct {
	File string // its name, for messages

	// Env looks up a variable of the environment, as os.LookupEnv does. Without
	// it ${NAME} is text like any other.
	Env func(name string) (value string, set bool)

	// EmptyRemedy is the remedy for a file without content.
	EmptyRemedy string
}

// Decode decodes data into out, a pointer to a struct of a schema. It returns
// the document, which has collected the problems, and ok if there was anything to
// decode. If not, out has its defaults and the problems say why. The caller adds
// the problems that it finds in the values; it skips values that are Bad.
func Decode(data []byte, out any, o Options) (doc *Document, ok bool) {
	v := reflect.ValueOf(out).Elem()
	d := &Document{options: o, schema: v.Type(), repaired: map[position]int{}}
	d.secret = secretKeys(d.schema)
	setDefaults(out)
	root := d.root(data)
	if root == nil {
		return d, false
	}
	d.value(root, Spot{Line: 1, Column: 1}, v)
	return d, true
}

// Document collects what is wrong with a file that was decoded.
type Document struct {
	options  Options
	schema   reflect.Type
	secret   map[string]bool // keys that hold secrets, wherever they are
	problems []Problem
	warnings []Problem

	// repaired holds the values that a trap was taken out of; each names its
	// problem, whose key path is only known once the tree is walked.
	repaired map[position]int
	// incomplete tells that lines were left out because of their syntax.
	incomplete bool
}

type position struct{ line, column int }

// Fail adds a problem at s.
func (d *Document) Fail(s Spot, message, remedy string) {
	d.problems = append(d.problems, d.at(s, message, remedy))
}

// Warn adds a warning at s: what is valid, but probably not meant.
func (d *Document) Warn(s Spot, message, remedy string) {
	d.warnings = append(d.warnings, d.at(s, message, remedy))
}

// Missing adds the problem that a struct lacks a key, unless the struct is bad or
// the key may be in a line that was left out.
func (d *Document) Missing(parent *Origin, key, remedy string) {
	if !d.incomplete && !parent.Bad {
		d.Fail(Spot{parent.Line, parent.Column, parent.Key(key)}, "is missing", remedy)
	}
}

// Incomplete tells whether lines were left out because of their syntax: what
// seems to be missing may be in them.
func (d *Document) Incomplete() bool { return d.incomplete }

// Problems returns all problems, sorted by line; nil if there is none.
func (d *Document) Problems() Problems {
	sortProblems(d.problems)
	return slices.Clone(d.problems)
}

// Warnings returns all warnings, sorted by line.
func (d *Document) Warnings() []Problem {
	sortProblems(d.warnings)
	return slices.Clone(d.warnings)
}

func (d *Document) at(s Spot, message, remedy string) Problem {
	return Problem{File: d.options.File, Line: s.Line, Column: s.Column, Path: s.Path, Message: message, Remedy: remedy}
}

// Spot says where a key or value is.
type Spot struct {
	Line, Column int    // from 1; 0 = unknown
	Path         string // such as rules[2].template
}

// maxShownKey is how many characters of a key a path shows.
const maxShownKey = 100

// Key returns the path of a key below s.
func (s Spot) Key(name string) string {
	if utf8.RuneCountInString(name) > maxShownKey {
		name = string([]rune(name)[:maxShownKey]) + "…"
	}
	if s.Path == "" {
		return name
	}
	return s.Path + "." + name
}

// last returns the last key of the path.
func (s Spot) last() string { return s.Path[strings.LastIndexByte(s.Path, '.')+1:] }

// Origin tells where a value came from. Every struct of a schema embeds it, and
// every scalar and collection does.
type Origin struct {
	Spot
	Set bool   // it is in the file
	Bad bool   // it was reported already; what follows from it need not be
	Raw string // scalars: as written, before ${NAME} was replaced
	Env bool   // the environment took part: no message may show the value

	secret bool
}

func (o *Origin) where() *Origin { return o }

// placed is whatever embeds Origin.
type placed interface{ where() *Origin }

// OriginOf returns the origin of a pointer to a value of a schema.
func OriginOf(v any) *Origin { return v.(placed).where() }

// leaf is a value that decodes its node by itself.
type leaf interface {
	placed
	decode(d *Document, n *yaml.Node)
	// empty is how an empty value of this kind is written.
	empty() string
}

func setDefaults(v any) {
	if x, ok := v.(interface{ Defaults() }); ok {
		x.Defaults()
	}
}

// value decodes n, which is at s, into v.
func (d *Document) value(n *yaml.Node, s Spot, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
		setDefaults(v.Addr().Interface())
	}
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" || n.Kind == yaml.AliasNode {
		s.Line, s.Column = n.Line, n.Column
	}
	o := OriginOf(v.Addr().Interface())
	o.Spot, o.Set = s, true
	l, isLeaf := v.Addr().Interface().(leaf)
	empty := "{}"
	if isLeaf {
		empty = l.empty()
	}
	if !d.sound(n, s, empty) {
		o.Bad = true
		return
	}
	if isLeaf {
		l.decode(d, n)
	} else {
		d.mapping(n, o, v)
	}
}

// sound reports what no value may be: an anchor, a reference, a tag, nothing.
// A value that a trap was taken out of is reported already.
func (d *Document) sound(n *yaml.Node, s Spot, empty string) bool {
	if i, ok := d.repaired[position{n.Line, n.Column}]; ok && n.Kind == yaml.ScalarNode {
		d.problems[i].Path = s.Path
		return false
	}
	switch {
	case n.Kind == yaml.AliasNode:
		d.Fail(s, "YAML takes a value that begins with * for a reference",
			"If it is meant as text, put it in quotes; else write out what it refers to")
		return false
	case n.Anchor != "":
		d.Fail(s, "YAML takes a word that begins with & for an anchor, and drops it",
			"If it is meant as text, put it in quotes; else remove the anchor")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		d.Fail(s, "YAML takes a word that begins with ! for a tag, and drops it",
			"If it is meant as text, put it in quotes; else remove the tag")
		return false
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		remedy := fmt.Sprintf("Write %s: %s, or remove the line", s.last(), empty)
		if strings.HasSuffix(s.Path, "]") {
			remedy = "Write a value after the -, or remove it"
		}
		d.Fail(s, "has no value", remedy)
		return false
	}
	return true
}

// pair is one key of a mapping with its value.
type pair struct {
	name string
	Spot
	value *yaml.Node
}

// pairs lists the keys of a mapping; it reports keys that are not words, and duplicates.
func (d *Document) pairs(n *yaml.Node, s Spot) []pair {
	var all []pair
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := Spot{k.Line, k.Column, s.Key(k.Value)}
		if i, ok := d.repaired[position{k.Line, k.Column}]; ok {
			d.problems[i].Path = at.Path
		}
		switch {
		case k.Kind == yaml.ScalarNode && k.Tag == "!!merge" && k.Style == 0:
			at.Path = s.Path
			d.Fail(at, "merge keys (<<) are not supported", "Write out the keys that are meant")
		case k.Kind != yaml.ScalarNode || k.Tag == "!!null" || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0:
			at.Path = s.Path
			d.Fail(at, "a key must be a plain word", "If it is meant as text, put it in quotes")
		case seen[k.Value] != 0:
			d.Fail(at, fmt.Sprintf("is given twice; the first is in line %d", seen[k.Value]), "Remove one of the two")
		default:
			seen[k.Value] = k.Line
			all = append(all, pair{k.Value, at, v})
		}
	}
	return all
}

// mapping decodes n into the struct v by the yaml tags of its fields.
func (d *Document) mapping(n *yaml.Node, o *Origin, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		o.Bad = true
		d.Fail(o.Spot, fmt.Sprintf("wants keys with values, this is %s", kindOf(n)), "Known keys: "+strings.Join(Keys(v.Type()), ", "))
		return
	}
	for _, p := range d.pairs(n, o.Spot) {
		f, ok := fieldOf(v, p.name)
		if !ok {
			message, remedy := unknownKey(p.name, v.Type(), d.schema)
			d.Fail(p.Spot, message, remedy)
			continue
		}
		d.value(p.value, p.Spot, f)
	}
}

// kindOf names what n is, for messages.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	}
	return "a text"
}
