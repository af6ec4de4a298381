package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/live-recording/liverecord/config"
)

var timeUnits = []string{"Year", "Month", "Day", "Hour", "Minute", "Second", "Millisecond"}

// keyPart is literal text, cleaned, or a placeholder.
type keyPart struct{ literal, name string }

// keyTemplate is a key template taken apart: folders without placeholder, then
// at least one component.
type keyTemplate struct {
	prefix     string // "" or with a slash at the end
	components [][]keyPart
}

func parseKeyTemplate(template string) keyTemplate {
	var components [][]keyPart
	for _, c := range strings.Split(cut(template, maxSource), "/") {
		if parts := parseComponent(c); len(parts) > 0 {
			components = append(components, parts)
		}
	}
	if len(components) == 0 {
		return parseKeyTemplate(config.DefaultPath)
	}
	fixed := 0
	for fixed < len(components)-1 && !hasPlaceholder(components[fixed]) {
		fixed++
	}
	var folders []string
	for _, c := range components[:fixed] {
		folders = append(folders, finish(literalOf(c)))
	}
	t := keyTemplate{components: components[fixed:]}
	if len(folders) > 0 {
		t.prefix = strings.Join(shorten(folders, maxPrefix), "/") + "/"
	}
	return t
}

// parseComponent returns the parts of a text without slash.
func parseComponent(s string) (parts []keyPart) {
	literal := func(text string) {
		if text, _ = replace(text, okInLiteral); text != "" {
			parts = append(parts, keyPart{literal: text})
		}
	}
	done := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '{' {
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 || !slices.Contains(config.Placeholders, s[i+1:i+end]) {
			continue
		}
		literal(s[done:i])
		parts = append(parts, keyPart{name: s[i+1 : i+end]})
		done = i + end + 1
		i += end
	}
	literal(s[done:])
	return parts
}

func hasPlaceholder(c []keyPart) bool {
	return slices.ContainsFunc(c, func(p keyPart) bool { return p.name != "" })
}

func literalOf(c []keyPart) string {
	text := ""
	for _, p := range c {
		text += p.literal
	}
	return text
}

// UsesEnd tells whether a key template holds an {End…} placeholder, so that the
// key is known only when the file is finished.
func UsesEnd(template string) bool {
	for _, unit := range timeUnits {
		if strings.Contains(template, "{End"+unit+"}") {
			return true
		}
	}
	return false
}

// CheckPath tells what is wrong with a key template of a format: an unknown or
// broken placeholder, a component that Key would have to change, an {End…} in
// hls (its playlist is written while recording), or more text than there is room
// for. A slash in front is fine.
func CheckPath(template string, f config.FormatName) error {
	if f == config.HLS && UsesEnd(template) {
		return fmt.Errorf("an hls path can't hold {End…}: its playlist has its name from the start; use {Start…}")
	}
	if len(template) > maxPrefix {
		return fmt.Errorf("the path is %d bytes long; up to %d leave room for names", len(template), maxPrefix)
	}
	for _, c := range strings.Split(strings.TrimPrefix(template, "/"), "/") {
		if err := checkComponent(c); err != nil {
			return err
		}
	}
	return nil
}

func checkComponent(c string) error {
	if c == "" {
		return fmt.Errorf("the path is empty or has an empty folder (\"//\" or a slash at the end)")
	}
	text := "" // the component with a harmless letter for each placeholder
	for rest := c; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		text += before
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return fmt.Errorf("{%s lacks its }", name)
		}
		if !slices.Contains(config.Placeholders, name) {
			return fmt.Errorf("{%s} is unknown; there are {%s}", name, strings.Join(config.Placeholders, "} {"))
		}
		text += "x"
		rest = tail
	}
	if clean, changed := replace(text, okInLiteral); changed {
		return fmt.Errorf("%q holds characters that are awkward in keys; without them it were %q", c, clean)
	}
	if text != edges(text) {
		return fmt.Errorf("%q must not begin with a dot, hyphen or space nor end with a dot or space", c)
	}
	if reserved(text) {
		return fmt.Errorf("%q looks like a file of a recording; it must not end in an extension or _eof nor be init0", c)
	}
	return nil
}
