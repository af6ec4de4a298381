package timeline

import (
	"slices"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/feedtest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const ms = time.Millisecond

func avTracks() []hooks.Track {
	return []hooks.Track{
		{Codec: hooks.VP8, ClockRate: 90000, Width: 64, Height: 64},
		{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, AudioConfig: []byte{0x11, 0x90}},
	}
}

// picture is a VP8 frame that is a key frame or not; a cheap stand-in for any codec without reordering.
func picture(at time.Duration, key bool) hooks.Unit {
	first := byte(1)
	if key {
		first = 0
	}
	return hooks.Unit{Track: 0, PTS: int64(at/ms) * 90, NTP: noon.Add(at), Payload: [][]byte{{first, 1, 2, 3, 4, 5, 64, 0, 64, 0}}}
}

// sound is an audio unit of n AAC frames.
func sound(at time.Duration, n int) hooks.Unit {
	u := hooks.Unit{Track: 1, PTS: int64(at/ms) * 48, NTP: noon.Add(at)}
	for i := range n {
		u.Payload = append(u.Payload, []byte{byte(i)})
	}
	return u
}

// feed writes units, each arriving at its own time (that is, at its NTP).
func feed(tl *Timeline, units ...hooks.Unit) {
	for _, u := range units {
		tl.Write(u, u.NTP)
	}
}

type taken []*Sample

func (k *taken) add(s *Sample) { *k = append(*k, s) }

// times lists the times of one track's samples in ms.
func (k taken) times(track int) (out []int) {
	for _, s := range k {
		if s.Track == track {
			out = append(out, int(s.Time()/ms))
		}
	}
	return out
}

func check(t *testing.T, what string, got, want []int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s at %v, want %v", what, got, want)
	}
}

func TestBeginsWithTheKeyFrame(t *testing.T) {
	cases := []struct {
		name         string
		o            Options
		in           []hooks.Unit
		video, audio []int
		beforeKey    int
	}{
		{"key frame first", free, []hooks.Unit{picture(0, true), sound(0, 1), picture(40*ms, false)}, []int{0, 40}, []int{0}, 0},
		{"pictures before the key frame are not decodable", free,
			[]hooks.Unit{picture(0, false), sound(0, 1), picture(40*ms, false), sound(64*ms, 1), picture(80*ms, true), sound(96*ms, 1)},
			[]int{80}, []int{96}, 3 + 1},
		{"audio that came with the first picture stays", free,
			[]hooks.Unit{sound(0, 1), sound(64*ms, 1), picture(400*ms, true)}, []int{400}, []int{0, 64}, 0},
		{"audio long before does not", free,
			[]hooks.Unit{sound(0, 1), sound(1000*ms, 1), picture(1400*ms, true)}, []int{1400}, []int{1000}, 1},
		{"attached in the middle: audio before the key frame goes", Options{JoinAt: -1},
			[]hooks.Unit{sound(0, 1), sound(64*ms, 1), picture(100*ms, true), sound(128*ms, 1)}, []int{100}, []int{128}, 2},
		{"a unit of several frames is parted at the key frame", Options{JoinAt: -1},
			[]hooks.Unit{sound(0, 9), picture(64*ms, true)}, []int{64}, []int{64, 85, 106, 128, 149, 170}, 0},
		{"no video wanted", Options{JoinAt: -1, NoVideo: true},
			[]hooks.Unit{sound(0, 1), picture(0, false), sound(21*ms, 1)}, []int{0}, []int{0, 21}, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var k taken
			tl := New(avTracks(), c.o, k.add)
			feed(tl, c.in...)
			tl.Flush()
			check(t, "video", k.times(0), c.video)
			check(t, "audio", k.times(1), c.audio)
			if n := tl.Stats().BeforeKey; n != c.beforeKey {
				t.Errorf("%d units counted as before the key frame, not %d", n, c.beforeKey)
			}
		})
	}
}

