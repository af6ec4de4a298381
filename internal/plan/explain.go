package plan

import (
	"fmt"
	"strings"
)

// Verdict says what became of one rule for one stream.
type Verdict struct {
	Rule    Rule
	Matches bool   // the rule's values hold for the stream
	Won     bool   // and no other rule goes before it; true for one verdict at most
	Reason  string // for people, one sentence without full stop
}

// Explain returns a verdict on every rule, in order of precedence.
func (t *Table) Explain(s Stream) []Verdict {
	s.Domain = strings.ToLower(s.Domain)
	winner := t.winner(s)
	verdicts := make([]Verdict, 0, len(t.rules))
	for i := range t.rules {
		e := &t.rules[i]
		v := Verdict{Rule: e.rule, Matches: e.rule.matches(s)}
		switch {
		case !v.Matches:
			v.Reason = mismatch(&e.rule, s)
		case e.shadow != "":
			v.Reason = "matches, but " + e.shadow
		case &e.rule == winner:
			v.Won = true
			v.Reason = t.wonReason(&e.rule)
		default:
			v.Reason = "matches, but " + advantage(winner, &e.rule)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

func (t *Table) wonReason(r *Rule) string {
	nt := t.templates[t.byID[r.TemplateID]]
	if len(nt.Formats) == 0 {
		return fmt.Sprintf("wins; its template %q has no format: nothing is recorded", nt.Name)
	}
	return "wins: it matches, and no other rule that matches is more specific"
}

// mismatch names the first field that does not hold.
func mismatch(r *Rule, s Stream) string {
	for _, f := range [3]struct{ name, value, rule string }{
		{"domain", s.Domain, r.Domain},
		{"stream", s.Name, r.Stream},
		{"app", s.App, r.App},
	} {
		switch {
		case covers(f.rule, f.value):
		case isPattern(f.rule):
			return fmt.Sprintf("%s %q does not match %q", f.name, f.value, f.rule)
		default:
			return fmt.Sprintf("%s %q is not %q", f.name, f.value, f.rule)
		}
	}
	return ""
}

// advantage says why w goes before l; both match.
func advantage(w, l *Rule) string {
	fields := [3]struct{ name, w, l string }{
		{"domain", w.Domain, l.Domain}, {"stream", w.Stream, l.Stream}, {"app", w.App, l.App},
	}
	specific := func(why string, args ...any) string {
		return w.Where() + " is more specific: " + fmt.Sprintf(why, args...)
	}
	for _, f := range fields {
		if f.w != "" && f.l == "" {
			return specific("it names the %s", f.name)
		}
	}
	for _, f := range fields {
		switch c := compareValues(f.w, f.l); {
		case c < 0 && !isPattern(f.w):
			return specific("its %s %q is exact, not a pattern", f.name, f.w)
		case c < 0:
			return specific("its %s %q has %d literal characters, this one's has %d",
				f.name, f.w, literals(f.w), literals(f.l))
		}
	}
	if w.Source != l.Source {
		return w.Where() + " is as specific, and the file goes before the API"
	}
	if w.Source == YAML {
		return w.Where() + " is as specific and stands before it"
	}
	return w.Where() + " is as specific and older"
}
