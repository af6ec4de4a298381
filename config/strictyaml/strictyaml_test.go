package strictyaml

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// The schema of the tests: a made-up server, to show that the package knows
// nothing of recording.
type server struct {
	Origin
	Name    Text         `yaml:"name"`
	Workers Number       `yaml:"workers"`
	Debug   Flag         `yaml:"debug"`
	Timeout Duration     `yaml:"timeout"`
	Cache   Size         `yaml:"cache"`
	Token   Secret       `yaml:"token"`
	Color   color        `yaml:"color"`
	Level   level        `yaml:"level"`
	Hosts   List[Text]   `yaml:"hosts"`
	Tokens  List[Secret] `yaml:"tokens"`
	Labels  Map[Text]    `yaml:"labels"`
	Routes  List[route]  `yaml:"routes"`
	Pools   Map[pool]    `yaml:"pools"`
	TLS     *tls         `yaml:"tls"`
	Ignored int
}

func (s *server) Defaults() { s.Name.Value, s.Timeout.Value = "main", time.Minute }

type route struct {
	Origin
	common `yaml:",inline"`
	To     Text `yaml:"to"`
}

func (r *route) Defaults() { r.Weight.Value = 1 }

type common struct {
	From   Text   `yaml:"from"`
	Weight Number `yaml:"weight"`
}

type pool struct {
	Origin
	Size Number `yaml:"size"`
}

type tls struct {
	Origin
	Cert Text `yaml:"cert"`
}

func (t *tls) Defaults() { t.Cert.Value = "cert.pem" }

// color is a form of the caller's own.
type (
	color     = Scalar[[3]uint8, colorForm]
	colorForm struct{}
	level     = Scalar[int, levelForm]
	levelForm struct{ NumberForm }
)

func (levelForm) Noun() string { return "a level" }

func (colorForm) Noun() string  { return "a color" }
func (colorForm) Empty() string { return "'#000000'" }

func (colorForm) Parse(s string) (c [3]uint8, message, remedy string) {
	if n, err := fmt.Sscanf(s, "#%02x%02x%02x", &c[0], &c[1], &c[2]); n != 3 || err != nil {
		return c, "is not a color", "Write '#rrggbb'"
	}
	return c, "", ""
}

var variables = map[string]string{"NAME": "web", "TOKEN": "hunter2-hunter2", "NESTED": "${NAME}", "SEVEN": "7", "LINES": "a\nb"}

func options() Options {
	return Options{File: "s.yml", Env: func(n string) (string, bool) { v, ok := variables[n]; return v, ok }}
}

func decode(text string) (server, *Document, bool) {
	var s server
	d, ok := Decode([]byte(text), &s, options())
	return s, d, ok
}

func good(t *testing.T, text string) server {
	t.Helper()
	s, d, ok := decode(text)
	if ps := d.Problems(); !ok || len(ps) > 0 {
		t.Fatalf("%s\n%v", text, ps)
	}
	return s
}

func TestValues(t *testing.T) {
	s := good(t, `
name: 007
workers: ${SEVEN}
debug: true
timeout: 1h30m
cache: 5MB
token: ${TOKEN}
color: '#ff8000'
level: 3
hosts: [yes, 1e5, 2024-01-01, "a b"]
tokens: [a, b]
labels: {b: 1, a: "${NESTED}"}
routes:
- {from: x, to: y}
- weight: 5
pools:
  small: {size: 1}
  big: {size: 100}
tls: {}
`[1:])
	if s.Name.Value != "007" || s.Workers.Value != 7 || !s.Debug.Value || s.Timeout.Value != 90*time.Minute || s.Cache.Value != 5<<20 ||
		s.Token.Value != "hunter2-hunter2" || s.Color.Value != [3]uint8{255, 128, 0} || s.Level.Value != 3 {
		t.Errorf("scalars: %+v", s)
	}
	var hosts []string
	for _, h := range s.Hosts.Items {
		hosts = append(hosts, h.Value)
	}
	if !slices.Equal(hosts, []string{"yes", "1e5", "2024-01-01", "a b"}) {
		t.Errorf("hosts %q", hosts)
	}
	if l := s.Labels.Items; len(l) != 2 || l[0].Name != "b" || l[0].Value.Value != "1" || l[1].Value.Value != "${NAME}" || l[1].Line != 11 {
		t.Errorf("labels %+v", l)
	}
	if r := s.Routes.Items; len(r) != 2 || r[0].From.Value != "x" || r[0].To.Value != "y" || r[0].Weight.Value != 1 || r[1].Weight.Value != 5 {
		t.Errorf("routes %+v", r)
	}
	if p := s.Pools.Items; len(p) != 2 || p[0].Name != "small" || p[1].Value.Size.Value != 100 {
		t.Errorf("pools %+v", p)
	}
	if s.TLS == nil || s.TLS.Cert.Value != "cert.pem" || s.TLS.Cert.Set || !s.TLS.Set {
		t.Errorf("tls %+v", s.TLS)
	}
	if w := s.Workers; !w.Env || w.Raw != "${SEVEN}" || w.Line != 2 || w.Path != "workers" || w.Shown() != `"${SEVEN}" (from the environment)` {
		t.Errorf("origin %+v", w)
	}
	if o := OriginOf(&s.Name); o.Line != 1 || o.Column != 7 || !o.Set {
		t.Errorf("origin of name %+v", o)
	}
}

