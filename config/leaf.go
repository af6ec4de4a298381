package config

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"
)

// text is any string. Numbers, truth values and dates are taken as they are
// written: `stream: 007` is the stream 007.
type text struct {
	origin
	v string
}

// secret is a text that no message shows.
type secret struct {
	origin
	v string
}

type (
	number struct {
		origin
		v int
	}
	flag struct {
		origin
		v bool
	}
	// duration in YAML is 90s, 30m, 1h30m, 1d; see parseDuration.
	duration struct {
		origin
		v time.Duration
	}
	// size in YAML is 1024, 5MB, 20GB, in bytes; see parseSize.
	size struct {
		origin
		v int64
	}
)

func (*text) nothing() string     { return `""` }
func (*secret) nothing() string   { return `""` }
func (*number) nothing() string   { return "0" }
func (*flag) nothing() string     { return "false" }
func (*duration) nothing() string { return "0s" }
func (*size) nothing() string     { return "0" }

func (t *text) decode(d *decoder, n *yaml.Node) {
	t.v = d.scalar(n, &t.origin, "a text")
}

func (t *secret) decode(d *decoder, n *yaml.Node) {
	t.v = d.scalar(n, &t.origin, "a text")
}

var plainInteger = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

func (x *number) decode(d *decoder, n *yaml.Node) {
	s := d.scalar(n, &x.origin, "a number")
	if x.bad || x.quoted(d, n, "a number") {
		return
	}
	v, err := strconv.ParseInt(s, 10, 32)
	switch {
	case !plainInteger.MatchString(s):
		x.bad = true
		d.fail(x.spot, x.shown()+" is not a whole number from 0 up", "Write it in decimal digits without a leading zero, such as 50")
	case err != nil:
		x.bad = true
		d.fail(x.spot, x.shown()+" is too large", fmt.Sprintf("The largest number is %d", math.MaxInt32))
	default:
		x.v = int(v)
	}
}

func (x *flag) decode(d *decoder, n *yaml.Node) {
	s := d.scalar(n, &x.origin, "true or false")
	if x.bad || x.quoted(d, n, "true or false") {
		return
	}
	switch s {
	case "true", "false":
		x.v = s == "true"
	default:
		x.bad = true
		d.fail(x.spot, x.shown()+" is neither true nor false", "Write true or false")
	}
}

func (x *duration) decode(d *decoder, n *yaml.Node) {
	s := d.scalar(n, &x.origin, "a duration")
	if x.bad {
		return
	}
	v, remedy := parseDuration(s)
	if remedy != "" {
		x.bad = true
		d.fail(x.spot, x.shown()+" is not a duration", remedy)
		return
	}
	x.v = v
}

func (x *size) decode(d *decoder, n *yaml.Node) {
	s := d.scalar(n, &x.origin, "a size")
	if x.bad {
		return
	}
	v, remedy := parseSize(s)
	if remedy != "" {
		x.bad = true
		d.fail(x.spot, x.shown()+" is not a size", remedy)
		return
	}
	x.v = v
}

// shown returns the value as a message may show it: as it was written.
func (o *origin) shown() string {
	s := strconv.Quote(o.raw)
	if len(s) > 100 {
		s = "the value"
	}
	if o.env {
		s += " (from the environment)"
	}
	return s
}

// quoted reports a number or truth value that quotes made a text.
func (o *origin) quoted(d *decoder, n *yaml.Node, want string) bool {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 || o.env {
		return false
	}
	o.bad = true
	d.fail(o.spot, "wants "+want+", this is a text", "Remove the quotes")
	return true
}

var placeholderMapping = regexp.MustCompile(`^(Record|Start|End|Domain|AppName|StreamID|Random)`)

// scalar returns the text of n with ${NAME} replaced. want names what the
// value should be. It marks o as bad if there is no such text.
func (d *decoder) scalar(n *yaml.Node, o *origin, want string) string {
	if n.Kind != yaml.ScalarNode {
		o.bad = true
		remedy := "Write one value after the colon"
		if n.Kind == yaml.MappingNode && len(n.Content) > 0 && placeholderMapping.MatchString(n.Content[0].Value) {
			remedy = "YAML takes { for the start of a mapping: put the value in quotes"
		}
		s := o.spot
		if n.Style&yaml.FlowStyle != 0 {
			s.line, s.col = n.Line, n.Column
		}
		d.fail(s, fmt.Sprintf("wants %s, this is %s", want, kindOf(n)), remedy)
		return ""
	}
	o.raw = n.Value
	s, ok := d.expand(n.Value, o)
	if !ok {
		o.bad = true
		return ""
	}
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		o.bad = true
		d.fail(o.spot, "holds a line break or another control character",
			"Write it on one line, in plain or single-quoted style; an environment variable must hold none either")
		return ""
	}
	return s
}

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces each ${NAME} of s once. It reports what is unset, by name.
func (d *decoder) expand(s string, o *origin) (string, bool) {
	var b strings.Builder
	ok := true
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), ok
		}
		b.WriteString(s[:i])
		s = s[i:]
		m := variable.FindStringSubmatch(s)
		if m == nil {
			d.fail(o.spot, "holds ${ without the name of a variable and }", "Write ${NAME}, with letters, digits and _")
			return "", false
		}
		v, set := d.env(m[1])
		if !set {
			d.fail(o.spot, fmt.Sprintf("the environment variable %s is not set", m[1]),
				fmt.Sprintf("Set %s for the server, for instance export %s=…, or write the value here", m[1], m[1]))
			ok = false
		}
		o.env = true
		b.WriteString(v)
		s = s[len(m[0]):]
	}
}

// container is a leaf that holds structs of the schema.
type container interface {
	// element is the type of what it holds; named tells that each has a name.
	element() (t reflect.Type, named bool)
}
