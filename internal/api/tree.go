package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a parameter tree, whatever its encoding.
const (
	maxDepth = 8    // levels of objects and lists; the deepest action uses 3
	maxNodes = 4096 // values in all
)

// tree is the parameters of a request: object, list, string, json.Number, bool
// or nil, as encoding/json has them.
type (
	object = map[string]any
	list   = []any
)

// parseJSON reads a body. It is one object without duplicate keys; an empty body
// counts as {}.
func parseJSON(body []byte) (object, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return object{}, nil
	}
	if !utf8.Valid(body) {
		return nil, Errorf(codeInvalidRequest, "The body is not UTF-8.")
	}
	d := &jsonReader{dec: json.NewDecoder(bytes.NewReader(body))}
	d.dec.UseNumber()
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if _, err := d.dec.Token(); !ok || !errors.Is(err, io.EOF) {
		return nil, Errorf(codeInvalidRequest, "The body must be one JSON object.")
	}
	return o, nil
}

// jsonReader builds a tree from tokens, since encoding/json lets duplicate keys
// pass and has no limits that fit here.
type jsonReader struct {
	dec   *json.Decoder
	nodes int
}

func (d *jsonReader) token() (json.Token, error) {
	t, err := d.dec.Token()
	if err != nil {
		return nil, Errorf(codeInvalidRequest, "The body is not valid JSON.")
	}
	return t, nil
}

func (d *jsonReader) value(depth int) (any, error) {
	t, err := d.token()
	if err != nil {
		return nil, err
	}
	if d.nodes++; d.nodes > maxNodes || depth > maxDepth {
		return nil, Errorf(codeInvalidRequest, "The body holds too many values or is nested too deeply.")
	}
	switch t {
	case json.Delim('{'):
		return d.object(depth)
	case json.Delim('['):
		out := list{}
		for d.dec.More() {
			v, err := d.value(depth + 1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err := d.token()
		return out, err
	}
	return t, nil
}

func (d *jsonReader) object(depth int) (any, error) {
	out := object{}
	for d.dec.More() {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string) // a key is nothing else
		if _, dup := out[key]; dup {
			return nil, Errorf(codeInvalidRequest, "The body holds the key %q twice.", clip(key))
		}
		if out[key], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := d.token()
	return out, err
}

// parseForm builds a tree from flat parameters: "FlvParam.Enable" is a field of
// an object, "RecordExceptionLevels.0" an element of a list.
func parseForm(params map[string]string) (object, error) {
	if len(params) > maxNodes {
		return nil, Errorf(codeInvalidRequest, "There are too many parameters.")
	}
	root := object{}
	for name, value := range params {
		parts := strings.Split(name, ".")
		if len(parts) > maxDepth || strings.Contains("."+name+".", "..") {
			return nil, Errorf(codeUnknown, "The parameter %q is not defined.", clip(name))
		}
		at := root
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(object)
			if _, taken := at[p]; taken && !ok {
				return nil, clash(name)
			}
			if !ok {
				next = object{}
				at[p] = next
			}
			at = next
		}
		last := parts[len(parts)-1]
		if _, taken := at[last]; taken {
			return nil, clash(name)
		}
		at[last] = value
	}
	return root, nil
}

func clash(name string) error {
	return Errorf(codeInvalid, "The parameter %q is a value as well as an object.", clip(name))
}

// asList returns a list, also one that came as a form ("0", "1", … without gaps).
func asList(v any) (list, bool) {
	switch v := v.(type) {
	case list:
		return v, true
	case object:
		out := make(list, 0, len(v))
		for i := range len(v) {
			e, ok := v[strconv.Itoa(i)]
			if !ok {
				return nil, false
			}
			out = append(out, e)
		}
		return out, true
	}
	return nil, false
}

// clip shortens what a caller wrote, for messages.
func clip(s string) string {
	if len(s) <= 100 {
		return s
	}
	return strings.ToValidUTF8(s[:100], "") + "…"
}
