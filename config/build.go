package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a bare machine or container has no time zones of its own
)

// build turns what was decoded into a Config and reports what does not fit.
// The Config is only good if nothing was reported.
func (d *decoder) build(r *rawFile) *Config {
	c := &Config{
		DefaultDomain: strings.ToLower(r.DefaultDomain.v),
		Domains:       d.domains(&r.Domains),
		DefaultApp:    r.DefaultApp.v,
		Timezone:      d.timezone(&r.Timezone),
		MaxRecordings: r.MaxRecordings.v,
		State:         r.State.v,
		History:       r.History.v,
		Spool:         Spool{Dir: r.Spool.Dir.v, MaxSize: r.Spool.MaxSize.v, MinFree: r.Spool.MinFree.v},
		DefaultStore:  r.DefaultStore.v,
		Tasks:         Tasks{DefaultTemplate: r.Tasks.DefaultTemplate.v},
		Limits:        Limits{Templates: r.Limits.Templates.v, Rules: r.Limits.Rules.v},
	}
	d.host(&r.DefaultDomain, false)
	d.required(&r.DefaultDomain.origin, r.DefaultDomain.v, "Write a name for publications without a domain, such as default")
	d.required(&r.DefaultApp.origin, r.DefaultApp.v, "Write a name for paths without a /, such as live")
	d.app(&r.DefaultApp, false)
	d.required(&r.State.origin, r.State.v, "Write the path of a file, such as data/state.db")
	if h := &r.History; h.v > 0 && h.v < 24*time.Hour && !h.bad {
		d.fail(h.spot, h.shown()+" is too short for a history", "Write 1d or more, such as 90d; 0 means for ever")
	}
	d.required(&r.Spool.Dir.origin, r.Spool.Dir.v, "Write a folder, such as data/spool")
	if s := &r.Spool.MaxSize; s.v < 1<<20 && !s.bad {
		d.fail(s.spot, s.shown()+" is too small for a spool", "Write at least 1MB; 20GB is the default")
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
func (d *decoder) required(o *origin, v, remedy string) {
	if v == "" && !o.bad {
		d.fail(o.spot, "must not be empty", remedy)
	}
}

// missing reports a key that a struct cannot do without.
func (d *decoder) missing(parent *origin, key, remedy string) {
	if !d.damaged && !parent.bad {
		d.fail(spot{parent.line, parent.col, parent.key(key)}, "is missing", remedy)
	}
}

func (d *decoder) timezone(t *text) *time.Location {
	if t.bad {
		return time.UTC
	}
	z, err := time.LoadLocation(t.v)
	if err != nil || t.v == "" {
		d.fail(t.spot, t.shown()+" is not a time zone", "Write UTC, or a name such as Asia/Shanghai or Europe/Berlin")
		return time.UTC
	}
	return z
}

// domains returns the names and patterns, in lower case.
func (d *decoder) domains(l *texts) []string {
	var all []string
	seen := map[string]int{}
	for i := range l.items {
		t := &l.items[i]
		if t.bad || !d.host(t, true) {
			continue
		}
		v := strings.ToLower(t.v)
		d.required(&t.origin, v, "Write a host name, or remove it")
		if line, ok := seen[v]; ok {
			d.fail(t.spot, fmt.Sprintf("%s is listed already, in line %d", t.shown(), line), "Remove one of the two")
		}
		seen[v] = t.line
		all = append(all, v)
	}
	return all
}

var hostForm = regexp.MustCompile(`^[\p{L}\p{N}*]([\p{L}\p{N}_.*-]*[\p{L}\p{N}*])?$`)

// host checks a domain, which may be a pattern if pattern is set, and tells
// whether it is one. Empty is left to the caller.
func (d *decoder) host(t *text, pattern bool) bool {
	if t.bad || t.v == "" {
		return !t.bad
	}
	message, remedy := "", ""
	switch {
	case strings.Contains(t.v, "://"):
		message, remedy = "is a URL, not a host name", "Write the host alone, such as push.example.com"
	case strings.Contains(t.v, ":"):
		message, remedy = "holds a colon; a domain has no port", "Write the host alone, such as push.example.com"
	case !hostForm.MatchString(t.v) || len(t.v) > 253:
		message, remedy = "is not a host name", "Write letters, digits, - and ., such as push.example.com"
	}
	if message == "" {
		return d.pattern(t, pattern)
	}
	t.bad = true
	d.fail(t.spot, t.shown()+" "+message, remedy)
	return false
}

// pattern checks the use of * in t.
func (d *decoder) pattern(t *text, allowed bool) bool {
	switch {
	case !strings.Contains(t.v, "*"):
		return true
	case !allowed:
		d.fail(t.spot, t.shown()+" is a pattern; here only whole names count", "Write the name without *")
	case strings.Contains(t.v, "**"):
		d.fail(t.spot, t.shown()+" holds ** ", "Write one *: it stands for any text, also with . and /")
	default:
		return true
	}
	t.bad = true
	return false
}

// app checks the name of an app, which may hold / inside.
func (d *decoder) app(t *text, pattern bool) bool {
	if t.bad || t.v == "" {
		return !t.bad
	}
	if strings.HasPrefix(t.v, "/") || strings.HasSuffix(t.v, "/") || strings.Contains(t.v, "//") {
		t.bad = true
		d.fail(t.spot, t.shown()+" begins or ends with / or holds //", "Write the app alone, such as live or live/room")
		return false
	}
	return d.pattern(t, pattern)
}

// folders reports bookkeeping that lies inside a local store, where it would
// be served to viewers and expire with the recordings.
func (d *decoder) folders(r *rawFile, c *Config) {
	for i := range r.Stores.items {
		s := &r.Stores.items[i]
		dir := s.v.Dir.v
		if s.v.Type.v != "local" || dir == "" || s.v.Dir.bad {
			continue
		}
		for _, t := range []*text{&r.State, &r.Spool.Dir} {
			if t.bad || t.v == "" || !within(t.v, dir) {
				continue
			}
			at, path := t.spot, "state"
			if t == &r.Spool.Dir {
				path = "spool.dir"
			}
			if !t.set {
				at = s.v.Dir.spot
			}
			d.fail(at, fmt.Sprintf("%s lies inside the folder of store %s", path, s.name),
				"Give recordings a folder of their own, such as data/recordings")
		}
		for j := range i {
			o := &r.Stores.items[j]
			if o.v.Type.v == "local" && o.v.Dir.v != "" && filepath.Clean(o.v.Dir.v) == filepath.Clean(dir) {
				d.fail(s.v.Dir.spot, fmt.Sprintf("is the folder of store %s too, in line %d", o.name, o.v.Dir.line),
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
