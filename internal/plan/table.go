package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config"
)

// Table is rules and templates, compiled. It never changes.
type Table struct {
	levels    [levels]levelIndex
	rules     []entry // by precedence, shadowed ones included
	templates []Template
	byID      map[int64]int
	byName    map[string]int
	task      Template // of a task that names none
}

// entry is a rule of the table; shadow says why it can never win.
type entry struct {
	rule   Rule
	shadow string
}

// levelIndex finds the rules of one level. A rule without pattern beats every
// one with a pattern, and an exact domain beats every domain pattern, therefore
// the three are asked in this order.
type levelIndex struct {
	exact    map[Stream]*Rule
	byDomain map[string][]*Rule // exact (or no) domain, pattern in stream or app; by precedence
	patterns []*Rule            // pattern in the domain; by precedence
}

// Compile builds the table from the configuration and from what the API made.
// It keeps nothing of its arguments but strings. The shadows are rules that can
// never win: of the same triple as an earlier one (YAML before API), or bound
// to a template that does not exist.
func Compile(c *config.Config, api Dynamic) (*Table, []Shadow) {
	t := &Table{byID: map[int64]int{}, byName: map[string]int{}}
	for _, ct := range c.Templates {
		t.addTemplate(c, Template{Template: ct, ID: TemplateID(ct.Name), Source: YAML})
	}
	for _, at := range api.Templates {
		at.Source = API
		t.addTemplate(c, at)
	}
	t.task = t.taskTemplate(c)
	shadows := t.addRules(append(yamlRules(c), apiRules(api)...))
	slices.SortStableFunc(t.rules, func(a, b entry) int { return compareRules(&a.rule, &b.rule) })
	t.index()
	return t, shadows
}

func (t *Table) addTemplate(c *config.Config, nt Template) {
	if _, dup := t.byID[nt.ID]; dup {
		return
	}
	nt.Formats = slices.Clone(nt.Formats)
	for i := range nt.Formats {
		fillFormat(&nt.Formats[i], c)
	}
	nt.Extra = slices.Clone(nt.Extra)
	t.byID[nt.ID] = len(t.templates)
	if _, dup := t.byName[nt.Name]; !dup {
		t.byName[nt.Name] = len(t.templates)
	}
	t.templates = append(t.templates, nt)
}

func fillFormat(f *config.Format, c *config.Config) {
	if f.Store == "" {
		f.Store = c.DefaultStore
	}
	if f.Path = strings.TrimLeft(f.Path, "/"); f.Path == "" {
		f.Path = config.DefaultPath
	}
}

// taskTemplate is the template of tasks that name none: the configured one, else
// FLV files of 30 minutes in the default store.
func (t *Table) taskTemplate(c *config.Config) Template {
	if i, ok := t.byName[c.Tasks.DefaultTemplate]; ok && c.Tasks.DefaultTemplate != "" {
		return t.templates[i]
	}
	flv := config.Format{Name: config.FLV, Interval: 30 * time.Minute}
	fillFormat(&flv, c)
	return Template{Template: config.Template{Formats: []config.Format{flv}}}
}

func yamlRules(c *config.Config) []Rule {
	rules := make([]Rule, 0, len(c.Rules))
	for _, r := range c.Rules {
		rules = append(rules, Rule{
			ID:     RuleID(r.Domain, r.App, r.Stream),
			Domain: r.Domain, App: r.App, Stream: r.Stream,
			TemplateID: TemplateID(r.Template), Source: YAML, Line: r.Line,
		})
	}
	return rules
}

