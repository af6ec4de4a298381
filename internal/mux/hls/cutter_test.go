package hls

import (
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

var (
	videoTrack = hooks.Track{Codec: hooks.H264, ClockRate: 90000}
	audioTrack = hooks.Track{Codec: hooks.AAC, ClockRate: 48000}
)

// feed plays samples given in milliseconds and returns the pieces.
type feed struct {
	c     *Cutter
	ended []Ended
	gaps  int
}

func (f *feed) video(ms, dur int64, sync bool) { f.write(0, ms*90, dur*90, sync) }
func (f *feed) audio(ms int64)                 { f.write(1, ms*48, 1024, true) }

func (f *feed) write(track int, dts, dur int64, sync bool) {
	cut := f.c.Next(&mux.Sample{Track: track, DTS: dts, PTS: dts, Dur: dur, Sync: sync})
	if cut.New && cut.Ended.Duration > 0 {
		f.ended = append(f.ended, cut.Ended)
	}
	if cut.Gap {
		f.gaps++
	}
}

func newFeed(segment time.Duration, target int) *feed {
	return &feed{c: NewCutter([]hooks.Track{videoTrack, audioTrack}, segment, target)}
}

// obeys checks that no piece breaks the target once it is fixed.
func (f *feed) obeys(t *testing.T) {
	t.Helper()
	all := append(f.ended, f.c.End())
	for i, e := range all {
		if e.Duration.Round(time.Second) > time.Duration(f.c.Target())*time.Second {
			t.Errorf("piece %d lasts %v, target %d", i, e.Duration, f.c.Target())
		}
	}
}

func TestCutterTarget(t *testing.T) {
	for _, x := range []struct {
		gop, segment int64 // ms
		target       int
		first        time.Duration
	}{
		{2000, 10000, 15, 10 * time.Second},
		{3000, 10000, 15, 12 * time.Second},
		{8000, 10000, 18, 16 * time.Second},
		{12000, 10000, 20, 12 * time.Second},
		{30000, 10000, 20, 20 * time.Second},
		{1000, 1000, 2, time.Second},
		{500, 300, 1, 500 * time.Millisecond},
	} {
		f := newFeed(time.Duration(x.segment)*time.Millisecond, 0)
		for ms := int64(0); ms < 120000; ms += 20 {
			f.video(ms, 20, ms%x.gop == 0)
		}
		if f.c.Target() != x.target || f.ended[0].Duration != x.first {
			t.Errorf("GOP %d, segment %d: target %d, first piece %v", x.gop, x.segment, f.c.Target(), f.ended[0].Duration)
		}
		f.obeys(t)
		var sum time.Duration
		for _, e := range append(f.ended, f.c.End()) {
			sum += e.Duration
		}
		if sum != 2*time.Minute || f.gaps != 0 {
			t.Errorf("GOP %d: pieces add up to %v, %d gaps", x.gop, sum, f.gaps)
		}
	}
}

func TestCutterJump(t *testing.T) {
	f := newFeed(10*time.Second, 15)
	for ms := int64(0); ms < 5000; ms += 40 {
		f.video(ms, 40, ms%1000 == 0)
	}
	for ms := int64(100_000); ms < 105_000; ms += 40 {
		f.video(ms, 40, ms%1000 == 0)
	}
	if f.gaps != 1 || len(f.ended) != 1 || f.ended[0] != (Ended{Duration: 5 * time.Second}) {
		t.Errorf("gaps %d, pieces %+v", f.gaps, f.ended)
	}
	if e := f.c.End(); e.Duration != 5*time.Second || e.Dependent {
		t.Errorf("last piece %+v", e)
	}
}

// TestCutterStall has a video track that stops while audio goes on.
func TestCutterStall(t *testing.T) {
	f := newFeed(2*time.Second, 3)
	for ms := int64(0); ms < 30000; ms += 20 {
		if ms < 5000 && ms%40 == 0 || ms >= 20000 && ms%40 == 0 {
			f.video(ms, 40, ms%1000 == 0)
		}
		f.audio(ms)
	}
	f.obeys(t)
	dependent := 0
	for _, e := range f.ended {
		if e.Dependent {
			dependent++
		}
	}
	if f.gaps != 0 || dependent < 4 || len(f.ended) < 9 {
		t.Errorf("gaps %d, pieces %+v", f.gaps, f.ended)
	}
}

// TestCutterUnknown has samples that tell no duration.
func TestCutterUnknown(t *testing.T) {
	f := newFeed(4*time.Second, 0)
	for ms := int64(0); ms < 20000; ms += 500 {
		f.video(ms, 0, ms%2000 == 0)
	}
	f.obeys(t)
	if len(f.ended) != 4 || f.c.End().Duration != 4*time.Second {
		t.Errorf("pieces %+v, then %+v", f.ended, f.c.End())
	}
}

func TestCutterAudioOnly(t *testing.T) {
	c := NewCutter([]hooks.Track{audioTrack}, 2*time.Second, 0)
	n := 0
	for i := int64(0); i < 48000*10/1024; i++ {
		d := c.Next(&mux.Sample{DTS: i * 1024, Dur: 1024, Sync: true})
		if d.New && i > 0 {
			n++
			if d.Ended.Duration < 2*time.Second || d.Ended.Duration > 2030*time.Millisecond || d.Ended.Dependent {
				t.Errorf("piece %+v", d.Ended)
			}
		}
	}
	if n != 4 || c.Target() != 3 {
		t.Errorf("%d pieces, target %d", n, c.Target())
	}
}

// TestCutterJitter: key frames that come 20 ms before or after their time, and are
// shown later than they are decoded, cut neither within a GOP nor odd ends.
func TestCutterJitter(t *testing.T) {
	for _, x := range []struct {
		segment, gop, delay int64 // ms
	}{
		{4000, 2000, 0}, {4000, 4000, 80}, {2000, 3000, 80}, {10000, 2000, 120}, {10000, 1000, 0}, {6000, 2000, 80}, {2000, 2000, 40},
	} {
		f := newFeed(time.Duration(x.segment)*time.Millisecond, 0)
		next, n := int64(0), int64(0)
		for ms := int64(0); ms < 120_000; ms += 20 {
			sync := ms >= next
			if sync {
				n++
				next = n*x.gop + []int64{-20, 20, 0}[n%3]
			}
			dts := ms * 90
			cut := f.c.Next(&mux.Sample{DTS: dts, PTS: dts + x.delay*90, Dur: 1800, Sync: sync})
			if cut.New && cut.Ended.Duration > 0 {
				f.ended = append(f.ended, cut.Ended)
			}
		}
		f.obeys(t)
		want := max(x.segment, x.gop)
		for i, e := range f.ended {
			if off := e.Duration.Milliseconds() - want; e.Dependent || off < -60 || off > 60 {
				t.Errorf("segment %d, GOP %d: piece %d is %+v", x.segment, x.gop, i, e)
			}
		}
	}
}

// TestCutterOpenGOP: pictures that lead a CRA and refer to the GOP before make the
// piece depend on the one before.
func TestCutterOpenGOP(t *testing.T) {
	for _, rasl := range []bool{true, false} {
		tr := hooks.Track{Codec: hooks.H265, ClockRate: 90000}
		c := NewCutter([]hooks.Track{tr}, 2*time.Second, 4)
		var ended []Ended
		for i := int64(0); i < 200; i++ {
			kind := byte(1) // TRAIL_R
			pts := i + 2
			switch i % 50 {
			case 0:
				kind = 21 // CRA
			case 1, 2:
				if kind, pts = 7, i-1+1; rasl { // RADL, else RASL
					kind = 9
				}
			}
			cut := c.Next(&mux.Sample{DTS: i * 3600, PTS: pts * 3600, Dur: 3600, Sync: i%50 == 0, Payload: [][]byte{{kind << 1, 1, 2}}})
			if cut.New && i > 0 {
				ended = append(ended, cut.Ended)
			}
		}
		for i, e := range append(ended, c.End()) {
			if e.Dependent != rasl || e.Duration.Round(100*time.Millisecond) != 2*time.Second {
				t.Errorf("RASL %v: piece %d: %+v", rasl, i, e)
			}
		}
	}
}
