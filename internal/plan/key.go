package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config/keytemplate"
)

// Sizes in bytes. COS takes keys of up to 850, file systems names of up to 255.
// What stands behind a key is held in reserve: "-2" and so on (up to 20 bytes),
// then an extension, "_eof.m3u8" or "/1000000.m4s" (up to 12), and in the last
// component also what a store puts around the name of an unfinished file (20).
const (
	maxKey     = 850 - 50
	maxFolder  = 255
	maxLast    = 255 - 55
	maxPrefix  = keytemplate.MaxLength
	maxSource  = 2048 // of a key template
	maxValue   = 180  // of a publisher's value when there is room for it
	leastValue = 24
)

// KeyValues is what the placeholders of a key template stand for.
type KeyValues struct {
	RecordSource string // empty = origin
	Stream       Stream
	RecordID     int64
	RandomID     string
	Start        time.Time
	End          time.Time      // needed if UsesEnd says so
	Zone         *time.Location // of the times in the key; nil = UTC
}

// Key expands a key template (design §1.4). The result is the key of a file
// without its extension: relative, clean, valid UTF-8, below Prefix(template),
// and short enough for COS and file systems with everything that Final, Piece,
// Unique and a store's hidden files add.
//
// Publishers choose domain, app and stream, so these are made harmless:
//
//   - Letters, digits and symbols of all scripts stay, emoji too. Of ASCII these
//     stay: A-Z a-z 0-9 - _ . ~ @ = , ( ). Each run of anything else (control
//     characters, spaces, quotes, / \ : ? # % and the like, broken UTF-8)
//     becomes one "_".
//   - So do dots and hyphens at the start, and dots at the end.
//   - The app may hold "/": each of its components becomes a folder.
//   - Longer than 180 bytes (less, if the key would get too long), it is cut
//     between characters.
//   - A component that could be taken for another file (x.mp4, x_eof, init0) is
//     marked.
//
// What was changed gets "!" and 16 hexadecimal digits of the SHA-256 of the
// original. "!" itself counts as harmful, so no two values come out the same:
// "a?b" becomes "a_b!…", and a stream that calls itself "a_b!…" becomes another.
//
// What the operator typed into the template stays but for control characters and
// \ " < > | ? * : # % ` ^ { }; empty folders vanish, "." and ".." become "_" and
// "__". An unknown placeholder is such text: see keytemplate.Check.
func Key(template string, v KeyValues) string {
	t := parseKeyTemplate(template)
	if v.RecordSource == "" {
		v.RecordSource = "origin"
	}
	if v.Zone == nil {
		v.Zone = time.UTC
	}
	v.Start, v.End = v.Start.In(v.Zone), v.End.In(v.Zone)
	room := maxKey - len(t.prefix)
	for budget := maxValue; ; budget /= 2 {
		parts := t.expand(&v, budget)
		if fits(parts, room) {
			return t.prefix + strings.Join(parts, "/")
		}
		if budget/2 < leastValue {
			return t.prefix + strings.Join(shorten(parts, room), "/")
		}
	}
}

// Prefix returns the folders of a key template that hold no placeholder, with a
// slash at the end; empty if there is none. Every key of the template lies below.
func Prefix(template string) string { return parseKeyTemplate(template).prefix }

// expand returns the components behind the prefix. Publishers' values get budget
// bytes each, the app twice that in all.
func (t *keyTemplate) expand(v *KeyValues, budget int) []string {
	var out []string
	for _, c := range t.components {
		open := "" // the component that is being put together
		for _, p := range c {
			switch p.Name {
			case "":
				open += p.Literal
			case "AppName":
				folders := cleanPath(v.Stream.App, budget)
				folders[0] = open + folders[0]
				last := len(folders) - 1
				for _, f := range folders[:last] {
					out = append(out, finish(f))
				}
				open = folders[last]
			default:
				open += cleanValue(v.value(p.Name), budget)
			}
		}
		out = append(out, finish(open))
	}
	return out
}

// value returns what a placeholder stands for.
func (v *KeyValues) value(name string) string {
	switch name {
	case "RecordSource":
		return v.RecordSource
	case "Domain":
		return v.Stream.Domain
	case "StreamID":
		return v.Stream.Name
	case "RecordId":
		return fmt.Sprintf("%019d", v.RecordID)
	case "RandomID":
		return v.RandomID
	}
	if unit, ok := strings.CutPrefix(name, "Start"); ok {
		return timeValue(v.Start, unit)
	}
	return timeValue(v.End, strings.TrimPrefix(name, "End"))
}

func timeValue(t time.Time, unit string) string {
	switch unit {
	case "Year":
		return t.Format("2006")
	case "Month":
		return t.Format("01")
	case "Day":
		return t.Format("02")
	case "Hour":
		return t.Format("15")
	case "Minute":
		return t.Format("04")
	case "Second":
		return t.Format("05")
	}
	return fmt.Sprintf("%03d", t.Nanosecond()/int(time.Millisecond))
}

func fits(components []string, room int) bool {
	total := len(components) - 1
	for i, c := range components {
		limit := maxFolder
		if i == len(components)-1 {
			limit = maxLast
		}
		if len(c) > limit {
			return false
		}
		total += len(c)
	}
	return total <= room
}

// shorten is the last resort, for templates that are themselves too long: cut
// each component; if that is not enough, a hash stands for the rest.
func shorten(components []string, room int) []string {
	rest := "_" + mark(strings.Join(components, "/"))
	out := make([]string, 0, len(components))
	used := 0
	for i, c := range components {
		limit := maxFolder
		if i == len(components)-1 {
			limit = maxLast
		}
		if len(c) > limit {
			c = cut(c, limit-markSize) + mark(c)
		}
		last := i == len(components)-1
		if used+len(c) > room || !last && used+len(c)+1+len(rest) > room {
			return append(out, rest)
		}
		used += len(c) + 1
		out = append(out, c)
	}
	return out
}
