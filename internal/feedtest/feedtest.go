// Package feedtest publishes to a hooks.Handler in tests: publications that are
// fed by the test itself, from media that ffmpeg has coded once.
//
//	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=320x180:r=25", Audio: true})
//	s := feedtest.Online(handler, "live/cam1", m)
//	s.Play(0, 10*time.Second)
//	s.Offline("")
//
// Media is a loop: Play repeats it with shifted times for as long as asked, so
// that hours can be fed from a few seconds of coded pictures, paced or not.
package feedtest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/hooks"
)

// Unit is a unit with the DTS that the encoder gave it, which hosts don't tell.
type Unit struct {
	hooks.Unit
	DTS int64
}

// Media is coded media of some seconds, ready to be repeated.
type Media struct {
	File   string // as ffmpeg wrote it, for independent readers
	Tracks []hooks.Track
	Units  []Unit // in the order of their DTS; the first one stands near 0
	// Length is the time from a unit to the same unit in the next round.
	Length time.Duration
}

// Ticks converts a time to ticks of a track.
func (m *Media) Ticks(track int, d time.Duration) int64 {
	return int64(d) / 1000 * int64(m.Tracks[track].ClockRate) / 1_000_000
}

// Time is a unit's PTS.
func (m *Media) Time(u *Unit) time.Duration { return m.at(u.Track, u.PTS) }

// Decode is a unit's DTS.
func (m *Media) Decode(u *Unit) time.Duration { return m.at(u.Track, u.DTS) }

func (m *Media) at(track int, ticks int64) time.Duration {
	c := int64(m.Tracks[track].ClockRate)
	return time.Duration(ticks/c*int64(time.Second) + ticks%c*int64(time.Second)/c)
}

// Round returns the units of the n-th repetition (0 = as made).
func (m *Media) Round(n int) []Unit {
	out := slices.Clone(m.Units)
	for i := range out {
		shift := m.Ticks(out[i].Track, time.Duration(n)*m.Length)
		out[i].PTS += shift
		out[i].DTS += shift
	}
	return out
}

// Only returns the media with one track.
func (m *Media) Only(track int) *Media {
	out := &Media{File: m.File, Tracks: m.Tracks[track : track+1], Length: m.Length}
	for _, u := range m.Units {
		if u.Track == track {
			u.Track = 0
			out.Units = append(out.Units, u)
		}
	}
	return out
}

// Count returns the number of units of a track.
func (m *Media) Count(track int) (n int) {
	for i := range m.Units {
		if m.Units[i].Track == track {
			n++
		}
	}
	return n
}

var ids atomic.Int64

// Stream is a live publication.
type Stream struct {
	Pub   *hooks.Publication
	Media *Media
	// Speed is how many times faster than real time Play is; 0 = at once.
	Speed float64
	// Offset is added to all times, as of a publisher whose clock does not
	// begin at 0.
	Offset time.Duration

	h      hooks.Handler
	mu     sync.Mutex
	sink   hooks.Sink
	tracks []hooks.Track
	sent   []int64 // units per track
	start  time.Time
}

// Online begins a publication. change may alter it before it is told.
func Online(h hooks.Handler, path string, m *Media, change ...func(*hooks.Publication)) *Stream {
	id := ids.Add(1)
	p := &hooks.Publication{
		ID: fmt.Sprintf("pub-%d", id), Path: path, Protocol: "rtmp", SourceID: fmt.Sprintf("conn-%d", id),
		RemoteAddr: "192.0.2.1:4242", Host: "push.example.com:1935", Started: time.Now(), Tracks: slices.Clone(m.Tracks),
	}
	for _, f := range change {
		f(p)
	}
	s := &Stream{Pub: p, Media: m, h: h, tracks: slices.Clone(p.Tracks), sent: make([]int64, len(p.Tracks)), start: time.Now()}
	h.Online(p, s)
	return s
}

// Attach implements hooks.Feed.
func (s *Stream) Attach(sink hooks.Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink = sink
}

// Detach implements hooks.Feed.
func (s *Stream) Detach() { s.Attach(nil) }

// Tracks implements hooks.Feed.
func (s *Stream) Tracks() []hooks.Track {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tracks)
}

// Discarded implements hooks.Feed.
func (s *Stream) Discarded() uint64 { return 0 }

// Recorded tells whether somebody reads the stream.
func (s *Stream) Recorded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sink != nil
}

// Write delivers one unit.
func (s *Stream) Write(u hooks.Unit) {
	s.mu.Lock()
	sink := s.sink
	if u.Track >= 0 && u.Track < len(s.sent) {
		s.sent[u.Track]++
	}
	s.mu.Unlock()
	if sink != nil {
		sink.WriteUnit(u)
	}
}

// Sent is the number of units delivered of a track.
func (s *Stream) Sent(track int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[track]
}

// Play delivers the media from one time to another, counted from the first
// unit's DTS and repeated as often as needed. Adjoining calls adjoin.
func (s *Stream) Play(from, to time.Duration) {
	begun := time.Now()
	zero := s.Media.Decode(&s.Media.Units[0])
	for n := max(int(from/s.Media.Length)-1, 0); time.Duration(n)*s.Media.Length < to; n++ {
		for _, u := range s.Media.Round(n) {
			at := s.Media.Decode(&u) - zero
			if at < from || at >= to {
				continue
			}
			s.wait(begun, at-from)
			s.deliver(u, at)
		}
	}
}

// Rounds delivers the rounds [from, to) whole: every unit of the media once in each.
func (s *Stream) Rounds(from, to int) {
	begun := time.Now()
	zero := s.Media.Decode(&s.Media.Units[0]) + time.Duration(from)*s.Media.Length
	for n := from; n < to; n++ {
		for _, u := range s.Media.Round(n) {
			at := s.Media.Decode(&u)
			s.wait(begun, at-zero)
			s.deliver(u, at)
		}
	}
}

func (s *Stream) wait(begun time.Time, media time.Duration) {
	if s.Speed <= 0 {
		return
	}
	if d := time.Until(begun.Add(time.Duration(float64(media) / s.Speed))); d > time.Millisecond {
		time.Sleep(d)
	}
}

func (s *Stream) deliver(u Unit, at time.Duration) {
	u.PTS += s.Media.Ticks(u.Track, s.Offset)
	u.NTP = s.start.Add(at)
	s.Write(u.Unit)
}

// Offline ends the publication.
func (s *Stream) Offline(reason string) {
	s.Detach()
	s.h.Offline(s.Pub, reason)
}
