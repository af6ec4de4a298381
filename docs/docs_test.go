// Package docs holds the tests of the documentation: what it shows is checked
// against the code.
package docs

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/live-recording/liverecord/config"
)

// pages lists README and all pages of docs/.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range append(names, "../README.md") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

var block = regexp.MustCompile("(?s)```ya?ml\n(.*?)```")

// Every YAML block is a recording.yml, or a part of one that the real decoder
// takes when stores and templates that it names exist. mediamtx.yml is told by its
// key liveRecord, and files of other programs by their own keys.
func TestYAMLBlocks(t *testing.T) {
	const support = `
stores: {local: {type: local, dir: d}, cos: {type: cos, bucket: rec-1250000000, region: ap-guangzhou, secretKeyFile: f}}
templates: {everything: {mp4: {}}, mp4: {mp4: {}}, nothing: {}}
`
	n := 0
	for name, text := range pages(t) {
		for _, m := range block.FindAllStringSubmatch(text, -1) {
			own, keys := topLevel(m[1])
			if slices.Contains(keys, "liveRecord") || slices.Contains(keys, "scrape_configs") || slices.Contains(keys, "paths") {
				continue
			}
			n++
			_, more := topLevel(support)
			full := own
			for i, key := range more {
				if !slices.Contains(keys, key) {
					full += strings.Split(strings.TrimSpace(support), "\n")[i] + "\n"
				}
			}
			c, err := config.Parse(name, []byte(full), func(string) (string, bool) { return "x", true })
			var ps config.Problems
			if errors.As(err, &ps) || c == nil {
				t.Errorf("%s: the decoder refuses the block\n%s\n%v", name, m[1], err)
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d blocks were found", n)
	}
}

// topLevel returns a block and its top-level keys; one that begins at a key of a
// template or format is put below a template.
func topLevel(text string) (string, []string) {
	var n yaml.Node
	if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) == 0 || n.Content[0].Kind != yaml.MappingNode {
		return text, nil // the decoder says what is wrong
	}
	var keys []string
	for i := 0; i < len(n.Content[0].Content); i += 2 {
		keys = append(keys, n.Content[0].Content[i].Value)
	}
	return text, keys
}

// message is a constant message of a log line.
type message struct {
	at    string
	level string // Info, Warn, Error, Debug
}

// logged finds the constant messages that the code logs with slog.
func logged(t *testing.T) map[string]message {
	t.Helper()
	all := map[string]message{}
	files := token.NewFileSet()
	visit := func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			note := func(level, text string) {
				all[strings.ReplaceAll(text, "`", "'")] = message{strings.TrimPrefix(files.Position(n.Pos()).String(), "../"), level}
			}
			switch x := n.(type) {
			case *ast.CallExpr:
				if level, text, ok := logCall(x); ok {
					note(level, text)
				}
			case *ast.ValueSpec:
				for _, text := range logTable(x) {
					note("Warn", text)
				}
			}
			return true
		})
		return nil
	}
	for _, root := range []string{"../internal", "../plugin", "../config", "../patches"} {
		if err := filepath.WalkDir(root, visit); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// logCall tells whether a call is X.log.Warn("text", …) or alike.
func logCall(call *ast.CallExpr) (level, text string, ok bool) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 || !isLogger(sel.X) {
		return "", "", false
	}
	level = sel.Sel.Name
	if !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, level) {
		return "", "", false
	}
	text, ok = constant(call.Args[0])
	return level, text, ok
}

// logTable returns the messages of a table of warnings: a variable …Texts, each
// element of which begins with the message.
func logTable(v *ast.ValueSpec) (texts []string) {
	if len(v.Values) != 1 || !strings.HasSuffix(v.Names[0].Name, "Texts") {
		return nil
	}
	table, ok := v.Values[0].(*ast.CompositeLit)
	if !ok {
		return nil
	}
	for _, e := range table.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		if row, ok := e.(*ast.CompositeLit); ok && len(row.Elts) > 0 {
			if text, ok := constant(row.Elts[0]); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

func isLogger(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name == "log" || x.Name == "logger"
	case *ast.SelectorExpr:
		return x.Sel.Name == "log" || x.Sel.Name == "Log"
	case *ast.CallExpr: // log.With(…).Warn(…)
		s, ok := x.Fun.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "With" && isLogger(s.X)
	}
	return false
}

// constant returns the text of a literal, or of literals that are joined.
func constant(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(x.Value)
		return s, err == nil && x.Kind == token.STRING
	case *ast.BinaryExpr:
		a, ok := constant(x.X)
		b, ok2 := constant(x.Y)
		return a + b, ok && ok2 && x.Op == token.ADD
	}
	return "", false
}