func TestDefaults(t *testing.T) {
	s := good(t, "{}")
	if s.Name.Value != "main" || s.Name.Set || s.TLS != nil || s.Timeout.Value != time.Minute {
		t.Errorf("%+v", s)
	}
	for _, text := range []string{"", "# nothing", "\xff", "- a\n  b: c: d\n ]"} {
		s, d, _ := decode(text)
		if s.Name.Value != "main" || len(d.Problems()) == 0 {
			t.Errorf("%q: %+v, %v", text, s.Name, d.Problems())
		}
	}
}

// Without Env, ${NAME} is text.
func TestNoEnvironment(t *testing.T) {
	var s server
	d, ok := Decode([]byte("name: ${NAME}${"), &s, Options{})
	if ps := d.Problems(); !ok || ps != nil || s.Name.Value != "${NAME}${" {
		t.Errorf("%v %q", ps, s.Name.Value)
	}
}

// Each case is a file with exactly the problems listed: "line: path: beginning
// of the message", and a part of the message or remedy after a |.
var cases = map[string]struct {
	text string
	want []string
}{
	"unknown key, near":      {"namee: x", []string{"1: namee: unknown key|name"}},
	"unknown key, case":      {"Name: x", []string{"1: Name: unknown key|Did you mean name?"}},
	"unknown key, far":       {"pools: {a: {zzzzzz: 1}}", []string{"1: pools.a.zzzzzz: unknown key|Known here: size"}},
	"unknown key, elsewhere": {"cert: x", []string{"1: cert: unknown key here|belongs under tls"}},
	"unknown key, inline":    {"tls: {weight: 1}", []string{"1: tls.weight: unknown key here|belongs under routes"}},
	"top key nested":         {"tls: {workers: 1}", []string{"1: tls.workers: unknown key here|left margin"}},
	"field without tag":      {"ignored: 1", []string{"1: ignored: unknown key|"}},
	"no space in flow":       {"tls: {cert:x}", []string{"1: tls.cert:x: a space is missing|cert: value"}},
	"twice":                  {"name: a\nname: b", []string{"2: name: is given twice; the first is in line 1|Remove"}},
	"name twice":             {"labels: {a: b, a: c}", []string{"1: labels.a: is given twice|"}},
	"merge key":              {"tls:\n  <<: {cert: x}", []string{"2: tls: merge keys|"}},
	"anchor":                 {"tls: &x {}", []string{"1: tls: YAML takes a word that begins with &|quotes"}},
	"reference":              {"name: &x a\nhosts: [*x]", []string{"1: name: YAML takes a word|", "2: hosts[0]: YAML takes a value that begins with *|quotes"}},
	"tag":                    {"name: !x a", []string{"1: name: YAML takes a word that begins with !|"}},
	"complex key":            {"? [a]\n: b", []string{"1: : a key must be a plain word|"}},
	"bare struct":            {"tls:", []string{"1: tls: has no value|tls: {}"}},
	"bare values": {"name:\nhosts:\nlabels:\nworkers:\ndebug:\ntimeout:\ncache:\ntoken:\ncolor:", []string{`1: name: has no value|""`, "2: hosts: has no value|[]", "3: labels: has no value|{}",
		"4: workers: has no value|0", "5: debug: has no value|false", "6: timeout: has no value|0s", "7: cache: has no value|0", `8: token: has no value|""`, "9: color: has no value|#000000"}},
	"null in a list": {"hosts:\n-", []string{"2: hosts[0]: has no value|after the -"}},

	"list for a text":      {"name: [a]", []string{"1: name: wants a text, this is a list|"}},
	"mapping for a text":   {"name:\n  a: b", []string{"1: name: wants a text, this is a mapping|one value"}},
	"braces for a text":    {"name: {Word}", []string{"1: name: wants a text, this is a mapping|put the value in quotes"}},
	"list for a secret":    {"token: [a]", []string{"1: token: wants a text, this is a list|"}},
	"text for a list":      {"hosts: a", []string{"1: hosts: wants a list, this is a text|[a, b]"}},
	"flag for a mapping":   {"tls: true", []string{"1: tls: wants keys with values, this is true or false|cert"}},
	"number for names":     {"labels: 5", []string{"1: labels: wants names with values, this is a number|"}},
	"root is a list":       {"- a", []string{"1: : wants keys with values, this is a list|name"}},
	"number quoted":        {`workers: "5"`, []string{"1: workers: wants a number, this is a text|quotes"}},
	"own form quoted":      {`level: '5'`, []string{"1: level: wants a level, this is a text|quotes"}},
	"number octal":         {"workers: 010", []string{`1: workers: "010" is not a whole number|leading zero`}},
	"number too large":     {"workers: 2147483648", []string{"1: workers: \"2147483648\" is too large|2147483647"}},
	"flag yes":             {"debug: yes", []string{`1: debug: "yes" is neither true nor false|`}},
	"duration":             {"timeout: 30", []string{`1: timeout: "30" is not a duration|30s or 30m`}},
	"size":                 {"cache: 5gb", []string{`1: cache: "5gb" is not a size|capital`}},
	"own form":             {"color: red", []string{`1: color: "red" is not a color|#rrggbb`}},
	"line break":           {"name: |\n  a\n", []string{"1: name: holds a line break|"}},
	"very long":            {"workers: " + strings.Repeat("a", 200), []string{"1: workers: the value is not a whole number|"}},
	"unset variables":      {"name: ${NOBODY}${NONE}", []string{"1: name: the environment variable NOBODY is not set|export NOBODY", "1: name: the environment variable NONE|"}},
	"bad variable":         {"name: a${}b", []string{"1: name: holds ${ without|"}},
	"control in variable":  {"name: ${LINES}", []string{"1: name: holds a line break|"}},
	"no number in it":      {"workers: ${NAME}", []string{`1: workers: "${NAME}" (from the environment) is not|`}},
	"several, sorted":      {"workers: x\nnamee: y\ndebug: z\n", []string{"1: workers: |", "2: namee: |", "3: debug: |"}},
	"empty":                {"", []string{"1: : the file is empty|{} for the defaults"}},
	"only dashes":          {"---\n", []string{"1: : the file is empty|"}},
	"two documents":        {"name: a\n---\nname: b", []string{"2: : a second document|---"}},
	"not UTF-8":            {"a: b\nname: \xff\xfe", []string{"2: : the file is not UTF-8|"}},
	"NUL":                  {"name: \x00", []string{"1: : holds the character U+0000|"}},
	"carriage return":      {"name: a\rb", []string{"1: : a carriage return inside|"}},
	"byte order mark":      {"\ufeffnamee: x", []string{"1: namee: |"}},
	"byte order mark deep": {"name: \ufeffx", []string{"1: : holds the character U+FEFF|"}},

	"trap star":            {"hosts:\n- *.x\n- b", []string{"2: hosts[0]: YAML takes a value that begins with *|\"*.x\""}},
	"trap star, flow":      {"name: x\nhosts: [*.x, b]", []string{"2: hosts[0]: YAML takes a value that begins with *|\"*.x\""}},
	"trap in a secret":     {"token: @hunter2", []string{"1: token: YAML does not allow a value to begin with \"@\"|Put the value in quotes"}},
	"trap in secrets":      {"tokens:\n- *hunter2", []string{"2: tokens[0]: YAML takes a value that begins with *|Put the value in quotes"}},
	"trap braces":          {"name: {A}/{B} # c", []string{"1: name: YAML takes {|\"{A}/{B}\""}},
	"trap braces, flow":    {"tls: {cert: {A}/b}", []string{"1: tls.cert: YAML takes {|\"{A}/b\""}},
	"trap inner braces":    {"tls: {cert: a{B}c: d}", []string{"1: tls.cert: inside [ ] or { } YAML takes|"}},
	"trap ampersand":       {"name: & x", []string{"1: name: YAML takes a value that begins with &|"}},
	"trap colon":           {"name: a: b", []string{"1: name: YAML takes the colon|"}},
	"trap tab":             {"tls:\n\tcert: x\nname: a", []string{"2: tls.cert: a tab|spaces"}},
	"trap no space":        {"tls:\n  cert:x\n  more: y", []string{"2: tls.cert: a space is missing after \"cert:\"|cert: value", "3: tls.more: |"}},
	"trap open quote":      {"name: \"abc\nworkers: x", []string{"1: name: a quote is not closed|", "2: workers: |"}},
	"trap, quotes before":  {"hosts: ['it''s', \"a \\\" b\", *.x]", []string{"1: hosts[2]: YAML takes|"}},
	"trap, CRLF":           {"name: *.x\r\nnamee: x\r\n", []string{"1: name: YAML takes|", "2: namee: |"}},
	"trap after a block":   {"name: |\n  *x: {A}/b\ntls:\n  cert: *.y", []string{"1: name: holds a line break|", "4: tls.cert: YAML takes|"}},
	"trap, quoted key":     {"\"name\": *.x", []string{"1: name: YAML takes|"}},
	"syntax: indentation":  {"tls:\n  cert: x\n more: y\nnamee: x", []string{"3: : the indentation|", "4: namee: |"}},
	"syntax: open brace":   {"tls: {cert: x\nname: y\nnamee: x", []string{"1: : a [ or { is not closed|", "3: namee: |"}},
	"syntax: stray word":   {"name: s\nhello\nnamee: x", []string{"2: : |key: value", "3: namee: |"}},
	"syntax: nested value": {"name: s\n  cert: x\nnamee: x", []string{"2: : |", "3: namee: |"}},
	"syntax: too deep":     {"name: " + strings.Repeat("[", 20000), []string{"1: : |"}},
}

