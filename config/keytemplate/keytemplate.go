// Package keytemplate is the grammar of object keys: what `path` of a format and
// the API's CosBucketPath may hold (design §1.4). Check says what is wrong with a
// template, Parse takes one apart. Package plan expands it.
//
// A template is text with placeholders such as {StreamID}, in components that "/"
// separates. It has no extension: what is needed is added.
package keytemplate

import (
	"slices"
	"strings"
)

// Default is the template of a format that names none.
const Default = "{RecordSource}/{Domain}/{AppName}/{StreamID}/{RecordId}/" +
	"{StartYear}-{StartMonth}-{StartDay}-{StartHour}-{StartMinute}-{StartSecond}"

// Placeholders lists what a template may hold between { and }
// (reference tencent-live.md §6.1, COS object names).
var Placeholders = []string{
	"RecordSource", "Domain", "AppName", "StreamID", "RecordId", "RandomID",
	"StartYear", "StartMonth", "StartDay", "StartHour", "StartMinute", "StartSecond", "StartMillisecond",
	"EndYear", "EndMonth", "EndDay", "EndHour", "EndMinute", "EndSecond", "EndMillisecond",
}

// MaxLength is the largest length of a template in bytes that Check takes; it
// leaves room for the values in the 850 bytes of a COS key.
const MaxLength = 400

// Part is literal text, or a placeholder.
type Part struct{ Literal, Name string }

// Parse returns the components of a template, each with its parts. It takes any
// text: what is no placeholder is literal. Empty components are left out.
func Parse(template string) [][]Part {
	var components [][]Part
	for c := range strings.SplitSeq(template, "/") {
		if parts := parseComponent(c); len(parts) > 0 {
			components = append(components, parts)
		}
	}
	return components
}

// parseComponent returns the parts of a text without slash.
func parseComponent(s string) (parts []Part) {
	literal := func(text string) {
		if text != "" {
			parts = append(parts, Part{Literal: text})
		}
	}
	done := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '{' {
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 || !slices.Contains(Placeholders, s[i+1:i+end]) {
			continue
		}
		literal(s[done:i])
		parts = append(parts, Part{Name: s[i+1 : i+end]})
		done = i + end + 1
		i += end
	}
	literal(s[done:])
	return parts
}

// UsesEnd tells whether a template holds an {End…} placeholder, so that the key
// is known only when the file is finished.
func UsesEnd(template string) bool {
	return slices.ContainsFunc(names(template), func(n string) bool { return strings.HasPrefix(n, "End") })
}

// Distinct tells whether the keys of two recordings of one stream always differ.
func Distinct(template string) bool {
	return slices.ContainsFunc(names(template), func(n string) bool {
		return strings.HasPrefix(n, "Start") || n == "RandomID" || n == "RecordId"
	})
}

// names lists the placeholders of a template.
func names(template string) (all []string) {
	for _, c := range Parse(template) {
		for _, p := range c {
			if p.Name != "" {
				all = append(all, p.Name)
			}
		}
	}
	return all
}
