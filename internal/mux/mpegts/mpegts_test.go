package mpegts

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

var (
	sps = []byte{
		0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00,
		0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20,
	}
	pps   = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
	video = hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: sps, PPS: pps}
	audio = hooks.Track{Codec: hooks.AAC, ClockRate: 48000, SampleRate: 48000, Channels: 2, AudioConfig: []byte{0x11, 0x90}}
)

func noise(r *rand.Rand, first byte, n int) []byte {
	b := make([]byte, n)
	b[0] = first
	for i := 1; i < n; i++ {
		b[i] = byte(r.IntN(255)) + 1 // no start code
	}
	return b
}

func flushed(m *Muxer) []byte { return bytes.Join(m.Flush().Body, nil) }

func newMuxer(t testing.TB, tracks ...hooks.Track) *Muxer {
	t.Helper()
	m, err := New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestReader writes access units of every size around the limits of a packet
// and reads them back with mediacommon.
func TestReader(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := newMuxer(t, video, audio)
	var w hlstest.TS
	var stream []byte
	var aus, frames [][]byte
	var stamps []int64
	const start = 1<<33 - 20*90000 // wraps after 10 seconds
	m.SetOrigin(10)                // time stamp = DTS
	for i := range 900 {
		n := 1 + i
		if i > 800 {
			n = 60_000 + r.IntN(20_000)
		}
		au := [][]byte{noise(r, 0x41, n)}
		sync := i%50 == 0
		if sync {
			if i > 0 {
				b := flushed(m)
				w.Piece(b)
				stream = append(stream, b...)
				m.StartPiece()
			}
			au = [][]byte{{0x09, 0xf0}, sps, pps, noise(r, 0x65, n)}
		}
		dts := int64(start + i*3600)
		pts := dts + int64(i%3)*3600
		if err := m.Write(&mux.Sample{DTS: dts, PTS: pts, Dur: 3600, Sync: sync, Payload: au}); err != nil {
			t.Fatal(err)
		}
		aus, stamps = append(aus, au[len(au)-1]), append(stamps, pts)
		for k := range 2 {
			f := noise(r, 0x21, 1+r.IntN(700))
			dts := int64(start/90000*48000) + int64(2*i+k)*1024
			if err := m.Write(&mux.Sample{Track: 1, DTS: dts, PTS: dts, Dur: 1024, Sync: true, Payload: [][]byte{f}}); err != nil {
				t.Fatal(err)
			}
			frames = append(frames, f)
		}
	}
	b := flushed(m)
	w.Piece(b)
	stream = append(stream, b...)
	for _, bad := range w.Problems {
		t.Error(bad)
	}
	read := &mpegts.Reader{R: bytes.NewReader(stream)}
	if err := read.Initialize(); err != nil {
		t.Fatal(err)
	}
	i, k := 0, 0
	read.OnDecodeError(func(err error) { t.Error(err) })
	read.OnDataH264(read.Tracks()[0], func(pts, dts int64, au [][]byte) error {
		want := [][]byte{aus[i]} // the reader drops the delimiter
		if i%50 == 0 {
			want = [][]byte{sps, pps, aus[i]}
		}
		if !slices.EqualFunc(au, want, bytes.Equal) || pts != stamps[i]&(1<<33-1) || pts-dts != int64(i%3)*3600 && pts > dts {
			t.Fatalf("access unit %d: %d NAL units, PTS %d, DTS %d", i, len(au), pts, dts)
		}
		i++
		return nil
	})
	read.OnDataMPEG4Audio(read.Tracks()[1], func(_ int64, aus [][]byte) error {
		for _, au := range aus {
			if !bytes.Equal(au, frames[k]) {
				t.Fatalf("audio frame %d differs", k)
			}
			k++
		}
		return nil
	})
	for read.Read() == nil {
	}
	if i != len(aus) || k != len(frames) {
		t.Errorf("read %d of %d access units, %d of %d frames", i, len(aus), k, len(frames))
	}
}

// TestResume goes on after a piece: counters and time run on.
func TestResume(t *testing.T) {
	for _, resume := range []bool{false, true} {
		var w hlstest.TS
		m := newMuxer(t, video, audio)
		write := func(from int) []byte {
			for i := range 77 {
				dts := int64(from+i) * 3600
				if err := m.Write(&mux.Sample{DTS: dts, PTS: dts, Sync: i == 0, Payload: [][]byte{make([]byte, 500+i)}}); err != nil {
					t.Fatal(err)
				}
			}
			b := m.Flush()
			out := bytes.Clone(b.Body[0])
			if resume {
				n, err := Format{}.Resume([]hooks.Track{video, audio}, func(yield func([]byte, error) bool) { yield(b.Record, nil) })
				if err != nil {
					t.Fatal(err)
				}
				m = n.(*Muxer)
			}
			m.StartPiece()
			return out
		}
		for n := range 3 {
			w.Piece(write(n * 77))
		}
		for _, bad := range w.Problems {
			t.Errorf("resume %v: %s", resume, bad)
		}
	}
}

// TestAudioOnly checks how much packing costs, and jitter of a millisecond.
func TestAudioOnly(t *testing.T) {
	m := newMuxer(t, audio)
	var w hlstest.TS
	payload := 0
	for i := range 2000 {
		jitter := int64(i%3) * 24
		dts := int64(i)*1024 + jitter
		m.Write(&mux.Sample{DTS: dts, PTS: dts, Dur: 1024, Sync: true, Payload: [][]byte{make([]byte, 340)}})
		payload += 340
	}
	b := flushed(m)
	w.Piece(b)
	for _, bad := range w.Problems {
		t.Error(bad)
	}
	if over := float64(len(b)) / float64(payload); over > 1.15 {
		t.Errorf("%.2f times the payload", over)
	}
}

// TestPauses writes video with long gaps, of which only jumps stay unfilled.
func TestPauses(t *testing.T) {
	m := newMuxer(t, video)
	var w hlstest.TS
	dts := int64(0)
	for i, gap := range []int64{0, 900, 9000, 9001, 90000, 810000, 899000, 9_000_000, 3600} {
		dts += gap
		m.Write(&mux.Sample{DTS: dts, PTS: dts - 100, Sync: i == 0, Payload: [][]byte{{0x41, byte(i)}}})
	}
	b := flushed(m)
	w.Piece(b)
	for _, bad := range w.Problems {
		t.Error(bad)
	}
	if w.PCRs < 200 || w.PCRs > 260 {
		t.Errorf("%d PCRs", w.PCRs)
	}
}

func TestErrors(t *testing.T) {
	for _, x := range []hooks.Track{
		{}, {Codec: hooks.VP8, ClockRate: 90000}, {Codec: hooks.H264, ClockRate: 90000},
		{Codec: hooks.AAC, ClockRate: 48000}, {Codec: hooks.H264, SPS: sps, PPS: pps},
	} {
		if _, err := New([]hooks.Track{x}); err == nil {
			t.Errorf("%+v is accepted", x)
		}
	}
	m := newMuxer(t, video, audio)
	for _, s := range []mux.Sample{
		{Track: 2}, {Track: -1}, {}, {Payload: [][]byte{{}}},
		{Track: 1, Payload: [][]byte{make([]byte, 9000)}},
	} {
		if m.Write(&s) == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	if b := m.Flush(); b.Size != 0 || b.Record != nil {
		t.Errorf("%+v", b)
	}
}

func TestADTS(t *testing.T) {
	for _, x := range []struct {
		asc  []byte
		want string // profile, rate index, channels
	}{
		{[]byte{0x11, 0x90}, "1 3 2"},
		{[]byte{0x12, 0x10}, "1 4 2"},
		{[]byte{0x2b, 0x11, 0x88, 0x00}, "1 6 2"}, // HE-AAC, 24 kHz core
		{[]byte{0x11}, "error"},
		{[]byte{0x17, 0x80, 0x5b, 0xcc, 0x10}, "error"}, // explicit rate
		{[]byte{0x11, 0x84}, "error"},                   // PCE
	} {
		got := "error"
		if h, err := newADTS(x.asc); err == nil {
			got = fmt.Sprint(h.header[2]>>6, h.header[2]>>2&15, h.header[2]&1<<2|h.header[3]>>6)
		}
		if got != x.want {
			t.Errorf("% x: %s instead of %s", x.asc, got, x.want)
		}
	}
}

// benchSamples is one second of 4 Mb/s video and 128 kb/s audio.
func benchSamples() (list []mux.Sample, size int64) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range int64(25) {
		n := 16000
		if i == 0 {
			n = 100_000
		}
		list = append(list, mux.Sample{DTS: i * 3600, PTS: i*3600 + 7200, Dur: 3600, Sync: i == 0, Payload: [][]byte{noise(r, 0x41, n)}})
		for k := range int64(2) {
			d := (2*i + k) * 960
			list = append(list, mux.Sample{Track: 1, DTS: d, PTS: d, Dur: 960, Sync: true, Payload: [][]byte{noise(r, 0x21, 340)}})
		}
	}
	for i := range list {
		size += int64(list[i].Size())
	}
	return list, size
}

type sink struct{}

func (sink) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkWrite compares with mediacommon's writer in the same run.
func BenchmarkWrite(b *testing.B) {
	list, size := benchSamples()
	b.Run("own", func(b *testing.B) {
		m := newMuxer(b, video, audio)
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for i := range list {
				m.Write(&list[i])
			}
			m.Flush()
			m.StartPiece()
		}
	})
	b.Run("mediacommon", func(b *testing.B) {
		v := &mpegts.Track{Codec: &mpegts.CodecH264{}}
		a := &mpegts.Track{Codec: &mpegts.CodecMPEG4Audio{Config: mpeg4audio.AudioSpecificConfig{
			Type: 2, SampleRate: 48000, ChannelCount: 2,
		}}}
		w := &mpegts.Writer{W: sink{}, Tracks: []*mpegts.Track{v, a}}
		if err := w.Initialize(); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for i := range list {
				s := &list[i]
				if s.Track == 0 {
					w.WriteH264(v, s.PTS, s.DTS, s.Payload)
				} else {
					w.WriteMPEG4Audio(a, s.PTS*90000/48000, s.Payload)
				}
			}
		}
	})
}
