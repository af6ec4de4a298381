package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFixNames(t *testing.T) {
	r, _ := fakeRelease(t)
	overlay := filepath.Join(r.patchDir(), "_overlay", "internal", "servers", "moq", "zz.go")
	write(t, overlay, `package moq

import "x/source"

func f(s *session) {
	switch c := s.conn.(type) {
	case *connQUIC:
		use(c.conn.State(), source.Info{})
	}
}
`)
	write(t, filepath.Join(r.treeDir(), "internal", "protocols", "moq", "conn.go"), "package moq\n\ntype ConnQUIC struct{}\n")
	done, err := r.fixNames([]byte("# pkg\ninternal/servers/moq/zz.go:7:8: undefined: connQUIC\n" +
		"internal/servers/moq/session.go:1:1: undefined: connQUIC\n" +
		"internal/servers/moq/zz.go:8:7: undefined: nothing\n"))
	if err != nil || len(done) != 1 || !strings.Contains(done[0], "connQUIC is now moq.ConnQUIC") {
		t.Fatalf("%q, %v", done, err)
	}
	done, err = r.fixNames([]byte("internal/servers/moq/zz.go:12:9: c.conn undefined (type *moq.ConnQUIC has no field or method conn, but does have field Conn)\n"))
	if err != nil || len(done) != 1 {
		t.Fatalf("%q, %v", done, err)
	}
	got, err := os.ReadFile(overlay)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"case *moq.ConnQUIC:", "use(c.Conn.State()", "\t\"github.com/bluenviron/mediamtx/internal/protocols/moq\"\n", "\t\"x/source\"\n"} {
		if !strings.Contains(string(got), want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

func TestTwoTypesOfTheNameAreNotGuessed(t *testing.T) {
	r, _ := fakeRelease(t)
	for _, dir := range []string{"a", "b"} {
		write(t, filepath.Join(r.treeDir(), "internal", dir, "c.go"), "package "+dir+"\n\ntype Conn struct{}\n")
	}
	if _, pkg, err := r.movedType("conn"); pkg != "" || err != nil {
		t.Errorf("%q, %v", pkg, err)
	}
}
