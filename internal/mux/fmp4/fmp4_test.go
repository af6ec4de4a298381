package fmp4

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

var (
	sps = []byte{
		0x67, 0x42, 0xc0, 0x28, 0xd9, 0x00, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00,
		0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc9, 0x20,
	}
	pps   = []byte{0x68, 0xcb, 0x83, 0xcb, 0x20}
	video = hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: sps, PPS: pps}
	audio = hooks.Track{Codec: hooks.AAC, ClockRate: 44100, SampleRate: 44100, Channels: 2, AudioConfig: []byte{0x12, 0x10}}
)

func newMuxer(t testing.TB, tracks ...hooks.Track) *Muxer {
	t.Helper()
	m, err := New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func bytesOf(n int, first byte) []byte {
	b := bytes.Repeat([]byte{0x5a}, n)
	b[0] = first
	return b
}

// read parses a piece with mediacommon, behind its styp.
func read(t *testing.T, piece []byte) fmp4.Parts {
	t.Helper()
	if !bytes.Equal(piece[4:8], []byte("styp")) {
		t.Fatalf("piece begins with %q", piece[4:8])
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(piece[binary.BigEndian.Uint32(piece):]); err != nil {
		t.Fatal(err)
	}
	return parts
}

// TestReader compares what mediacommon reads with what was written, with small
// and large payload, negative composition offsets and a track that begins early.
func TestReader(t *testing.T) {
	m := newMuxer(t, video, audio)
	var piece []byte
	sizes := []int{1, 100, copyBelow - 1, copyBelow, 200_000, 7}
	big := [][]byte{}
	m.SetOrigin(5)
	for i := range 60 {
		n := bytesOf(sizes[i%6], 0x41)
		if len(n) == copyBelow {
			big = append(big, n)
		}
		au := [][]byte{n}
		if i%20 == 0 {
			au = [][]byte{{0x09, 0xf0}, sps, pps, bytesOf(50, 0x65), n}
		}
		dts := int64(5*90000 + i*3000)
		if err := m.Write(&mux.Sample{DTS: dts, PTS: dts + int64(i%3-1)*3000, Dur: 3000, Sync: i%20 == 0, Payload: au}); err != nil {
			t.Fatal(err)
		}
		dts = int64(3*44100 + i*1024)
		m.Write(&mux.Sample{Track: 1, DTS: dts, PTS: dts, Dur: 1024, Sync: true, Payload: [][]byte{{byte(i)}}})
		if i%25 == 24 || i == 59 {
			b := m.Flush()
			for _, x := range b.Body {
				if len(x) == copyBelow && &x[0] != &big[0][0] && len(big) == 1 {
					t.Error("large payload is copied")
				}
				piece = append(piece, x...)
			}
		}
	}
	parts := read(t, piece)
	if len(parts) != 3 || parts[2].SequenceNumber != 3 {
		t.Fatalf("%d fragments", len(parts))
	}
	i, k := 0, 0
	for _, p := range parts {
		v, a := p.Tracks[0], p.Tracks[1]
		if v.BaseTime != uint64(10*90000+i*3000) || a.BaseTime != uint64(8*44100+k*1024) {
			t.Errorf("fragment begins at %d and %d", v.BaseTime, a.BaseTime)
		}
		for _, s := range v.Samples {
			au, err := s.GetH264()
			want := 1
			if i%20 == 0 {
				want = 4
			}
			if err != nil || len(au) != want || !bytes.Equal(au[want-1], bytesOf(sizes[i%6], 0x41)) ||
				s.PTSOffset != int32(i%3-1)*3000 || s.IsNonSyncSample == (i%20 == 0) || s.Duration != 3000 {
				t.Errorf("picture %d: %d NAL units, offset %d, %v", i, len(au), s.PTSOffset, err)
			}
			i++
		}
		for _, s := range a.Samples {
			if !bytes.Equal(s.Payload, []byte{byte(k)}) || s.IsNonSyncSample || a.BaseTime == 0 {
				t.Errorf("frame %d: % x", k, s.Payload)
			}
			k++
		}
	}
	if i != 60 || k != 60 {
		t.Errorf("%d pictures, %d frames", i, k)
	}
}

// TestAV1 gives OBUs size fields and leaves temporal delimiters out.
func TestAV1(t *testing.T) {
	sequence := []byte{8, 0, 0, 0, 66, 167, 191, 228, 96, 13, 0, 64}
	m := newMuxer(t, hooks.Track{Codec: hooks.AV1, ClockRate: 90000, SequenceHeader: sequence})
	frame, long := bytesOf(300, 0x30), bytesOf(5000, 0x30)
	m.Write(&mux.Sample{Sync: true, Payload: [][]byte{{0x10}, sequence, frame, long, {0x32, 1, 7}}})
	parts := read(t, bytes.Join(m.Flush().Body, nil))
	got, err := parts[0].Tracks[0].Samples[0].GetAV1()
	want := [][]byte{sequence, frame, long, {0x30, 7}}
	if err != nil || len(got) != 4 {
		t.Fatalf("%d OBUs, %v", len(got), err)
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Errorf("OBU %d: % x", i, got[i][:min(20, len(got[i]))])
		}
	}
	m.Write(&mux.Sample{Payload: [][]byte{{0x34, 0x20, 9, 8}}}) // with extension
	b := bytes.Join(m.Flush().Body, nil)
	if !bytes.HasSuffix(b, []byte{'m', 'd', 'a', 't', 0x36, 0x20, 2, 9, 8}) {
		t.Errorf("% x", b)
	}
}

// TestInit reads the init segment back.
func TestInit(t *testing.T) {
	ac3 := hooks.Track{Codec: hooks.AC3, ClockRate: 48000, SampleRate: 48000, Channels: 2}
	opus := hooks.Track{Codec: hooks.Opus, ClockRate: 48000, Channels: 2}
	vp9 := hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Width: 640, Height: 360, Profile: 2}
	m := newMuxer(t, video, audio, ac3, opus, vp9)
	// 448 kb/s, 5.1 (ETSI TS 102 366 §4.3, §4.4)
	m.Write(&mux.Sample{Track: 2, Payload: [][]byte{{0x0b, 0x77, 0, 0, 0x1e, 0x40, 0xe1, 0xdf, 0, 0}}})
	b, err := m.Init()
	if err != nil {
		t.Fatal(err)
	}
	var in fmp4.Init
	if err := in.Unmarshal(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	if len(in.Tracks) != 5 {
		t.Fatalf("%d tracks", len(in.Tracks))
	}
	h, _ := in.Tracks[0].Codec.(*fmp4.CodecH264)
	d, _ := in.Tracks[2].Codec.(*fmp4.CodecAC3)
	v, _ := in.Tracks[4].Codec.(*fmp4.CodecVP9)
	if h == nil || !bytes.Equal(h.SPS, sps) || in.Tracks[1].TimeScale != 44100 {
		t.Errorf("video %+v", h)
	}
	if d == nil || d.Acmod != 7 || d.BitRateCode != 15 || !d.LfeOn {
		t.Errorf("AC-3 %+v", d)
	}
	if v == nil || v.BitDepth != 10 || v.Height != 360 {
		t.Errorf("VP9 %+v", v)
	}
}

func TestErrors(t *testing.T) {
	for _, x := range []hooks.Track{
		{}, {Codec: hooks.VP8, ClockRate: 90000}, {Codec: hooks.H264, ClockRate: 90000},
		{Codec: hooks.AAC, ClockRate: 48000}, {Codec: hooks.H264, SPS: sps, PPS: pps},
		{Codec: hooks.H265, ClockRate: 90000, VPS: []byte{1}, SPS: []byte{1}, PPS: []byte{1}},
		{Codec: hooks.AV1, ClockRate: 90000, SequenceHeader: []byte{8}},
		{Codec: hooks.LPCM, ClockRate: 48000},
	} {
		if _, err := New([]hooks.Track{x}); err == nil {
			t.Errorf("%+v is accepted", x)
		}
	}
	m := newMuxer(t, video, audio)
	for _, s := range []mux.Sample{
		{Track: 2}, {Track: -1}, {}, {Payload: [][]byte{{}}}, {Payload: [][]byte{{0x09, 0xf0}}},
		{PTS: 1 << 40, Payload: [][]byte{{0x41}}},
	} {
		if m.Write(&s) == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	if b := m.Flush(); b.Size != 0 || b.Record != nil {
		t.Errorf("%+v", b)
	}
}

// benchSamples is one second of 4 Mb/s video and 128 kb/s audio.
func benchSamples() (list []mux.Sample, size int64) {
	for i := range int64(25) {
		n := 16000
		if i == 0 {
			n = 100_000
		}
		n += rand.IntN(100)
		list = append(list, mux.Sample{DTS: i * 3600, PTS: i*3600 + 7200, Dur: 3600, Sync: i == 0, Payload: [][]byte{bytesOf(n, 0x41)}})
		for k := range int64(2) {
			d := (2*i + k) * 882
			list = append(list, mux.Sample{Track: 1, DTS: d, PTS: d, Dur: 882, Sync: true, Payload: [][]byte{bytesOf(340, 0x21)}})
		}
	}
	for i := range list {
		size += int64(list[i].Size())
	}
	return list, size
}

// BenchmarkWrite compares with mediacommon's fmp4.Part in the same run.
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
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			v, a := &fmp4.PartTrack{ID: 1}, &fmp4.PartTrack{ID: 2}
			for i := range list {
				s := &list[i]
				x := &fmp4.Sample{Duration: uint32(s.Dur)}
				if s.Track == 0 {
					x.FillH264(int32(s.PTS-s.DTS), s.Payload)
					v.Samples = append(v.Samples, x)
				} else {
					x.Payload = s.Payload[0]
					a.Samples = append(a.Samples, x)
				}
			}
			var buf seekablebuffer.Buffer
			(&fmp4.Part{Tracks: []*fmp4.PartTrack{v, a}}).Marshal(&buf)
		}
	})
}
