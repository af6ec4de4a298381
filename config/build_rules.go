package config

import (
	"fmt"
	"slices"
	"strings"
)

// rules returns the rules and reports those that are the same or can never match.
func (d *decoder) rules(r *rawFile, c *Config) []Rule {
	var all []Rule
	seen := map[Rule]int{}
	known := map[string]bool{}
	for _, t := range c.Templates {
		known[t.Name] = true
	}
	for i := range r.Rules.items {
		x := &r.Rules.items[i]
		if x.bad {
			continue
		}
		if !d.rule(x, r, known, c) {
			continue
		}
		triple := Rule{Domain: strings.ToLower(x.Domain.v), App: x.App.v, Stream: x.Stream.v}
		if line, ok := seen[triple]; ok {
			d.fail(x.spot, fmt.Sprintf("has the domain, app and stream of the rule in line %d", line), "Remove one of the two")
			continue
		}
		seen[triple] = x.line
		triple.Template, triple.Line = x.Template.v, x.line
		all = append(all, triple)
	}
	if len(all) == 0 && !r.Rules.bad && len(r.Rules.items) == 0 {
		at := spot{line: 1, path: "rules"}
		if r.Rules.set {
			at = r.Rules.spot
		}
		d.warn(at, "there are no rules: only tasks and rules made by the API record", "To record everything write rules: [{template: NAME}]")
	}
	return all
}

// rule checks one rule; it tells whether its domain, app and stream are good.
func (d *decoder) rule(x *rawRule, r *rawFile, known map[string]bool, c *Config) bool {
	if !x.Template.set || x.Template.v == "" && !x.Template.bad {
		d.missing(&x.origin, "template", "Write template: and the name of one; a template without formats records nothing")
	} else if !known[x.Template.v] {
		d.templateName(&x.Template, r)
	}
	good := d.host(&x.Domain, true)
	good = d.app(&x.App, true) && good
	good = d.stream(&x.Stream) && good
	domain := strings.ToLower(x.Domain.v)
	listed := domain == c.DefaultDomain || len(c.Domains) == 0 ||
		slices.ContainsFunc(c.Domains, func(l string) bool { return l == domain || strings.Contains(l, "*") })
	if good && domain != "" && !strings.Contains(domain, "*") && !listed {
		d.warn(x.Domain.spot, x.Domain.shown()+" is not in domains: this rule never matches", "Add it to domains, or remove the rule")
	}
	return good
}

func (d *decoder) stream(t *text) bool {
	if t.bad || t.v == "" {
		return !t.bad
	}
	if strings.Contains(t.v, "/") {
		t.bad = true
		d.fail(t.spot, t.shown()+" holds /; a stream is the part of a path after the last /", "Write what stands before it as app")
		return false
	}
	return d.pattern(t, true)
}