func TestProblems(t *testing.T) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, d, _ := decode(c.text)
			ps := d.Problems()
			ok := len(ps) == len(c.want)
			for i := 0; ok && i < len(ps); i++ {
				head, part, _ := strings.Cut(c.want[i], "|")
				got := fmt.Sprintf("%d: %s: %s", ps[i].Line, ps[i].Path, ps[i].Message)
				ok = strings.HasPrefix(got, head) && strings.Contains(ps[i].Remedy+ps[i].Message, part) && ps[i].Remedy != "" && ps[i].File == "s.yml"
			}
			if !ok {
				t.Errorf("%.200s\ngave\n%v\nwant\n%s", c.text, ps, strings.Join(c.want, "\n"))
			}
			if strings.Contains(ps.Error(), "hunter2") {
				t.Errorf("a secret is shown: %v", ps)
			}
		})
	}
}

// A secret is never shown, also where a check of the caller asks for it.
func TestSecretsAreNotShown(t *testing.T) {
	s := good(t, "token: hunter2\ntokens: ['${TOKEN}']")
	for _, v := range []string{s.Token.Shown(), s.Tokens.Items[0].Shown()} {
		if strings.Contains(v, "hunter2") || !strings.HasPrefix(v, "the value") {
			t.Error(v)
		}
	}
}

