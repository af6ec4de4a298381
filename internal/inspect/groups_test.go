package inspect

import (
	"strings"
	"testing"

	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

// Sample groups of a fragment are read and compared with its samples.
func TestGroups(t *testing.T) {
	points := []isobmff.Point{{Sample: 2, Distance: 5}, {Sample: 4, Distance: 7}, {Sample: 5}}
	for name, c := range map[string]struct {
		samples int
		cut     int // bytes that are missing at the end
		want    string
		without bool // the descriptions
	}{
		"whole":           {samples: 6},
		"too few samples": {samples: 3, want: "and there are 3"},
		"cut":             {samples: 6, cut: 3, want: "is damaged"},
		"not described":   {samples: 6, without: true, want: "sgpd describes 0"},
	} {
		var w isobmff.Writer
		isobmff.Groups(&w, points, 6, ownGroup+1)
		boxes, err := children(w.B, 0)
		if err != nil {
			t.Fatal(err)
		}
		var g groups
		damaged := false
		for i, b := range boxes {
			if i == len(boxes)-1 {
				b.b = b.b[:len(b.b)-c.cut]
			}
			f := &fields{b: b.b}
			v, _ := f.full()
			switch {
			case b.kind == "sbgp":
				g.sbgp(f, v)
			case !c.without:
				g.sgpd(f, v)
			}
			damaged = damaged || f.bad
		}
		got := ""
		if damaged {
			got = "is damaged"
		} else if err := g.check(c.samples); err != nil {
			got = err.Error()
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