func apiRules(api Dynamic) []Rule {
	rules := slices.Clone(api.Rules)
	for i := range rules {
		rules[i].Source, rules[i].Line = API, 0
	}
	slices.SortStableFunc(rules, func(a, b Rule) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return rules
}

// addRules takes the rules in the order in which the first of a triple wins.
func (t *Table) addRules(rules []Rule) (shadows []Shadow) {
	first := make(map[Stream]int, len(rules))
	for i := range rules {
		r := rules[i]
		r.Domain = strings.ToLower(r.Domain)
		rules[i] = r
		triple := Stream{r.Domain, r.App, r.Stream}
		e := entry{rule: r}
		if j, dup := first[triple]; dup {
			e.shadow = "has the same domain, app and stream as " + rules[j].Where() + ", which goes first"
			shadows = append(shadows, Shadow{Rule: r, By: rules[j], Reason: e.shadow})
		} else if _, ok := t.byID[r.TemplateID]; !ok {
			e.shadow = "its template does not exist"
			shadows = append(shadows, Shadow{Rule: r, Reason: e.shadow})
		} else {
			first[triple] = i
		}
		t.rules = append(t.rules, e)
	}
	return shadows
}

// index sorts the rules, which are in order already, into their levels.
func (t *Table) index() {
	for i := range t.rules {
		if t.rules[i].shadow != "" {
			continue
		}
		r := &t.rules[i].rule
		l := &t.levels[level(r)]
		switch {
		case isPattern(r.Domain):
			l.patterns = append(l.patterns, r)
		case isPattern(r.App) || isPattern(r.Stream):
			if l.byDomain == nil {
				l.byDomain = map[string][]*Rule{}
			}
			l.byDomain[r.Domain] = append(l.byDomain[r.Domain], r)
		default:
			if l.exact == nil {
				l.exact = map[Stream]*Rule{}
			}
			l.exact[Stream{r.Domain, r.App, r.Stream}] = r
		}
	}
}

// Match returns the plan of the rule that wins; false if none matches.
func (t *Table) Match(s Stream) (Plan, bool) {
	r := t.winner(s)
	if r == nil {
		return Plan{}, false
	}
	return Plan{Rule: *r, Template: t.templates[t.byID[r.TemplateID]]}, true
}

func (t *Table) winner(s Stream) *Rule {
	s.Domain = strings.ToLower(s.Domain)
	for n := range t.levels {
		if r := t.levels[n].find(n, s); r != nil {
			return r
		}
	}
	return nil
}

func (l *levelIndex) find(n int, s Stream) *Rule {
	named := s // with the fields that rules of this level leave open emptied
	if n&4 != 0 {
		named.Domain = ""
	}
	if n&2 != 0 {
		named.Name = ""
	}
	if n&1 != 0 {
		named.App = ""
	}
	if r := l.exact[named]; r != nil {
		return r
	}
	for _, list := range [2][]*Rule{l.byDomain[named.Domain], l.patterns} {
		for _, r := range list {
			if r.matches(s) {
				return r
			}
		}
	}
	return nil
}

func (r *Rule) matches(s Stream) bool {
	return covers(r.Domain, s.Domain) && covers(r.Stream, s.Name) && covers(r.App, s.App)
}

// Rules lists all rules by precedence, also those that can never win.
func (t *Table) Rules() []Rule {
	rules := make([]Rule, len(t.rules))
	for i := range t.rules {
		rules[i] = t.rules[i].rule
	}
	return rules
}

// Templates lists all templates: YAML's in the order of the file, then the
// API's. It is shared and must not be changed.
func (t *Table) Templates() []Template { return t.templates }

// Template returns the template with that id.
func (t *Table) Template(id int64) (Template, bool) {
	i, ok := t.byID[id]
	if !ok {
		return Template{}, false
	}
	return t.templates[i], true
}

// Lookup returns the template that ref names, by decimal id or by name; of two
// with the same name YAML's.
func (t *Table) Lookup(ref string) (Template, bool) {
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil {
		if nt, ok := t.Template(id); ok {
			return nt, true
		}
	}
	i, ok := t.byName[ref]
	if !ok {
		return Template{}, false
	}
	return t.templates[i], true
}

// PlanFor returns the plan of a task that names a template by id or by name.
// With "", "0" or an unknown one it is the default recording of tasks, as in the
// original; known is false only for an unknown one.
func (t *Table) PlanFor(ref string) (p Plan, known bool) {
	if ref == "" || ref == "0" {
		return Plan{Template: t.task}, true
	}
	if nt, ok := t.Lookup(ref); ok {
		return Plan{Template: nt}, true
	}
	return Plan{Template: t.task}, false
}
