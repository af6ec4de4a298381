package main

import (
	"errors"
	"strings"
	"testing"
)

const oldFile = `package core

type path struct {
	name string
	last int
}

func (pa *path) other() {
	if err != nil {
		return
	}
}

func (pa *path) setOffline() {
	if pa.hook == nil {
		return
	}

	a()

	b()
}

func (c *conn) read() {
	err = r.Setup()
	if err != nil {
		return
	}
	err = r.Read()
	if err != nil {
		return
	}
}
`

// after returns the number of the line that holds text.
func after(t *testing.T, file, text string) int {
	t.Helper()
	for i, line := range strings.Split(file, "\n") {
		if strings.Contains(line, text) {
			return i + 1
		}
	}
	t.Fatalf("no line %q", text)
	return 0
}

func TestPlace(t *testing.T) {
	replace := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(oldFile) }
	for name, c := range map[string]struct {
		gap   int
		lines []string
		cur   string
		want  string // the line before it in cur
		note  bool
	}{
		"unchanged":                   {after(t, oldFile, "setOffline"), []string{"x()", ""}, oldFile, "setOffline", false},
		"moved down":                  {after(t, oldFile, "setOffline"), []string{"x()", ""}, "// more\n\n" + oldFile, "setOffline", false},
		"top of a function that grew": {after(t, oldFile, "setOffline"), []string{"x()", ""}, replace("setOffline() {\n", "setOffline() {\n\tnew()\n\n"), "setOffline", true},
		"before a statement": {
			after(t, oldFile, "a()") + 1, []string{"x()", ""},
			replace("\ta()\n", "\ta(1)\n\n\tnew()\n"), "new()", true,
		},
		"end of a struct, aligned anew": {
			after(t, oldFile, "last int"), []string{"x int"}, replace("last int", "last     int", "name string", "name     string"), "last     int", false,
		},
		"end of a struct whose last field changed": {
			after(t, oldFile, "last int"), []string{"x int"}, replace("last int", "last Int"), "last Int", true,
		},
		"a line that is not unique": {
			after(t, oldFile, "r.Read()") + 1, []string{"x()"}, replace("err = r.Setup()", "err = r.Setup(1)"), "if err != nil {", false,
		},
	} {
		p, err := place("f.go", strings.Split(oldFile, "\n"), strings.Split(c.cur, "\n"), insertion{c.gap, c.lines})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		cur := strings.Split(c.cur, "\n")
		if at := p.After; at == 0 || !strings.Contains(cur[at-1]+cur[max(0, at-2)], c.want) || (p.Note != "") != c.note {
			t.Errorf("%s: after line %d (%q), note %q", name, p.After, cur[max(0, p.After-1)], p.Note)
		}
	}
}

func TestPlaceIsAmbiguous(t *testing.T) {
	gap := after(t, oldFile, "setOffline")
	for name, cur := range map[string]string{
		"twice": func() string {
			_, body, _ := strings.Cut(oldFile, "func (pa *path) setOffline() {")
			body = "func (pa *path) setOffline() {" + body
			body = strings.ReplaceAll(body, "setOffline() {", "setAway() {\n\tz()\n")
			return "package core\n\n" + body + body
		}(),
		"nowhere": "package core\n",
	} {
		_, err := place("f.go", strings.Split(oldFile, "\n"), strings.Split(cur, "\n"), insertion{gap, []string{"ours()", ""}})
		var a *ambiguous
		if !errors.As(err, &a) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, want := range []string{"f.go", "setOffline of *path", "  + ours()", "if pa.hook == nil {"} {
			if !strings.Contains(a.Error(), want) {
				t.Errorf("%s: the message lacks %q:\n%v", name, want, a)
			}
		}
	}
}
