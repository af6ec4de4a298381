package plan

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
)

// reference is a second opinion: regular expressions, and the sentences of
// design §1.3 one after the other.
type reference struct {
	rules []Rule
	match []*regexp.Regexp
}

func newReference(rules []Rule) *reference {
	ref := &reference{rules: rules}
	for _, r := range rules {
		expr := "(?s)^"
		for _, v := range []string{r.Domain, r.App, r.Stream} {
			if v == "" {
				v = "*"
			}
			expr += strings.ReplaceAll(regexp.QuoteMeta(v), `\*`, "[^\x00]*") + "\x00"
		}
		ref.match = append(ref.match, regexp.MustCompile(expr+"$"))
	}
	return ref
}

func (ref *reference) find(s Stream) *Rule {
	var best *Rule
	for i := range ref.rules {
		if !ref.match[i].MatchString(s.Domain + "\x00" + s.App + "\x00" + s.Name + "\x00") {
			continue
		}
		if best == nil || ref.before(&ref.rules[i], best) {
			best = &ref.rules[i]
		}
	}
	return best
}

func (ref *reference) before(a, b *Rule) bool {
	named := func(r *Rule) string {
		out := ""
		for _, v := range []string{r.Domain, r.App, r.Stream} {
			if v != "" {
				out += "1"
			} else {
				out += "0"
			}
		}
		return out
	}
	if x, y := named(a), named(b); x != y {
		order := "111 101 110 100 011 001 010 000"
		return strings.Index(order, x) < strings.Index(order, y)
	}
	for _, f := range [][2]string{{a.Domain, b.Domain}, {a.Stream, b.Stream}, {a.App, b.App}} {
		x, y := strings.Contains(f[0], "*"), strings.Contains(f[1], "*")
		if x != y {
			return y
		}
		n := len([]rune(strings.ReplaceAll(f[0], "*", ""))) - len([]rune(strings.ReplaceAll(f[1], "*", "")))
		if n != 0 {
			return n > 0
		}
	}
	return a.Source < b.Source
}

func TestMatchEqualsReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(values ...string) string { return values[rnd.IntN(len(values))] }
	value := func() string {
		n := rnd.IntN(4)
		if n == 0 {
			return ""
		}
		out := ""
		for range n {
			out += pick("a", "b", "/", "ü", "*", "a", "b")
		}
		return out
	}
	matched := 0
	for range 400 {
		c, api := testConfig(), Dynamic{}
		seen := map[Stream]bool{}
		var all []Rule
		for i := range rnd.IntN(40) {
			r := Rule{ID: int64(i + 1), Domain: strings.ReplaceAll(value(), "/", "."), App: value(), Stream: value(), TemplateID: TemplateID("all")}
			if k := (Stream{r.Domain, r.App, r.Stream}); seen[k] {
				continue
			} else {
				seen[k] = true
			}
			if r.Source = Source(rnd.IntN(2)); r.Source == API {
				api.Rules = append(api.Rules, r)
			} else {
				r.Line = i + 1
				c.Rules = append(c.Rules, config.Rule{Domain: r.Domain, App: r.App, Stream: r.Stream, Template: "all", Line: r.Line})
			}
			all = append(all, r)
		}
		table, shadows := Compile(c, api)
		require.Empty(t, shadows)
		ref := newReference(all)
		for range 100 {
			s := Stream{strings.NewReplacer("/", ".", "*", "").Replace(value()), value(), value()}
			want := ref.find(s)
			got, ok := table.Match(s)
			require.Equal(t, want != nil, ok, "%q", s)
			won := 0
			for _, v := range table.Explain(s) {
				if v.Won {
					require.Equal(t, got.Rule, v.Rule)
					won++
				}
			}
			if want == nil {
				require.Zero(t, won)
				continue
			}
			matched++
			require.Equal(t, 1, won)
			require.Equal(t, triple(*want), triple(got.Rule), "%q", s)
			require.Equal(t, want.Source, got.Rule.Source)
		}
	}
	require.Greater(t, matched, 10000)
}
