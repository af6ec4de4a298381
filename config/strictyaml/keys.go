package strictyaml

import (
	"fmt"
	"reflect"
	"strings"
)

// tagOf returns the key of a struct field, and whether the keys of the field
// count as those of the struct around it.
func tagOf(f reflect.StructField) (name string, inline bool) {
	name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name, option == "inline"
}

// fieldOf returns the field of v with that key.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		name, inline := tagOf(v.Type().Field(i))
		if inline {
			if f, ok := fieldOf(v.Field(i), key); ok {
				return f, true
			}
		} else if name == key && name != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// Keys lists the keys of a struct of a schema, in the order of its fields.
func Keys(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline := tagOf(f)
		if inline {
			keys = append(keys, Keys(f.Type)...)
		} else if name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}

// Paths lists every key below the struct t of a schema with its path; NAME is
// a name that the author of the file chooses.
func Paths(t reflect.Type) []string {
	var all []string
	walkSchema(t, "", func(path string, _ reflect.Type) { all = append(all, path) })
	return all
}

// walkSchema calls each for every key below t.
func walkSchema(t reflect.Type, prefix string, each func(path string, t reflect.Type)) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if c, ok := reflect.New(t).Interface().(container); ok {
		e, named := c.element()
		if named {
			prefix += "NAME."
		}
		walkSchema(e, prefix, each)
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline := tagOf(f)
		switch {
		case inline:
			walkSchema(f.Type, prefix, each)
		case name != "":
			each(prefix+name, f.Type)
			walkSchema(f.Type, prefix+name+".", each)
		}
	}
}

// secretKeys lists the last words of all keys that hold secrets.
func secretKeys(schema reflect.Type) map[string]bool {
	all := map[string]bool{}
	walkSchema(schema, "", func(path string, t reflect.Type) {
		if c, ok := reflect.New(t).Interface().(container); ok {
			t, _ = c.element()
		}
		if t == reflect.TypeFor[Secret]() {
			all[path[strings.LastIndexByte(path, '.')+1:]] = true
		}
	})
	return all
}

// lastWords lists the last words of all keys.
func lastWords(schema reflect.Type) map[string]bool {
	all := map[string]bool{}
	for _, p := range Paths(schema) {
		all[p[strings.LastIndexByte(p, '.')+1:]] = true
	}
	return all
}

// unknownKey says what is wrong with a key that a struct of type t does not have.
func unknownKey(key string, t, schema reflect.Type) (message, remedy string) {
	known := Keys(t)
	if before, _, ok := strings.Cut(key, ":"); ok && Nearest(before, known) == before {
		return fmt.Sprintf("a space is missing after %q", before+":"), fmt.Sprintf("Write %s: value", before)
	}
	if n := Nearest(key, known); n != "" {
		return "unknown key", fmt.Sprintf("Did you mean %s?", n)
	}
	for _, path := range Paths(schema) {
		if i := strings.LastIndexByte(path, '.'); i > 0 && path[i+1:] == key {
			return "unknown key here", fmt.Sprintf("%s belongs under %s", key, path[:i])
		} else if i < 0 && path == key {
			return "unknown key here", fmt.Sprintf("%s belongs at the left margin", key)
		}
	}
	return "unknown key", "Known here: " + strings.Join(known, ", ")
}

// Nearest returns the candidate that word was probably meant to be, or "".
func Nearest(word string, candidates []string) string {
	best, limit := "", min(2, len(word)/3)+1
	for _, c := range candidates {
		n := distance(strings.ToLower(word), strings.ToLower(c))
		if n < limit {
			best, limit = c, n
		}
	}
	return best
}

// distance is the number of single-character edits, a swap of neighbours being
// one, between a and b (restricted Damerau-Levenshtein). Words whose lengths
// differ by more than three are simply far apart.
func distance(a, b string) int {
	if len(a)-len(b) > 3 || len(b)-len(a) > 3 {
		return 100
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			n := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, rows[i-2][j-2]+1)
			}
			rows[i][j] = n
		}
	}
	return rows[len(a)][len(b)]
}
