package plan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
)

// testConfig has the templates all and nothing, and rules written "domain app stream".
func testConfig(rules ...string) *config.Config {
	c := &config.Config{
		DefaultStore: "local",
		Templates: []config.Template{
			{Name: "all", Formats: []config.Format{{Name: config.MP4, Store: "local", Path: "x"}}},
			{Name: "nothing"},
		},
	}
	for i, r := range rules {
		c.Rules = append(c.Rules, config.Rule{
			Domain: field(r, 0), App: field(r, 1), Stream: field(r, 2), Template: "all", Line: i + 1,
		})
	}
	return c
}

func field(triple string, i int) string {
	return strings.TrimPrefix(strings.Fields(triple)[i], "-")
}

func TestPrecedence(t *testing.T) {
	s := Stream{"push.example.com", "live/room", "cam1"}
	// Each list is in order of precedence; every rule matches s.
	for _, order := range [][]string{
		{ // levels
			"push.example.com live/room cam1", "push.example.com - cam1", "push.example.com live/room -",
			"push.example.com - -", "- live/room cam1", "- - cam1", "- live/room -", "- - -",
		},
		{ // a level is stronger than any pattern
			"* * *", "push.example.com - cam1",
		},
		{ // domain before stream before app
			"push.example.com * *", "push.example.* live/room cam1", "push.* live/room cam1", "* live/room cam1",
		},
		{
			"push.example.com live/room cam1", "push.example.com l* cam1", "push.example.com * cam1",
			"push.example.com live/room cam*", "push.example.com live/* c*", "push.example.com live* c*",
			"push.example.com live/room *",
		},
		{ // literal characters, not bytes or stars, count
			"- - c*m*", "- - *1",
		},
	} {
		for n := range order {
			c := testConfig(order[n:]...)
			rand.Shuffle(len(c.Rules), func(i, j int) { c.Rules[i], c.Rules[j] = c.Rules[j], c.Rules[i] })
			table, shadows := Compile(c, Dynamic{})
			require.Empty(t, shadows)
			p, ok := table.Match(s)
			require.True(t, ok)
			require.Equal(t, order[n], triple(p.Rule), "of %q", order[n:])
			for i, v := range table.Explain(s) {
				require.Equal(t, order[n+i], triple(v.Rule))
				require.Equal(t, i == 0, v.Won)
			}
		}
	}
}

func triple(r Rule) string {
	out := ""
	for _, v := range []string{r.Domain, r.App, r.Stream} {
		if v == "" {
			v = "-"
		}
		out += " " + v
	}
	return out[1:]
}

func TestMatchPlan(t *testing.T) {
	c := testConfig("- - -", "a.example - private")
	c.Rules[1].Template = "nothing"
	table, _ := Compile(c, Dynamic{})

	p, ok := table.Match(Stream{"A.Example", "live", "x"})
	require.True(t, ok)
	require.Equal(t, 1, p.Rule.Line)
	require.Equal(t, "all", p.Template.Name)
	require.Equal(t, TemplateID("all"), p.Template.ID)
	require.Len(t, p.Formats(), 1)

	p, ok = table.Match(Stream{"A.Example", "live", "private"})
	require.True(t, ok)
	require.Empty(t, p.Formats(), "do not record")

	empty, _ := Compile(&config.Config{}, Dynamic{})
	_, ok = empty.Match(Stream{"a", "b", "c"})
	require.False(t, ok)
	require.Empty(t, empty.Explain(Stream{"a", "b", "c"}))
}

