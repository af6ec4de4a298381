package api

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decode fills the struct that into points to. A field's name is the parameter's
// name. Its type is *string, *bool, *int64, *uint64, []string or a pointer to a
// struct; nil means that the parameter was absent or null. The tag api:"required"
// makes an absent (or empty) one an error.
//
// Whole numbers and booleans may come as strings, as in the original's own
// samples. An undefined parameter is an error.
func decode(params object, into any) error {
	return decodeStruct(params, reflect.ValueOf(into).Elem(), "")
}

func decodeStruct(params object, v reflect.Value, prefix string) error {
	t := v.Type()
	if err := undefined(params, t, prefix); err != nil {
		return err
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + f.Name
		p, ok := params[f.Name]
		required := f.Tag.Get("api") == "required"
		if !ok || p == nil || p == "" && (required || f.Type != reflect.TypeFor[*string]()) {
			if required {
				return Errorf(codeMissing, "The parameter %s is missing.", name)
			}
			continue
		}
		if err := decodeValue(p, v.Field(i), name); err != nil {
			return err
		}
	}
	return nil
}

// undefined reports the first (by name) parameter that t doesn't have.
func undefined(params object, t reflect.Type, prefix string) error {
	var names []string
	for name := range params {
		if _, ok := t.FieldByName(name); !ok {
			names = append(names, prefix+name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return Errorf(codeUnknown, "The parameter %q is not defined.", clip(slices.Min(names)))
}

func decodeValue(p any, v reflect.Value, name string) error {
	bad := func(want string) error { return Errorf(codeInvalid, "The parameter %s must be %s.", name, want) }
	if v.Kind() == reflect.Slice {
		return decodeStrings(p, v, name)
	}
	n := reflect.New(v.Type().Elem())
	e := n.Elem()
	switch e.Kind() {
	case reflect.String:
		s, ok := p.(string)
		if !ok || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return bad("a string")
		}
		e.SetString(s)
	case reflect.Bool:
		b, ok := boolean(p)
		if !ok {
			return bad("true or false")
		}
		e.SetBool(b)
	case reflect.Int64:
		i, err := strconv.ParseInt(number(p), 10, 64)
		if err != nil {
			return bad("a whole number")
		}
		e.SetInt(i)
	case reflect.Uint64: // all of them are kept as int64
		i, err := strconv.ParseUint(number(p), 10, 64)
		if err != nil || i > math.MaxInt64 {
			return bad("a whole number, not negative")
		}
		e.SetUint(i)
	case reflect.Struct:
		o, ok := p.(object)
		if !ok {
			return bad("an object")
		}
		if err := decodeStruct(o, e, name+"."); err != nil {
			return err
		}
	}
	v.Set(n)
	return nil
}

func decodeStrings(p any, v reflect.Value, name string) error {
	l, ok := asList(p)
	if !ok {
		return Errorf(codeInvalid, "The parameter %s must be a list of strings.", name)
	}
	out := make([]string, 0, len(l))
	for _, x := range l {
		s, ok := x.(string)
		if !ok || !utf8.ValidString(s) {
			return Errorf(codeInvalid, "The parameter %s must be a list of strings.", name)
		}
		out = append(out, s)
	}
	v.Set(reflect.ValueOf(out))
	return nil
}

func boolean(p any) (value, ok bool) {
	switch p {
	case true, "true", "True", "TRUE", "1", json.Number("1"):
		return true, true
	case false, "false", "False", "FALSE", "0", json.Number("0"):
		return false, true
	}
	return false, false
}

// number returns the digits of a number, also if it came as a string.
func number(p any) string {
	switch p := p.(type) {
	case json.Number:
		return p.String()
	case string:
		return p
	}
	return ""
}

// value returns what a parameter was, or fallback if it was absent.
func value[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
