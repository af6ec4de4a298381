package main

import (
	"slices"
	"strings"
	"testing"
)

const ourMod = `module x

go 1.26.0

require (
	github.com/bluenviron/gortsplib/v5 v5.6.5
	github.com/bluenviron/mediacommon/v2 v2.9.4
	gopkg.in/yaml.v3 v3.0.1
)

require github.com/pion/rtp v1.8.21 // indirect
`

func TestDrift(t *testing.T) {
	got := drift(requirements(ourMod), "github.com/bluenviron/mediacommon/v2 v2.9.5\ngopkg.in/yaml.v3 v3.0.1\ngithub.com/pion/rtp v1.8.21\n")
	if !slices.Equal(got, []string{"github.com/bluenviron/mediacommon/v2@v2.9.5"}) {
		t.Errorf("%q", got)
	}
}

func TestLowered(t *testing.T) {
	got := lowered(ourMod, "require (\n\tgithub.com/bluenviron/mediacommon/v2 v2.4.1\n\tgithub.com/pion/rtp v1.8.20\n)\n")
	for _, want := range []string{"\tgithub.com/bluenviron/mediacommon/v2 v2.4.1\n", "gopkg.in/yaml.v3 v3.0.1", "github.com/pion/rtp v1.8.20 // indirect"} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "gortsplib") {
		t.Errorf("has a library that the release does not know:\n%s", got)
	}
}
