package config

import (
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"
)

// texts is a list of texts.
type texts struct {
	origin
	items []text
}

// secrets is a list of texts that no message shows.
type secrets struct {
	origin
	items []secret
}

// labels is a mapping of free names to texts.
type labels struct {
	origin
	items []entry[text]
}

// list is a list of structs.
type list[T any] struct {
	origin
	items []T
}

// named is a mapping of names, chosen by the operator, to structs.
type named[T any] struct {
	origin
	items []entry[T]
}

// entry is one name with its value; spot is that of the name.
type entry[T any] struct {
	name string
	spot
	v T
}

func (*texts) nothing() string    { return "[]" }
func (*secrets) nothing() string  { return "[]" }
func (*labels) nothing() string   { return "{}" }
func (*list[T]) nothing() string  { return "[]" }
func (*named[T]) nothing() string { return "{}" }

func (*list[T]) element() (reflect.Type, bool)  { return reflect.TypeFor[T](), false }
func (*named[T]) element() (reflect.Type, bool) { return reflect.TypeFor[T](), true }

func (l *texts) decode(d *decoder, n *yaml.Node)   { l.items = elements[text](d, n, &l.origin) }
func (l *secrets) decode(d *decoder, n *yaml.Node) { l.items = elements[secret](d, n, &l.origin) }
func (l *list[T]) decode(d *decoder, n *yaml.Node) { l.items = elements[T](d, n, &l.origin) }

func (m *labels) decode(d *decoder, n *yaml.Node)   { m.items = entries[text](d, n, &m.origin) }
func (m *named[T]) decode(d *decoder, n *yaml.Node) { m.items = entries[T](d, n, &m.origin) }

// elements decodes a list.
func elements[T any](d *decoder, n *yaml.Node, o *origin) []T {
	if n.Kind != yaml.SequenceNode {
		o.bad = true
		d.fail(o.spot, fmt.Sprintf("wants a list, this is %s", kindOf(n)), "Write [a, b], or one line with - for each")
		return nil
	}
	items := make([]T, len(n.Content))
	for i, c := range n.Content {
		s := spot{c.Line, c.Column, fmt.Sprintf("%s[%d]", o.path, i)}
		decodeInto(d, c, s, &items[i])
	}
	return items
}

// entries decodes a mapping of free names.
func entries[T any](d *decoder, n *yaml.Node, o *origin) []entry[T] {
	if n.Kind != yaml.MappingNode {
		o.bad = true
		d.fail(o.spot, fmt.Sprintf("wants names with values, this is %s", kindOf(n)), "Write name: value, or {} for none")
		return nil
	}
	pairs := d.pairs(n, o.spot)
	items := make([]entry[T], len(pairs))
	for i, p := range pairs {
		items[i].name, items[i].spot = p.name, p.spot
		decodeInto(d, p.value, p.spot, &items[i].v)
	}
	return items
}

func decodeInto[T any](d *decoder, n *yaml.Node, s spot, v *T) {
	if x, ok := any(v).(interface{ defaults() }); ok {
		x.defaults()
	}
	d.value(n, s, reflect.ValueOf(v).Elem())
}
