package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/live-recording/liverecord/config/strictyaml"
)

// rules returns the rules and reports those that are the same or can never match.
func (d *document) rules(r *rawFile, c *Config) []Rule {
	var all []Rule
	seen := map[Rule]int{}
	known := map[string]bool{}
	for _, t := range c.Templates {
		known[t.Name] = true
	}
	for i := range r.Rules.Items {
		x := &r.Rules.Items[i]
		if x.Bad {
			continue
		}
		if !d.rule(x, r, known, c) {
			continue
		}
		triple := Rule{Domain: strings.ToLower(x.Domain.Value), App: x.App.Value, Stream: x.Stream.Value}
		if line, ok := seen[triple]; ok {
			d.Fail(x.Spot, fmt.Sprintf("has the domain, app and stream of the rule in line %d", line), "Remove one of the two")
			continue
		}
		seen[triple] = x.Line
		triple.Template, triple.Line = x.Template.Value, x.Line
		all = append(all, triple)
	}
	if len(all) == 0 && !r.Rules.Bad && len(r.Rules.Items) == 0 {
		at := strictyaml.Spot{Line: 1, Path: "rules"}
		if r.Rules.Set {
			at = r.Rules.Spot
		}
		d.Warn(at, "there are no rules: only tasks and rules made by the API record", "To record everything write rules: [{template: NAME}]")
	}
	return all
}

// rule checks one rule; it tells whether its domain, app and stream are good.
func (d *document) rule(x *rawRule, r *rawFile, known map[string]bool, c *Config) bool {
	if !x.Template.Set || x.Template.Value == "" && !x.Template.Bad {
		d.Missing(&x.Origin, "template", "Write template: and the name of one; a template without formats records nothing")
	} else if !known[x.Template.Value] {
		d.templateName(&x.Template, r)
	}
	good := d.host(&x.Domain, true)
	good = d.app(&x.App, true) && good
	good = d.stream(&x.Stream) && good
	domain := strings.ToLower(x.Domain.Value)
	listed := domain == c.DefaultDomain || len(c.Domains) == 0 ||
		slices.ContainsFunc(c.Domains, func(l string) bool { return l == domain || strings.Contains(l, "*") })
	if good && domain != "" && !strings.Contains(domain, "*") && !listed {
		d.Warn(x.Domain.Spot, x.Domain.Shown()+" is not in domains: this rule never matches", "Add it to domains, or remove the rule")
	}
	return good
}

func (d *document) stream(t *strictyaml.Text) bool {
	if t.Bad || t.Value == "" {
		return !t.Bad
	}
	if strings.Contains(t.Value, "/") {
		t.Bad = true
		d.Fail(t.Spot, t.Shown()+" holds /; a stream is the part of a path after the last /", "Write what stands before it as app")
		return false
	}
	return d.pattern(t, true)
}
