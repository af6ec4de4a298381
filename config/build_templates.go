package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config/strictyaml"
)

// Placeholders lists what a path template may hold between { and }
// (reference tencent-live.md §6.1, COS object names).
var Placeholders = []string{
	"RecordSource", "Domain", "AppName", "StreamID", "RecordId", "RandomID",
	"StartYear", "StartMonth", "StartDay", "StartHour", "StartMinute", "StartSecond", "StartMillisecond",
	"EndYear", "EndMonth", "EndDay", "EndHour", "EndMinute", "EndSecond", "EndMillisecond",
}

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

var pathPiece = regexp.MustCompile(`\{[^{}]*\}|[{}]`)

// path checks a key template.
func (d *document) path(t *strictyaml.Text, format FormatName) {
	if t.Bad {
		return
	}
	report := func(message, remedy string) {
		t.Bad = true
		d.Fail(t.Spot, message, remedy)
	}
	p := strings.TrimLeft(t.Value, "/")
	switch {
	case p == "":
		report("names no file", `Write a path such as {StreamID}/{StartYear}{StartMonth}{StartDay}, or "" for the default`)
	case strings.HasSuffix(p, "/"):
		report("ends with /, which leaves no file name", "Write a last part too, such as {RecordId}; the extension is added")
	case len(p) > 400:
		report("is longer than 400 bytes", "Shorten it, to leave room for the names that it expands to")
	default:
		d.components(p, report)
	}
	unique := false
	for _, piece := range pathPiece.FindAllString(p, -1) {
		name := strings.Trim(piece, "{}")
		switch {
		case len(piece) == 1:
			report("holds a { or } without its partner", "Write placeholders as {StreamID}")
			return
		case !slices.Contains(Placeholders, name):
			d.unknownPlaceholder(t, piece, report)
		case format == HLS && strings.HasPrefix(name, "End"):
			report("holds "+piece+", which is not known while the playlist grows", "Use {Start…} placeholders for hls")
		}
		unique = unique || strings.HasPrefix(name, "Start") || name == "RandomID" || name == "RecordId"
	}
	if !unique && !t.Bad {
		d.Warn(t.Spot, "holds nothing that differs between recordings; later ones get -2, -3 … at the end of their names",
			"Add {RecordId}, {RandomID} or a start time")
	}
}

var reservedEnd = regexp.MustCompile(`(?i)(\.(mp4|flv|aac|m3u8|ts|m4s)|_eof|^init[0-9]*)$`)

// components checks the folders and the file name of a key template. What
// package plan would have to change in a key is better changed by its author.
func (d *document) components(path string, report func(message, remedy string)) {
	for _, c := range strings.Split(path, "/") {
		c = pathPiece.ReplaceAllString(c, "x")
		switch {
		case c == "" || c == "." || c == "..":
			report("holds an empty folder name, . or ..", "Write folder names between single slashes")
		case strings.ContainsAny(c, "\\\"<>|?*:#%`^"):
			report("holds one of \\ \" < > | ? * : # % ` ^, which are trouble in object keys and file names", "Leave it out; - and _ are fine")
		case strings.ContainsAny(c[:1], ".- ") || strings.ContainsAny(c[len(c)-1:], ". "):
			report("has a folder or file name that begins with a dot, hyphen or space, or ends with a dot or space", "Begin and end names with letters, digits, _ or a placeholder")
		case reservedEnd.MatchString(c):
			report("has a name that looks like a file of a recording", "Leave out the extension, _eof or init0: what is needed is added")
		default:
			continue
		}
		return
	}
}

func (d *document) unknownPlaceholder(t *strictyaml.Text, piece string, report func(message, remedy string)) {
	shown := "a placeholder"
	if strings.Contains(t.Raw, piece) && len(piece) < 50 { // else it came from the environment
		shown = piece
	}
	remedy := "Known: {" + strings.Join(Placeholders, "} {") + "}"
	if n := strictyaml.Nearest(strings.Trim(piece, "{}"), Placeholders); n != "" {
		remedy = fmt.Sprintf("Did you mean {%s}?", n)
	}
	report("holds "+shown+", which is not known", remedy)
}
