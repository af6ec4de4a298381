// Package bridgetest is the suite that the bridge of each release of MediaMTX
// passes, against a real stream of that release. A bridge brings a Driver, which
// holds what differs between releases: how formats and units are made.
package bridgetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/patches/host"
)

// Driver makes what the suite works with, in the types of one release.
type Driver struct {
	// Media returns a format and a unit's payload of each kind: the keys of want.
	Media map[string]Media
	// Open starts a stream with these formats, whose readers have a queue of
	// that many units. The stream is closed when the test ends.
	Open func(t *testing.T, queue int, formats ...any) Stream
	// Online calls the bridge's Online with a source that describes itself as
	// Described, has no description (Silent), or is nil (None). The path is p.
	Online func(s *host.Server, x Stream, p Path, source Source) *host.Session
}

// Media is a format, and the payload of a unit as a protocol server writes it.
type Media struct{ Format, Payload any }

// Path is what the bridge is told of a path.
type Path struct {
	Name, Query string
	Record      bool
}

// Source is the publisher of a path.
type Source int

// The sources that a Driver makes.
const (
	None      Source = iota
	Silent           // has no description for the API
	Described        // an rtmpsConn with the ID 7 that embeds Describer
)

// Stream is a stream of the release.
type Stream interface {
	// Write writes a unit to a track, received at Received.
	Write(track int, pts int64, payload any)
	// Reader returns a reader of the bridge.
	Reader() host.Reader
}

// Received is the wall clock of all units.
var Received = time.Unix(100, 0)

// Names of Media that tests use on their own.
const (
	Opus      = "opus"
	OpusUnit  = "opus, one packet" // format as Opus
	H264      = "h264"
	H264Empty = "h264 without parameters" // and a unit that brings SPS 67 07, PPS 68 08
	KLV       = "klv"
)

// Run runs the suite.
func Run(t *testing.T, d Driver) {
	for name, f := range map[string]func(*testing.T, Driver){
		"tracks and units":                 tracksAndUnits,
		"parameters follow the stream":     parametersFollow,
		"a full queue is counted":          fullQueue,
		"a stream without usable format":   noUsableFormat,
		"online":                           online,
		"online with little":               onlineWithLittle,
		"every kind of media has a driver": everyKind,
	} {
		t.Run(name, func(t *testing.T) { f(t, d) })
	}
}

func everyKind(t *testing.T, d Driver) {
	for _, w := range wants() {
		if d.Media[w.name].Format == nil || d.Media[w.name].Payload == nil {
			t.Errorf("no media %q", w.name)
		}
	}
	for _, name := range []string{OpusUnit, H264Empty} {
		if d.Media[name].Payload == nil {
			t.Errorf("no media %q", name)
		}
	}
}

func tracksAndUnits(t *testing.T, d Driver) {
	all := wants()
	var formats []any
	for _, w := range all {
		formats = append(formats, d.Media[w.name].Format)
	}
	s := d.Open(t, 64, formats...)
	r := s.Reader()
	tracks := r.Tracks()
	if len(tracks) != len(all) {
		t.Fatalf("%d tracks, want %d", len(tracks), len(all))
	}
	for i, w := range all {
		if fmt.Sprintf("%+v", tracks[i]) != fmt.Sprintf("%+v", w.track) {
			t.Errorf("%s: %+v, want %+v", w.name, tracks[i], w.track)
		}
	}
	got := map[int]hooks.Unit{}
	r.Start(func(u hooks.Unit) { got[u.Track] = u })
	for i, w := range all {
		s.Write(i, int64(1000+i), d.Media[w.name].Payload)
	}
	waitMark(t, r)
	r.Stop()
	for i, w := range all {
		u, ok := got[i]
		if ok != (w.payload != nil) {
			t.Errorf("%s: delivered: %v", w.name, ok)
			continue
		}
		if ok && (!slices.EqualFunc(u.Payload, w.payload, bytes.Equal) || u.PTS != int64(1000+i) || !u.NTP.Equal(Received)) {
			t.Errorf("%s: %x at %d, want %x", w.name, u.Payload, u.PTS, w.payload)
		}
	}
}

func waitMark(t *testing.T, r host.Reader) {
	t.Helper()
	done := make(chan struct{})
	if !r.Mark(func() { close(done) }) {
		t.Fatal("queue full")
	}
	<-done
}

func parametersFollow(t *testing.T, d Driver) {
	s := d.Open(t, 64, d.Media[H264Empty].Format)
	r := s.Reader()
	if sps := r.Tracks()[0].SPS; sps != nil {
		t.Errorf("SPS %x", sps)
	}
	s.Write(0, 0, d.Media[H264Empty].Payload)
	if tr := r.Tracks()[0]; !bytes.Equal(tr.SPS, []byte{0x67, 7}) || !bytes.Equal(tr.PPS, []byte{0x68, 8}) {
		t.Errorf("%+v", tr)
	}
}

func fullQueue(t *testing.T, d Driver) {
	s := d.Open(t, 8, d.Media[Opus].Format)
	r := s.Reader()
	entered, release := make(chan struct{}, 100), make(chan struct{})
	n := 0
	r.Start(func(hooks.Unit) { n++; entered <- struct{}{}; <-release })
	s.Write(0, 0, d.Media[OpusUnit].Payload)
	<-entered // the queue is empty again, the sink is stuck
	for i := range 12 {
		s.Write(0, int64(i+1), d.Media[OpusUnit].Payload)
	}
	if got := r.Discarded(); got != 4 {
		t.Errorf("discarded %d, want 4", got)
	}
	if r.Mark(func() {}) {
		t.Error("mark in a full queue")
	}
	close(release)
	for !r.Mark(func() {}) {
		time.Sleep(time.Millisecond)
	}
	waitMark(t, r)
	r.Stop()
	if n != 9 {
		t.Errorf("delivered %d, want 9", n)
	}
}

func noUsableFormat(t *testing.T, d Driver) {
	s := d.Open(t, 8, d.Media[KLV].Format)
	r := s.Reader()
	r.Start(func(hooks.Unit) { t.Error("a unit") })
	s.Write(0, 0, d.Media[KLV].Payload)
	waitMark(t, r)
	r.Stop()
}