func TestYAMLAndAPI(t *testing.T) {
	early, late := time.Unix(100, 0), time.Unix(200, 0)
	api := Dynamic{
		Templates: []Template{{
			ID: 7, Template: config.Template{Name: "all", Formats: []config.Format{{Name: config.FLV, Path: "/live/{StreamID}"}}},
			Extra: json.RawMessage(`{"VodSubAppId":1}`),
		}},
		Rules: []Rule{
			{ID: 3, Domain: "a.example", App: "x*", TemplateID: 7, CreatedAt: late},
			{ID: 2, Domain: "A.example", App: "y*", TemplateID: 7, CreatedAt: late},
			{ID: 1, Domain: "A.example", App: "live", TemplateID: 7, CreatedAt: early},
			{ID: 4, Domain: "a.example", App: "*z", TemplateID: 7, CreatedAt: early},
			{ID: 5, Domain: "a.example", App: "gone", TemplateID: 99, CreatedAt: early},
			{ID: 6, Domain: "a.example", App: "x*", TemplateID: 7, CreatedAt: late},
		},
	}
	table, shadows := Compile(testConfig("a.example live -", "a.example *y -"), api)

	require.Len(t, shadows, 3)
	require.EqualValues(t, 1, shadows[0].Rule.ID)
	require.Equal(t, 1, shadows[0].By.Line)
	require.EqualValues(t, 5, shadows[1].Rule.ID)
	require.Zero(t, shadows[1].By)
	require.EqualValues(t, 6, shadows[2].Rule.ID)
	require.EqualValues(t, 3, shadows[2].By.ID)

	for app, want := range map[string]string{
		"live": "recording.yml:1",
		"yy":   "recording.yml:2", // as specific as rule 2
		"xz":   "API rule 4",      // as specific as rule 3, and older
		"xx":   "API rule 3",
	} {
		p, ok := table.Match(Stream{"a.example", app, "s"})
		require.True(t, ok)
		require.Equal(t, want, p.Rule.Where(), app)
	}
	_, ok := table.Match(Stream{"a.example", "gone", "s"})
	require.False(t, ok)

	nt, ok := table.Template(7)
	require.True(t, ok)
	require.Equal(t, API, nt.Source)
	require.Equal(t, "live/{StreamID}", nt.Formats[0].Path)
	require.Equal(t, "local", nt.Formats[0].Store)
	require.JSONEq(t, `{"VodSubAppId":1}`, string(nt.Extra))
	require.Len(t, table.Rules(), 8)
	require.Len(t, table.Templates(), 3)
}

func TestTableIsImmutable(t *testing.T) {
	c := testConfig("- - -")
	api := Dynamic{Templates: []Template{{ID: 7, Template: config.Template{Name: "x", Formats: []config.Format{{Name: config.FLV}}}}}}
	table, _ := Compile(c, api)
	c.Templates[0].Formats[0].Name = config.AAC
	c.Rules[0].Domain = "elsewhere"
	api.Templates[0].Formats[0].Name = config.AAC
	p, ok := table.Match(Stream{"a", "b", "c"})
	require.True(t, ok)
	require.Equal(t, config.MP4, p.Formats()[0].Name)
	p, _ = table.PlanFor("7")
	require.Equal(t, config.FLV, p.Formats()[0].Name)
}

func TestPlanFor(t *testing.T) {
	c := testConfig()
	table, _ := Compile(c, Dynamic{Templates: []Template{{ID: 7, Template: config.Template{Name: "own"}}}})

	for _, ref := range []string{"", "0", "no such", "12345"} {
		p, known := table.PlanFor(ref)
		require.Equal(t, ref == "" || ref == "0", known)
		require.Equal(t, []config.Format{{
			Name: config.FLV, Interval: 30 * time.Minute, Store: "local", Path: config.DefaultPath,
		}}, p.Formats())
	}
	for ref, want := range map[string]string{
		"all": "all", fmt.Sprint(TemplateID("all")): "all", "7": "own", "own": "own",
	} {
		p, known := table.PlanFor(ref)
		require.True(t, known)
		require.Equal(t, want, p.Template.Name)
		require.Zero(t, p.Rule)
	}

	c.Tasks.DefaultTemplate = "all"
	table, _ = Compile(c, Dynamic{})
	p, known := table.PlanFor("")
	require.True(t, known)
	require.Equal(t, "all", p.Template.Name)
}

