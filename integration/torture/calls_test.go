package torture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/integration/faultfs"
	"github.com/live-recording/liverecord/integration/lab"
)

// callOps says which operations of the matrix a call in the source is. Nil: it does
// not reach the disk, or is another call of this list.
var callOps = map[string][]faultfs.Op{
	"Seek": nil, // for the next data or hole: the kernel answers from what it knows of the file
	"Open": {faultfs.Lookup, faultfs.Open, faultfs.Opendir}, "OpenFile": {faultfs.Open, faultfs.Create}, "OpenRoot": {faultfs.Lookup},
	"Create": {faultfs.Create}, "CreateTemp": {faultfs.Create}, "Mkdir": {faultfs.Mkdir}, "MkdirAll": {faultfs.Mkdir}, "MkdirTemp": {faultfs.Mkdir},
	"ReadDir": {faultfs.Readdir}, "Readdirnames": {faultfs.Readdir}, "WalkDir": {faultfs.Readdir}, "ReadFile": {faultfs.Read}, "WriteFile": {faultfs.Create, faultfs.Write},
	"Stat": {faultfs.Getattr}, "Lstat": {faultfs.Lookup}, "Remove": {faultfs.Unlink}, "RemoveAll": {faultfs.Unlink},
	"Rename": {faultfs.Rename}, "Link": {faultfs.Link}, "Truncate": {faultfs.Truncate},
	"Read": {faultfs.Read}, "ReadAt": {faultfs.Read}, "ReadFull": {faultfs.Read}, "Copy": {faultfs.Read, faultfs.Write}, "CopyBuffer": {faultfs.Read, faultfs.Write},
	"Write": {faultfs.Write}, "WriteAt": {faultfs.Write}, "WriteString": {faultfs.Write}, "Pwritev": {faultfs.Write},
	"Sync": {faultfs.Fsync, faultfs.Fsyncdir}, "Fdatasync": {faultfs.Fsync}, "Syncfs": nil, // of powercut: FUSE does not see it
	"Fallocate": {faultfs.Punch}, "Fstatfs": {faultfs.Statfs}, "Statfs": {faultfs.Statfs}, "Close": {faultfs.Flush},
	"Flock": nil, "FcntlFlock": nil, // the kernel does it
}

// diskCalls lists the calls in a package by which a disk can be reached: those of
// package unix and syscall, and those of os and io that this list has.
func diskCalls(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(lab.Root(t), dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_other.go") || strings.Contains(name, "windows") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(fset, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg := ""
			if id, ok := sel.X.(*ast.Ident); ok {
				pkg = id.Name
			}
			if _, known := callOps[sel.Sel.Name]; known || pkg == "unix" || pkg == "syscall" {
				found[sel.Sel.Name] = fset.Position(call.Pos()).String()
			}
			return true
		})
	}
	return found
}

// notDisk are calls of unix and syscall that no disk can fail.
var notDisk = map[string]bool{"Getpid": true, "Errno": true, "Uname": true, "Getuid": true, "Geteuid": true, "Fadvise": true}

// The matrix is complete: each call in the source by which the spool, the local
// store or the state reach a disk is an operation that the file system of the
// matrix can fail. (SQLite's own calls are seen by the traced run.)
func TestMatrixIsComplete(t *testing.T) {
	have := map[faultfs.Op]bool{}
	for _, op := range faultfs.Ops() {
		have[op] = true
	}
	for _, dir := range []string{"internal/spool", "internal/store/local", "internal/state"} {
		for name, where := range diskCalls(t, dir) {
			ops, known := callOps[name]
			if !known && !notDisk[name] {
				t.Errorf("%s: %s is not known to the matrix: add it to callOps", where, name)
			}
			for _, op := range ops {
				if !have[op] {
					t.Errorf("%s: %s is no operation of faultfs", where, op)
				}
			}
		}
	}
}