func TestWithoutKeyFrameBeginsAfterPatience(t *testing.T) {
	var k taken
	tl := New(avTracks(), free, k.add)
	for at := time.Duration(0); at < Patience; at += 40 * ms {
		feed(tl, picture(at, false), sound(at, 1))
	}
	if len(k) > 0 {
		t.Fatalf("%d samples before the patience was over", len(k))
	}
	feed(tl, picture(Patience, false), sound(Patience, 1))
	tl.Flush()
	if v, a := k.times(0), k.times(1); len(v) != 251 || len(a) != 251 || v[0] != 0 || a[0] != 0 {
		t.Errorf("%d pictures and %d frames, not 251 each from 0 on", len(v), len(a))
	}
	for _, s := range k {
		if s.Track == 0 && s.Sync {
			t.Error("a picture that is no key frame is said to be one")
			break
		}
	}
}

func TestDeclaredButSilentVideo(t *testing.T) {
	var k taken
	tl := New(avTracks(), free, k.add)
	feed(tl, sound(0, 1), sound(21*ms, 1))
	tl.Tick(noon.Add(Patience - ms))
	if len(k) > 0 {
		t.Fatal("did not wait for the video")
	}
	tl.Tick(noon.Add(Patience))
	feed(tl, sound(20*time.Second, 1))
	tl.Flush()
	check(t, "audio", k.times(1), []int{0, 21, 20000})
}

func TestAudioOnlyBeginsAtOnce(t *testing.T) {
	var k taken
	tl := New(avTracks()[1:], free, k.add)
	u := sound(0, 2)
	u.Track = 0
	feed(tl, u)
	check(t, "audio", k.times(0), []int{0, 21})
}

func TestShortPushesAreWhole(t *testing.T) {
	m := feedtest.Make(t, feedtest.Spec{Video: "testsrc2=s=160x96:r=25", Audio: true})
	for n := 1; n <= len(m.Units); n = n + 1 + n/8 {
		units := m.Units[:n]
		out, _ := through(m.Tracks, units, free)
		want := make([]int, 2)
		for i := range units {
			want[units[i].Track]++
		}
		if len(out[0]) != want[0] || len(out[1]) != want[1] {
			t.Fatalf("of the first %d units: %d pictures and %d frames, not %d and %d", n, len(out[0]), len(out[1]), want[0], want[1])
		}
		for i, s := range out[0] {
			if i > 0 && s.DTS <= out[0][i-1].DTS || s.DTS > s.PTS {
				t.Fatalf("of the first %d units: picture %d has DTS %d, PTS %d", n, i, s.DTS, s.PTS)
			}
		}
	}
}

func TestAudioFramesAreExact(t *testing.T) {
	cases := []struct {
		name  string
		tr    hooks.Track
		frame []byte
		step  []int64 // ticks from frame to frame
	}{
		{"AAC", hooks.Track{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, AudioConfig: []byte{0x11, 0x90}}, []byte{1}, []int64{1024, 1024, 1024}},
		{"AAC on a 90 kHz clock", hooks.Track{Codec: hooks.AAC, ClockRate: 90000, SampleRate: 44100, AudioConfig: []byte{0x12, 0x10}}, []byte{1},
			[]int64{2089, 2090, 2090}},
		{"AAC that does not tell its rate", hooks.Track{Codec: hooks.AAC, ClockRate: 44100, AudioConfig: []byte{0x12, 0x10}}, []byte{1}, []int64{1024, 1024}},
		{"AAC with 960 samples", hooks.Track{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, AudioConfig: []byte{0x11, 0x94}}, []byte{1}, []int64{960, 960}},
		{"Opus 20 ms", hooks.Track{Codec: hooks.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2}, []byte{0xfc, 1, 2}, []int64{960, 960}},
		{"AC-3", hooks.Track{Codec: hooks.AC3, ClockRate: 48000, SampleRate: 48000, Channels: 2}, []byte{0x0b, 0x77}, []int64{1536, 1536}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var k taken
			tl := New([]hooks.Track{c.tr}, free, k.add)
			u := hooks.Unit{PTS: 7}
			for range len(c.step) + 1 {
				u.Payload = append(u.Payload, c.frame)
			}
			tl.Write(u, noon)
			tl.Flush()
			at := int64(7)
			for i, s := range k {
				if s.DTS != at || s.PTS != at || len(s.Payload) != 1 {
					t.Fatalf("frame %d at %d, not %d", i, s.DTS, at)
				}
				if i < len(c.step) {
					if s.Dur != c.step[i] {
						t.Fatalf("frame %d lasts %d, not %d", i, s.Dur, c.step[i])
					}
					at += c.step[i]
				}
			}
		})
	}
}
