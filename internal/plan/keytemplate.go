package plan

import (
	"slices"
	"strings"

	"github.com/live-recording/liverecord/config/keytemplate"
)

// keyTemplate is a key template taken apart: folders without placeholder, then
// at least one component. Its literal parts are clean.
type keyTemplate struct {
	prefix     string // "" or with a slash at the end
	components [][]keytemplate.Part
}

func parseKeyTemplate(template string) keyTemplate {
	components := keytemplate.Parse(cut(template, maxSource))
	if len(components) == 0 {
		return parseKeyTemplate(keytemplate.Default)
	}
	for _, c := range components {
		for i := range c {
			c[i].Literal, _ = keytemplate.Literal(c[i].Literal)
		}
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

func hasPlaceholder(c []keytemplate.Part) bool {
	return slices.ContainsFunc(c, func(p keytemplate.Part) bool { return p.Name != "" })
}

func literalOf(c []keytemplate.Part) string {
	text := ""
	for _, p := range c {
		text += p.Literal
	}
	return text
}

// UsesEnd tells whether a key template holds an {End…} placeholder, so that the
// key is known only when the file is finished.
func UsesEnd(template string) bool { return keytemplate.UsesEnd(template) }
