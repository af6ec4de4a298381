package feedtest

import (
	"testing"

	"github.com/live-recording/liverecord/hooks"
)

type collector struct{ units []hooks.Unit }

func (c *collector) Online(_ *hooks.Publication, f hooks.Feed) { f.Attach(c) }
func (c *collector) Offline(*hooks.Publication, string)        {}
func (c *collector) WriteUnit(u hooks.Unit)                    { c.units = append(c.units, u) }

func TestLoopHasNoSeam(t *testing.T) {
	m := Make(t, Spec{Video: "testsrc2=s=160x90:r=25", Audio: true})
	if v, a := m.Count(0), m.Count(1); v != 120 || a != 225 {
		t.Fatalf("%d pictures and %d frames in 4.8 s", v, a)
	}
	var c collector
	s := Online(&c, "live/x", m)
	s.Rounds(0, 7)
	s.Rounds(7, 20)
	s.Offline("")
	if len(c.units) != 20*len(m.Units) {
		t.Fatalf("%d units, not %d", len(c.units), 20*len(m.Units))
	}
	seen := map[int64]bool{}
	next := int64(0)
	for _, u := range c.units {
		if u.Track == 0 {
			if u.PTS%3600 != 0 || seen[u.PTS] {
				t.Fatalf("picture at %d", u.PTS)
			}
			seen[u.PTS] = true
			continue
		}
		if u.PTS != next {
			t.Fatalf("audio frame at %d, not %d", u.PTS, next)
		}
		next += 1024
	}
	if len(seen) != 2400 {
		t.Fatalf("%d pictures", len(seen))
	}
}