// A file of references to references is refused in place, without unfolding it.
func TestBillionLaughs(t *testing.T) {
	text := "hosts: &a0 [x, x]\n"
	for i := range 100 {
		text += fmt.Sprintf("k%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	_, d, ok := decode(text)
	if n := len(d.Problems()); !ok || n != 101 {
		t.Errorf("%d problems", n)
	}
}

// However many lines are wrong, a bounded number is left out.
func TestManySyntaxErrors(t *testing.T) {
	text := strings.Repeat("hello\nname: [\n", 500)
	_, d, ok := decode(text)
	if n := len(d.Problems()); ok || n == 0 || n > 3 {
		t.Errorf("%d problems: %v", n, d.Problems())
	}
}

// Files that are made to take time or memory end like any other.
func TestHostileFiles(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": "name: " + strings.Repeat("[{", 5000), "questions": strings.Repeat("? ", 10000), "dashes": strings.Repeat("- ", 10000),
		"keys": strings.Repeat("a: b\n", 20000), "traps": strings.Repeat("name: *.x\n", 10000), "quotes": strings.Repeat("name: 'x\n", 10000),
		"braces": "name: " + strings.Repeat("{a} ", 50000), "long key": strings.Repeat("界", 300000) + ": b",
		"open list": "hosts: [" + strings.Repeat("a,\n", 20000), "two kinds": strings.Repeat("a: b: c\n'\n", 5000),
	} {
		_, d, _ := decode(text)
		ps := d.Problems()
		if len(ps) == 0 || len(ps[0].Error()) > 1000 {
			t.Errorf("%s: %d problems, the first %.100s", name, len(ps), ps)
		}
	}
}

func TestCallersProblems(t *testing.T) {
	s, d, _ := decode("name: a\nworkers: x\nroutes: [{from: a}]\n]")
	d.Missing(&s.Routes.Items[0].Origin, "to", "Write to:") // may be in the line that was left out
	if !d.Incomplete() || len(d.Problems()) != 2 {
		t.Errorf("incomplete: %v", d.Problems())
	}
	s, d, _ = decode("name: a\nroutes: [{from: a}]")
	d.Missing(&s.Routes.Items[0].Origin, "to", "Write to:")
	d.Fail(s.Name.Spot, "is too short", "")
	d.Warn(s.Routes.Spot, "is odd", "Look")
	d.Warn(s.Name.Spot, "is odd", "")
	if got := d.Problems().Error(); got != "s.yml:1:7: name: is too short\ns.yml:2:10: routes[0].to: is missing. Write to:" {
		t.Error(got)
	}
	if w := d.Warnings(); len(w) != 2 || w[1].Labeled("warning: ") != "s.yml:2:1: warning: routes: is odd. Look" {
		t.Error(w)
	}
	s.TLS = &tls{Origin: Origin{Bad: true}}
	d.Missing(&s.TLS.Origin, "cert", "")
	if len(d.Problems()) != 2 {
		t.Error("a bad struct is not said to lack something")
	}
}

func TestSchema(t *testing.T) {
	want := "name workers debug timeout cache token color level hosts tokens labels routes routes.from routes.weight routes.to pools pools.NAME.size tls tls.cert"
	if got := strings.Join(Paths(reflect.TypeFor[server]()), " "); got != want {
		t.Errorf("got %s", got)
	}
	if got := Keys(reflect.TypeFor[route]()); !slices.Equal(got, []string{"from", "weight", "to"}) {
		t.Errorf("got %v", got)
	}
	for word, want := range map[string]string{"intrval": "interval", "inteval": "interval", "INTERVAL": "interval", "splcie": "splice", "x": "", "": "", "intervallengths": ""} {
		if got := Nearest(word, []string{"splice", "interval"}); got != want {
			t.Errorf("%s: %q", word, got)
		}
	}
}

// Whatever is in the file: no panic, an end, and either values or problems.
func FuzzDecode(f *testing.F) {
	for _, c := range cases {
		if len(c.text) < 10000 {
			f.Add(c.text)
		}
	}
	f.Add("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]")
	f.Fuzz(func(t *testing.T, text string) {
		s, d, ok := decode(text)
		ps := d.Problems()
		if !ok && len(ps) == 0 {
			t.Fatal("nothing was decoded, and nothing is wrong")
		}
		for _, p := range ps {
			if p.Message == "" || p.Line < 1 || p.Line > strings.Count(text, "\n")+2 {
				t.Fatalf("%+v", p)
			}
		}
		if len(ps) == 0 && (s.Timeout.Value < 0 || s.Cache.Value < 0 || s.Workers.Value < 0) {
			t.Fatalf("%+v", s)
		}
	})
}
