package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a bare machine or container has no time zones of its own

	"github.com/live-recording/liverecord/config/strictyaml"
)

// build turns what was decoded into a Config and reports what does not fit.
// The Config is only good if nothing was reported.
func (d *document) build(r *rawFile) *Config {
	c := &Config{
		DefaultDomain: strings.ToLower(r.DefaultDomain.Value),
		Domains:       d.domains(&r.Domains),
		DefaultApp:    r.DefaultApp.Value,
		Timezone:      d.timezone(&r.Timezone),
		MaxRecordings: r.MaxRecordings.Value,
		Memory:        r.Memory.Value,
		State:         r.State.Value,
		History:       r.History.Value,
		Spool:         Spool{Dir: r.Spool.Dir.Value, MaxSize: r.Spool.MaxSize.Value, MinFree: r.Spool.MinFree.Value},
		DefaultStore:  r.DefaultStore.Value,
		Tasks:         Tasks{DefaultTemplate: r.Tasks.DefaultTemplate.Value},
		Limits:        Limits{Templates: r.Limits.Templates.Value, Rules: r.Limits.Rules.Value},
	}
	d.host(&r.DefaultDomain, false)
	d.required(&r.DefaultDomain.Origin, r.DefaultDomain.Value, "Write a name for publications without a domain, such as default")
	d.required(&r.DefaultApp.Origin, r.DefaultApp.Value, "Write a name for paths without a /, such as live")
	d.app(&r.DefaultApp, false)
	d.required(&r.State.Origin, r.State.Value, "Write the path of a file, such as data/state.db")
	if h := &r.History; h.Value > 0 && h.Value < 24*time.Hour && !h.Bad {
		d.Fail(h.Spot, h.Shown()+" is too short for a history", "Write 1d or more, such as 90d; 0 means for ever")
	}
	d.required(&r.Spool.Dir.Origin, r.Spool.Dir.Value, "Write a folder, such as data/spool")
	if s := &r.Spool.MaxSize; s.Value < 1<<20 && !s.Bad {
		d.Fail(s.Spot, s.Shown()+" is too small for a spool", "Write at least 1MB; 20GB is the default")
	}
	if m := &r.Memory; m.Value > 0 && m.Value < 16<<20 && !m.Bad {
		d.Fail(m.Spot, m.Shown()+" is too little for any recording", "Write at least 16MB; 0 stands for a quarter of the machine's memory")
	}
	c.API = d.api(&r.API)
	c.Stores = d.stores(r, c.API)
	d.storeName(&r.DefaultStore, r)
	d.folders(r, c)
	c.Templates = d.templates(r)
	c.Rules = d.rules(r, c)
	d.templateName(&r.Tasks.DefaultTemplate, r)
	c.Callbacks = d.callbacks(&r.Callbacks)
	return c
}

// required reports an empty text.
func (d *document) required(o *strictyaml.Origin, v, remedy string) {
	if v == "" && !o.Bad {
		d.Fail(o.Spot, "must not be empty", remedy)
	}
}

func (d *document) timezone(t *strictyaml.Text) *time.Location {
	if t.Bad {
		return time.UTC
	}
	z, err := time.LoadLocation(t.Value)
	if err != nil || t.Value == "" {
		d.Fail(t.Spot, t.Shown()+" is not a time zone", "Write UTC, or a name such as Asia/Shanghai or Europe/Berlin")
		return time.UTC
	}
	return z
}

// domains returns the names and patterns, in lower case.
func (d *document) domains(l *strictyaml.List[strictyaml.Text]) []string {
	var all []string
	seen := map[string]int{}
	for i := range l.Items {
		t := &l.Items[i]
		if t.Bad || !d.host(t, true) {
			continue
		}
		v := strings.ToLower(t.Value)
		d.required(&t.Origin, v, "Write a host name, or remove it")
		if line, ok := seen[v]; ok {
			d.Fail(t.Spot, fmt.Sprintf("%s is listed already, in line %d", t.Shown(), line), "Remove one of the two")
		}
		seen[v] = t.Line
		all = append(all, v)
	}
	return all
}

var hostForm = regexp.MustCompile(`^[\p{L}\p{N}*]([\p{L}\p{N}_.*-]*[\p{L}\p{N}*])?$`)

// host checks a domain, which may be a pattern if pattern is set, and tells
// whether it is one. Empty is left to the caller.
func (d *document) host(t *strictyaml.Text, pattern bool) bool {
	if t.Bad || t.Value == "" {
		return !t.Bad
	}
	message, remedy := "", ""
	switch {
	case strings.Contains(t.Value, "://"):
		message, remedy = "is a URL, not a host name", "Write the host alone, such as push.example.com"
	case strings.Contains(t.Value, ":"):
		message, remedy = "holds a colon; a domain has no port", "Write the host alone, such as push.example.com"
	case !hostForm.MatchString(t.Value) || len(t.Value) > 253:
		message, remedy = "is not a host name", "Write letters, digits, - and ., such as push.example.com"
	}
	if message == "" {
		return d.pattern(t, pattern)
	}
	t.Bad = true
	d.Fail(t.Spot, t.Shown()+" "+message, remedy)
	return false
}

// pattern checks the use of * in t.
func (d *document) pattern(t *strictyaml.Text, allowed bool) bool {
	switch {
	case !strings.Contains(t.Value, "*"):
		return true
	case !allowed:
		d.Fail(t.Spot, t.Shown()+" is a pattern; here only whole names count", "Write the name without *")
	case strings.Contains(t.Value, "**"):
		d.Fail(t.Spot, t.Shown()+" holds ** ", "Write one *: it stands for any text, also with . and /")
	default:
		return true
	}
	t.Bad = true
	return false
}

// app checks the name of an app, which may hold / inside.
func (d *document) app(t *strictyaml.Text, pattern bool) bool {
	if t.Bad || t.Value == "" {
		return !t.Bad
	}
	if strings.HasPrefix(t.Value, "/") || strings.HasSuffix(t.Value, "/") || strings.Contains(t.Value, "//") {
		t.Bad = true
		d.Fail(t.Spot, t.Shown()+" begins or ends with / or holds //", "Write the app alone, such as live or live/room")
		return false
	}
	return d.pattern(t, pattern)
}

// folders reports bookkeeping that lies inside a local store, where it would
// be served to viewers and expire with the recordings.
func (d *document) folders(r *rawFile, c *Config) {
	for i := range r.Stores.Items {
		s := &r.Stores.Items[i]
		dir := s.Value.Dir.Value
		if s.Value.Type.Value != "local" || dir == "" || s.Value.Dir.Bad {
			continue
		}
		for _, t := range []*strictyaml.Text{&r.State, &r.Spool.Dir} {
			if t.Bad || t.Value == "" || !within(t.Value, dir) {
				continue
			}
			at, path := t.Spot, "state"
			if t == &r.Spool.Dir {
				path = "spool.dir"
			}
			if !t.Set {
				at = s.Value.Dir.Spot
			}
			d.Fail(at, fmt.Sprintf("%s lies inside the folder of store %s", path, s.Name),
				"Give recordings a folder of their own, such as data/recordings")
		}
		for j := range i {
			o := &r.Stores.Items[j]
			if o.Value.Type.Value == "local" && o.Value.Dir.Value != "" && filepath.Clean(o.Value.Dir.Value) == filepath.Clean(dir) {
				d.Fail(s.Value.Dir.Spot, fmt.Sprintf("is the folder of store %s too, in line %d", o.Name, o.Value.Dir.Line),
					"Give each store a folder of its own")
			}
		}
	}
}

// within tells whether path is dir or lies below it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
