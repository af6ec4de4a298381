package strictyaml

import (
	"fmt"
	"reflect"

	"gopkg.in/yaml.v3"
)

// List is a list of structs or scalars of a schema.
type List[T any] struct {
	Origin
	Items []T
}

// Map is a mapping of names, chosen by the author of the file, to structs or
// scalars of a schema, in the order of the file.
type Map[T any] struct {
	Origin
	Items []Entry[T]
}

// Entry is one name of a Map with its value; Spot is that of the name.
type Entry[T any] struct {
	Name string
	Spot
	Value T
}

// container is a leaf that holds structs or scalars of the schema.
type container interface {
	// element is the type of what it holds; named tells that each has a name.
	element() (t reflect.Type, named bool)
}

func (*List[T]) empty() string { return "[]" }
func (*Map[T]) empty() string  { return "{}" }

func (*List[T]) element() (reflect.Type, bool) { return reflect.TypeFor[T](), false }
func (*Map[T]) element() (reflect.Type, bool)  { return reflect.TypeFor[T](), true }

func (l *List[T]) decode(d *Document, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		l.Bad = true
		d.Fail(l.Spot, fmt.Sprintf("wants a list, this is %s", kindOf(n)), "Write [a, b], or one line with - for each")
		l.Items = nil
		return
	}
	l.Items = make([]T, len(n.Content))
	for i, c := range n.Content {
		decodeInto(d, c, Spot{c.Line, c.Column, fmt.Sprintf("%s[%d]", l.Path, i)}, &l.Items[i])
	}
}

func (m *Map[T]) decode(d *Document, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		m.Bad = true
		d.Fail(m.Spot, fmt.Sprintf("wants names with values, this is %s", kindOf(n)), "Write name: value, or {} for none")
		m.Items = nil
		return
	}
	pairs := d.pairs(n, m.Spot)
	m.Items = make([]Entry[T], len(pairs))
	for i, p := range pairs {
		m.Items[i].Name, m.Items[i].Spot = p.name, p.Spot
		decodeInto(d, p.value, p.Spot, &m.Items[i].Value)
	}
}

func decodeInto[T any](d *Document, n *yaml.Node, s Spot, v *T) {
	setDefaults(v)
	d.value(n, s, reflect.ValueOf(v).Elem())
}
