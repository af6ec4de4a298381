package config

import (
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// spot is where a value stands: for messages.
type spot struct {
	line, col int
	path      string
}

func (s spot) key(name string) string {
	if s.path == "" {
		return name
	}
	return s.path + "." + name
}

// last returns the last key of the path.
func (s spot) last() string { return s.path[strings.LastIndexByte(s.path, '.')+1:] }

type position struct{ line, col int }

// decoder collects what one pass over a file finds.
type decoder struct {
	file     string
	env      func(string) (string, bool)
	problems []Problem
	warnings []Problem

	// mended holds the values that a trap was taken out of; each names its
	// problem, whose key path is only known once the tree is walked.
	mended map[position]int
	// damaged tells that lines were left out because of their syntax, so that
	// what seems to be missing may be just there.
	damaged bool
}

func (d *decoder) fail(s spot, message, remedy string) {
	d.problems = append(d.problems, d.at(s, message, remedy))
}

func (d *decoder) warn(s spot, message, remedy string) {
	d.warnings = append(d.warnings, d.at(s, message, remedy))
}

func (d *decoder) at(s spot, message, remedy string) Problem {
	return Problem{File: d.file, Line: s.line, Column: s.col, Path: s.path, Message: message, Remedy: remedy}
}

// origin tells where a value came from. Every leaf and every struct of the
// schema embeds it.
type origin struct {
	spot
	set bool   // it stands in the file
	bad bool   // it was reported already; what follows from it is not
	raw string // scalars: as written, before ${NAME} was replaced
	env bool   // the environment took part: the value must not be shown
}

func (o *origin) where() *origin { return o }

// placed is whatever embeds origin.
type placed interface{ where() *origin }

// leaf is a value that decodes its node by itself.
type leaf interface {
	placed
	decode(d *decoder, n *yaml.Node)
	// nothing is how an empty value of this kind is written.
	nothing() string
}

// value decodes n, which stands at s, into v.
func (d *decoder) value(n *yaml.Node, s spot, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
		if x, ok := v.Addr().Interface().(interface{ defaults() }); ok {
			x.defaults()
		}
	}
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" || n.Kind == yaml.AliasNode {
		s.line, s.col = n.Line, n.Column
	}
	o := v.Addr().Interface().(placed).where()
	o.spot, o.set = s, true
	l, isLeaf := v.Addr().Interface().(leaf)
	empty := "{}"
	if isLeaf {
		empty = l.nothing()
	}
	if !d.sound(n, s, empty) {
		o.bad = true
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
func (d *decoder) sound(n *yaml.Node, s spot, empty string) bool {
	if i, ok := d.mended[position{n.Line, n.Column}]; ok && n.Kind == yaml.ScalarNode {
		d.problems[i].Path = s.path
		return false
	}
	switch {
	case n.Kind == yaml.AliasNode:
		d.fail(s, "YAML takes a value that begins with * for a reference",
			"If it is meant as text, put it in quotes; else write out what it refers to")
		return false
	case n.Anchor != "":
		d.fail(s, "YAML takes a word that begins with & for an anchor, and drops it",
			"If it is meant as text, put it in quotes; else remove the anchor")
		return false
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(s, "YAML takes a word that begins with ! for a tag, and drops it",
			"If it is meant as text, put it in quotes; else remove the tag")
		return false
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		remedy := fmt.Sprintf("Write %s: %s, or remove the line", s.last(), empty)
		if strings.HasSuffix(s.path, "]") {
			remedy = "Write a value after the -, or remove it"
		}
		d.fail(s, "has no value", remedy)
		return false
	}
	return true
}

// pair is one key of a mapping with its value.
type pair struct {
	name string
	spot
	value *yaml.Node
}

// pairs lists the keys of a mapping; it reports keys that are no words, and duplicates.
func (d *decoder) pairs(n *yaml.Node, s spot) []pair {
	var all []pair
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := spot{k.Line, k.Column, s.key(k.Value)}
		if i, ok := d.mended[position{k.Line, k.Column}]; ok {
			d.problems[i].Path = at.path
		}
		switch {
		case k.Kind == yaml.ScalarNode && k.Tag == "!!merge" && k.Style == 0:
			at.path = s.path
			d.fail(at, "merge keys (<<) are not supported", "Write out the keys that are meant")
		case k.Kind != yaml.ScalarNode || k.Tag == "!!null" || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0:
			at.path = s.path
			d.fail(at, "a key must be a plain word", "If it is meant as text, put it in quotes")
		case seen[k.Value] != 0:
			d.fail(at, fmt.Sprintf("stands here a second time; the first is in line %d", seen[k.Value]), "Remove one of the two")
		default:
			seen[k.Value] = k.Line
			all = append(all, pair{k.Value, at, v})
		}
	}
	return all
}

// mapping decodes n into the struct v by the yaml tags of its fields.
func (d *decoder) mapping(n *yaml.Node, o *origin, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		o.bad = true
		d.fail(o.spot, fmt.Sprintf("wants keys with values, this is %s", kindOf(n)), "Known keys: "+strings.Join(keysOf(v.Type()), ", "))
		return
	}
	for _, p := range d.pairs(n, o.spot) {
		f, ok := fieldOf(v, p.name)
		if !ok {
			message, remedy := unknownKey(p.name, v.Type())
			d.fail(p.spot, message, remedy)
			continue
		}
		d.value(p.value, p.spot, f)
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
