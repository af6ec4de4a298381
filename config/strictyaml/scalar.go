package strictyaml

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Form is how a kind of scalar is written. Its methods are called on the zero
// value of the form.
type Form[T any] interface {
	// Noun names the kind with its article, such as "a duration".
	Noun() string
	// Empty is how the zero value is written, such as 0s.
	Empty() string
	// Parse reads the text, in which ${NAME} was replaced. If it cannot, message
	// says what the value is not ("is not a duration"; the value is put in front
	// of it), and remedy what to write.
	Parse(text string) (v T, message, remedy string)
}

// Unquoted is implemented by a Form whose values lose their type in quotes, as
// numbers do; it makes quotes a problem.
type Unquoted interface{ Unquoted() }

// Scalar is one value of a Form.
type Scalar[T any, F Form[T]] struct {
	Origin
	Value T
}

// The scalars of this package. Another one is made by a Form of one's own.
type (
	// Text is any text on one line. Numbers, truth values and dates are taken as
	// they are written.
	Text = Scalar[string, TextForm]
	// Secret is a text that no message shows.
	Secret = Scalar[string, SecretForm]
	// Number is a whole number from 0 to math.MaxInt32.
	Number = Scalar[int, NumberForm]
	// Flag is true or false.
	Flag = Scalar[bool, FlagForm]
	// Duration is written 90s, 30m, 1h30m, 1d; see ParseDuration.
	Duration = Scalar[time.Duration, DurationForm]
	// Size is a number of bytes, written 1024, 5MB, 20GB; see ParseSize.
	Size = Scalar[int64, SizeForm]
)

// The forms of the scalars of this package.
type (
	// TextForm is the form of Text.
	TextForm struct{}
	// SecretForm is the form of Secret.
	SecretForm struct{}
	// NumberForm is the form of Number.
	NumberForm struct{}
	// FlagForm is the form of Flag.
	FlagForm struct{}
	// DurationForm is the form of Duration.
	DurationForm struct{}
	// SizeForm is the form of Size.
	SizeForm struct{}
)

// Noun implements Form.
func (TextForm) Noun() string { return "a text" }

// Empty implements Form.
func (TextForm) Empty() string { return `""` }

// Parse implements Form.
func (TextForm) Parse(s string) (string, string, string) { return s, "", "" }

// Noun implements Form.
func (SecretForm) Noun() string { return "a text" }

// Empty implements Form.
func (SecretForm) Empty() string { return `""` }

// Parse implements Form.
func (SecretForm) Parse(s string) (string, string, string) { return s, "", "" }

// isSecret marks the form whose values are never shown.
func (SecretForm) isSecret() {}

// Noun implements Form.
func (NumberForm) Noun() string { return "a number" }

// Empty implements Form.
func (NumberForm) Empty() string { return "0" }

// Unquoted implements Unquoted.
func (NumberForm) Unquoted() {}

var plainInteger = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

// Parse implements Form.
func (NumberForm) Parse(s string) (v int, message, remedy string) {
	n, err := strconv.ParseInt(s, 10, 32)
	switch {
	case !plainInteger.MatchString(s):
		return 0, "is not a whole number from 0 up", "Write it in decimal digits without a leading zero, such as 50"
	case err != nil:
		return 0, "is too large", fmt.Sprintf("The largest number is %d", math.MaxInt32)
	}
	return int(n), "", ""
}

// Noun implements Form.
func (FlagForm) Noun() string { return "true or false" }

// Empty implements Form.
func (FlagForm) Empty() string { return "false" }

// Unquoted implements Unquoted.
func (FlagForm) Unquoted() {}

// Parse implements Form.
func (FlagForm) Parse(s string) (v bool, message, remedy string) {
	if s != "true" && s != "false" {
		return false, "is neither true nor false", "Write true or false"
	}
	return s == "true", "", ""
}

// Noun implements Form.
func (DurationForm) Noun() string { return "a duration" }

// Empty implements Form.
func (DurationForm) Empty() string { return "0s" }

// Parse implements Form.
func (DurationForm) Parse(s string) (v time.Duration, message, remedy string) {
	v, remedy = ParseDuration(s)
	if remedy != "" {
		message = "is not a duration"
	}
	return v, message, remedy
}

// Noun implements Form.
func (SizeForm) Noun() string { return "a size" }

// Empty implements Form.
func (SizeForm) Empty() string { return "0" }

// Parse implements Form.
func (SizeForm) Parse(s string) (v int64, message, remedy string) {
	v, remedy = ParseSize(s)
	if remedy != "" {
		message = "is not a size"
	}
	return v, message, remedy
}

func (x *Scalar[T, F]) empty() string {
	var f F
	return f.Empty()
}

func (x *Scalar[T, F]) decode(d *Document, n *yaml.Node) {
	var f F
	_, x.secret = any(f).(interface{ isSecret() })
	s := d.scalar(n, &x.Origin, f.Noun())
	if x.Bad {
		return
	}
	if _, unquoted := any(f).(Unquoted); unquoted && !x.Env && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		x.Bad = true
		d.Fail(x.Spot, "wants "+f.Noun()+", this is a text", "Remove the quotes")
		return
	}
	v, message, remedy := f.Parse(s)
	if message != "" {
		x.Bad = true
		d.Fail(x.Spot, x.Shown()+" "+message, remedy)
		return
	}
	x.Value = v
}

// Shown returns the value as a message may show it: as it was written, with the
// names of variables in place of their values.
func (o *Origin) Shown() string {
	s := strconv.Quote(o.Raw)
	if len(s) > 100 || o.secret {
		s = "the value"
	}
	if o.Env {
		s += " (from the environment)"
	}
	return s
}

// scalar returns the text of n with ${NAME} replaced. want names what the
// value should be. It marks o as bad if there is no such text.
func (d *Document) scalar(n *yaml.Node, o *Origin, want string) string {
	if n.Kind != yaml.ScalarNode {
		o.Bad = true
		remedy := "Write one value after the colon"
		if n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) > 1 && n.Content[1].Tag == "!!null" {
			remedy = "YAML takes { for the start of a mapping: put the value in quotes" // {Word}
		}
		s := o.Spot
		if n.Style&yaml.FlowStyle != 0 {
			s.Line, s.Column = n.Line, n.Column
		}
		d.Fail(s, fmt.Sprintf("wants %s, this is %s", want, kindOf(n)), remedy)
		return ""
	}
	o.Raw = n.Value
	s, ok := d.expand(n.Value, o)
	if !ok {
		o.Bad = true
		return ""
	}
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		o.Bad = true
		d.Fail(o.Spot, "holds a line break or another control character",
			"Write it on one line, in plain or single-quoted style; an environment variable must hold none either")
		return ""
	}
	return s
}

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces each ${NAME} of s once. It reports what is unset, by name.
func (d *Document) expand(s string, o *Origin) (string, bool) {
	if d.options.Env == nil {
		return s, true
	}
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
			d.Fail(o.Spot, "holds ${ without the name of a variable and }", "Write ${NAME}, with letters, digits and _")
			return "", false
		}
		v, set := d.options.Env(m[1])
		if !set {
			d.Fail(o.Spot, fmt.Sprintf("the environment variable %s is not set", m[1]),
				fmt.Sprintf("Set %s for the server, for instance export %s=…, or write the value here", m[1], m[1]))
			ok = false
		}
		o.Env = true
		b.WriteString(v)
		s = s[len(m[0]):]
	}
}
