package mp4

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/internal/mux/codec"
)

// Notes come from a journal whose records were written by us, or by nobody we know.
func FuzzNotes(f *testing.F) {
	var n notes
	list := n.addCreated(nil, time.Unix(1700000000, 0))
	list = n.add(list, noteFrame, 1, []byte{0x0B, 0x77, 1, 2})
	var m codec.Meter
	list = n.add(list, noteMeasure, 0, m.AppendState(nil))
	list = n.add(list, noteInBand, 0, nil)
	list = n.add(list, noteRecovery, 0, []byte{3, 25})
	f.Add(list)
	f.Add([]byte{noteRecovery, 200, 1, 0xFF})
	f.Fuzz(func(t *testing.T, list []byte) {
		var n notes
		points, err := n.read(list)
		if err != nil {
			return
		}
		for _, p := range points {
			if p.sample < 0 || p.distance < 0 {
				t.Errorf("%+v", p)
			}
		}
		tables := []*table{{}}
		if err := n.points(tables, list); err != nil {
			t.Error(err)
		}
		for i := range n.facts {
			if n.facts[i].Ticks < 0 {
				t.Errorf("%+v", n.facts[i])
			}
		}
	})
}