func TestExplainReasons(t *testing.T) {
	c := testConfig("a.example live cam1", "a.example - cam1", "a.example - cam*", "a.example - ca*", "*.org - -",
		"- live -", "- other -", "b.example - -", "- - nope*", "- l* -")
	c.Rules[1].Template = "nothing"
	api := Dynamic{Rules: []Rule{
		{ID: 1, Domain: "a.example", Stream: "cam1", TemplateID: TemplateID("all")},
		{ID: 2, Domain: "a.example", Stream: "*cam", TemplateID: TemplateID("all")},
	}}
	table, _ := Compile(c, api)

	reasons := func(s Stream) map[string]string {
		m := map[string]string{}
		for _, v := range table.Explain(s) {
			require.NotEmpty(t, v.Reason)
			m[v.Rule.Where()] = v.Reason
		}
		require.Len(t, m, 12)
		return m
	}
	m := reasons(Stream{"a.example", "live", "cam1"})
	require.Equal(t, "wins: it matches, and no other rule that matches is more specific", m["recording.yml:1"])
	require.Equal(t, "matches, but recording.yml:1 is more specific: it names the app", m["recording.yml:2"])
	require.Equal(t, `domain "a.example" does not match "*.org"`, m["recording.yml:5"])
	require.Equal(t, "matches, but recording.yml:1 is more specific: it names the domain", m["recording.yml:6"])
	require.Equal(t, `app "live" is not "other"`, m["recording.yml:7"])
	require.Equal(t, `domain "a.example" is not "b.example"`, m["recording.yml:8"])
	require.Equal(t, `stream "cam1" does not match "nope*"`, m["recording.yml:9"])
	require.Equal(t, "matches, but has the same domain, app and stream as recording.yml:2, which goes first", m["API rule 1"])

	m = reasons(Stream{"a.example", "x", "cam1"})
	require.Equal(t, `wins; its template "nothing" has no format: nothing is recorded`, m["recording.yml:2"])
	require.Equal(t, `matches, but recording.yml:2 is more specific: its stream "cam1" is exact, not a pattern`, m["recording.yml:3"])

	m = reasons(Stream{"a.example", "x", "cam"})
	require.Contains(t, m["recording.yml:3"], "wins")
	require.Equal(t, `matches, but recording.yml:3 is more specific: its stream "cam*" has 3 literal characters, this one's has 2`, m["recording.yml:4"])
	require.Equal(t, "matches, but recording.yml:3 is as specific, and the file goes before the API", m["API rule 2"])
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b", true}, {"a*", "a", true}, {"a*", "ba", false},
		{"*a", "ba", true}, {"*a", "ab", false}, {"a*b*c", "a/b/b/c", true}, {"a*b*c", "acb", false},
		{"**", "x", true}, {"*ab*", "aab", true}, {"live/*", "live/room/7", true}, {"*é", "caf\u00e9", true},
		{"a.b", "axb", false}, {"[a]", "a", false},
	} {
		require.Equal(t, c.want, glob(c.pattern, c.s), "%q %q", c.pattern, c.s)
	}
	require.False(t, glob(strings.Repeat("a*", 50)+"b", strings.Repeat("a", 5000)))
}

func TestMatchAllocatesNothing(t *testing.T) {
	table, _ := Compile(testConfig("a.example live cam1", "a.example l* -", "*.example - -"), Dynamic{})
	for _, s := range []Stream{{"a.example", "live", "cam1"}, {"a.example", "lx", "s"}, {"b.example", "x", "y"}, {"z", "y", "x"}} {
		require.Zero(t, testing.AllocsPerRun(100, func() { table.Match(s) }))
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := testConfig("- - -")
			for i := range n {
				c.Rules = append(c.Rules, config.Rule{
					Domain: fmt.Sprintf("push%d.example.com", i), App: "live", Stream: fmt.Sprintf("cam%d", i), Template: "all",
				})
			}
			table, _ := Compile(c, Dynamic{})
			streams := make([]Stream, 0, 16)
			for i := range 8 {
				d := fmt.Sprintf("push%d.example.com", i*n/8)
				streams = append(streams, Stream{d, "live", fmt.Sprintf("cam%d", i*n/8)}, Stream{d, "live", "other"})
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := table.Match(streams[i&15]); !ok {
					b.Fatal("no match")
				}
				i++
			}
		})
	}
}

func BenchmarkCompile10000(b *testing.B) {
	c := testConfig()
	for i := range 10000 {
		c.Rules = append(c.Rules, config.Rule{Domain: fmt.Sprintf("push%d.example.com", i), App: "live", Template: "all"})
	}
	for b.Loop() {
		Compile(c, Dynamic{})
	}
}