var quoted = regexp.MustCompile("`([^`]+)`")

// documented lists the lines of the table "Log lines" of operations.md.
func documented(t *testing.T) []string {
	t.Helper()
	_, section, ok := strings.Cut(pages(t)["operations.md"], "\n## Log lines")
	if !ok {
		t.Fatal("operations.md has no section Log lines")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var all []string
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			all = append(all, m[1])
		}
	}
	return all
}

// Every warning and error is in the table of operations.md, and every line of the
// table is in the code.
func TestLogLines(t *testing.T) {
	code, table := logged(t), documented(t)
	var missing, stale []string
	for text, m := range code {
		if (m.level == "Warn" || m.level == "Error") && !slices.Contains(table, text) {
			missing = append(missing, "| `"+text+"` | | | <!-- "+m.at+" -->")
		}
	}
	for _, text := range table {
		if _, ok := code[text]; !ok {
			stale = append(stale, "`"+text+"`")
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("add these rows to the table of docs/operations.md, with what they mean and what to do:\n%s", strings.Join(missing, "\n"))
	}
	if len(stale) > 0 {
		t.Errorf("no code logs these lines of docs/operations.md; remove or correct them:\n%s", strings.Join(stale, "\n"))
	}
	if len(code) < 50 {
		t.Errorf("only %d messages were found in the code", len(code))
	}
}

// Words that an engineer who reads English as a second language stumbles over,
// with what to write instead.
var archaic = map[string]string{
	`\banew\b`: "again", `\bmend(ed|s|ing)?\b`: "fix", `\bgo(es|ne|ing)? on with\b`: "continue", `\bneeds not\b`: "does not have to",
	`\bneither of both\b`: "neither", `\bthe house\b`: "the recorder", `\bnobody wanted it\b`: "no endpoint is subscribed",
	`\bwhat is recorded says this file\b`: "this file says what is recorded", `\bstands? in\b`: "is in", `\bstands? there\b`: "is there",
	`\bmay stand\b`: "may be", `\bit were\b`: "it would be", `\bin the stead\b`: "instead", `\bwhence\b`: "from where", `\bhitherto\b`: "until now",
}

func checkWords(t *testing.T, at, text string) {
	t.Helper()
	for word, better := range archaic {
		if m := regexp.MustCompile(`(?i)` + word).FindString(text); m != "" {
			t.Errorf("%s: %q: write %q\n\t%.160s", at, m, better, strings.TrimSpace(text))
		}
	}
}

// waits lists packages whose texts are rewritten by others now; see the report.
var waits = []string{"../internal/recorder", "../internal/spool", "../internal/store", "../internal/upload", "../internal/timeline", "../internal/state", "../patches", "../plugin"}

// Documentation and texts of the program are in plain technical English.
func TestWords(t *testing.T) {
	for name, text := range pages(t) {
		for i, line := range strings.Split(text, "\n") {
			if name == "glossary.md" {
				continue // it lists the words to avoid
			}
			// What is in `…` quotes the program; its own texts are checked below.
			checkWords(t, name+":"+strconv.Itoa(i+1), quoted.ReplaceAllString(line, ""))
		}
	}
	files := token.NewFileSet()
	for _, root := range []string{"../internal", "../plugin", "../config"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				slices.ContainsFunc(waits, func(w string) bool { return strings.HasPrefix(path, w+"/") }) {
				return err
			}
			f, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if x, ok := n.(*ast.BasicLit); ok && x.Kind == token.STRING {
					checkWords(t, files.Position(x.Pos()).String(), x.Value)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
