package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config/keytemplate"
	"github.com/live-recording/liverecord/config/strictyaml"
)

func (d *document) templates(r *rawFile) []Template {
	var all []Template
	for i := range r.Templates.Items {
		e := &r.Templates.Items[i]
		d.name(e.Spot, e.Name)
		all = append(all, Template{Name: e.Name, Formats: d.formats(&e.Value, r), Line: e.Line})
	}
	return all
}

// formats returns those of one template, in the order of FormatNames.
func (d *document) formats(t *rawTemplate, r *rawFile) []Format {
	var all []Format
	if f := t.MP4; f != nil {
		x := d.format(MP4, &f.rawFormat, r)
		x.FastStart = f.FastStart.Value
		all = append(all, x)
	}
	if f := t.FLV; f != nil {
		all = append(all, d.format(FLV, &f.rawFormat, r))
	}
	if f := t.HLS; f != nil {
		x := d.format(HLS, &f.rawFormat, r)
		x.Segment, x.Container, x.Live = f.Segment.Value, f.Container.Value, f.Live.Value
		d.hls(f)
		all = append(all, x)
	}
	if f := t.AAC; f != nil {
		all = append(all, d.format(AAC, &f.rawFormat, r))
	}
	return all
}

// format checks what all formats have in common.
func (d *document) format(name FormatName, f *rawFormat, r *rawFile) Format {
	x := Format{
		Name: name, Interval: f.Interval.Value, Splice: f.Splice.Value, Keep: f.Keep.Value,
		Store: f.Store.Value, Path: strings.TrimLeft(f.Path.Value, "/"),
	}
	if i := &f.Interval; !i.Bad && i.Value > 0 && i.Value < 10*time.Second {
		d.Fail(i.Spot, i.Shown()+" is too short", "Write 0 (never cut) or at least 10s")
	}
	if x.Store == "" {
		x.Store = r.DefaultStore.Value
	} else {
		d.storeName(&f.Store, r)
	}
	if f.Path.Value == "" {
		x.Path = DefaultPath
	} else {
		d.path(&f.Path, name)
	}
	return x
}

func (d *document) hls(f *rawHLS) {
	if s := &f.Segment; !s.Bad && (s.Value < time.Second || s.Value > time.Minute) {
		d.Fail(s.Spot, s.Shown()+" is out of range", "Write 1s to 60s")
	} else if i := &f.Interval; !i.Bad && !s.Bad && i.Value >= 10*time.Second && i.Value < s.Value {
		d.Fail(i.Spot, "is shorter than segment", "Write at least the duration of one segment, or 0 (never cut)")
	}
	if c := &f.Container; !c.Bad && !slices.Contains([]string{"auto", "ts", "fmp4"}, c.Value) {
		d.Fail(c.Spot, c.Shown()+" is not a container of hls", "Write auto, ts or fmp4")
	}
}

// storeName reports the name of a store that there is none of.
func (d *document) storeName(t *strictyaml.Text, r *rawFile) {
	var names []string
	for i := range r.Stores.Items {
		names = append(names, r.Stores.Items[i].Name)
	}
	if !r.Stores.Set {
		names = []string{"local"}
	}
	if t.Bad || d.Incomplete() || r.Stores.Bad || slices.Contains(names, t.Value) {
		return
	}
	s, shown := t.Spot, t.Shown()
	if !t.Set {
		s, shown = strictyaml.Spot{Line: r.Stores.Line, Column: r.Stores.Column, Path: "defaultStore"}, `"local" (the default)`
	}
	d.Fail(s, shown+" is not the name of a store", d.choose(t, names, "stores"))
}

// templateName reports the name of a template that there is none of; empty is fine.
func (d *document) templateName(t *strictyaml.Text, r *rawFile) {
	var names []string
	for i := range r.Templates.Items {
		names = append(names, r.Templates.Items[i].Name)
	}
	if t.Bad || t.Value == "" || d.Incomplete() || r.Templates.Bad || slices.Contains(names, t.Value) {
		return
	}
	d.Fail(t.Spot, t.Shown()+" is not the name of a template", d.choose(t, names, "templates"))
}

// choose says which names there are.
func (d *document) choose(t *strictyaml.Text, names []string, section string) string {
	if n := strictyaml.Nearest(t.Value, names); n != "" {
		return fmt.Sprintf("Did you mean %s?", n)
	}
	if len(names) == 0 {
		return fmt.Sprintf("There are no %s in this file: add it under %s", section, section)
	}
	more := ""
	if len(names) > 20 {
		names, more = names[:20], ", …"
	}
	return fmt.Sprintf("Write one of %s%s, or add it under %s", strings.Join(names, ", "), more, section)
}

// path checks a key template.
func (d *document) path(t *strictyaml.Text, format FormatName) {
	if t.Bad {
		return
	}
	for _, f := range keytemplate.Check(t.Value, format == HLS) {
		t.Bad = true
		if near := strictyaml.Nearest(strings.Trim(f.Quote, "{}"), keytemplate.Placeholders); near != "" && "{"+near+"}" != f.Quote {
			f.Remedy = fmt.Sprintf("Did you mean {%s}?", near)
		}
		// What is not in the file came from the environment: it is not shown.
		d.Fail(t.Spot, f.Text(strings.Contains(t.Raw, f.Quote)), f.Remedy)
	}
	if !t.Bad && !keytemplate.Distinct(t.Value) {
		d.Warn(t.Spot, "holds nothing that differs between recordings; later ones get -2, -3 … at the end of their names",
			"Add {RecordId}, {RandomID} or a start time")
	}
}
