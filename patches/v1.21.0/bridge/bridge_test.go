package bridge

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/bluenviron/mediamtx/internal/conf"
	"github.com/bluenviron/mediamtx/internal/defs"
	"github.com/bluenviron/mediamtx/internal/logger"
	"github.com/bluenviron/mediamtx/internal/stream"
	"github.com/bluenviron/mediamtx/internal/unit"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/patches/host"
	"github.com/live-recording/liverecord/patches/source"
	"github.com/live-recording/liverecord/plugin"
)

type testLog struct{ t *testing.T }

func (l testLog) Log(_ logger.Level, f string, args ...any) { l.t.Logf(f, args...) }

var aac = &mpeg4audio.AudioSpecificConfig{
	Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: 2, ChannelCount: 2,
}

// cases has a unit for each format, as a protocol server writes it.
func cases() []struct {
	forma   format.Format
	payload unit.Payload
	track   hooks.Track
	want    [][]byte
} {
	one := [][]byte{{1, 2, 3}}
	two := [][]byte{{1, 2, 3}, {4, 5}}
	latm := &mpeg4audio.StreamMuxConfig{Programs: []*mpeg4audio.StreamMuxConfigProgram{{
		Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: aac, LatmBufferFullness: 255}},
	}}}
	profile := 2
	return []struct {
		forma   format.Format
		payload unit.Payload
		track   hooks.Track
		want    [][]byte
	}{
		{
			&format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: []byte{0x67, 1}, PPS: []byte{0x68, 1}},
			unit.PayloadH264{{0x65, 9}},
			hooks.Track{Codec: hooks.H264, ClockRate: 90000, SPS: []byte{0x67, 1}, PPS: []byte{0x68, 1}},
			[][]byte{{0x67, 1}, {0x68, 1}, {0x65, 9}},
		},
		{
			&format.H265{PayloadTyp: 96, VPS: []byte{0x40, 1}, SPS: []byte{0x42, 1}, PPS: []byte{0x44, 1}},
			unit.PayloadH265{{0x26, 1, 9}},
			hooks.Track{Codec: hooks.H265, ClockRate: 90000, VPS: []byte{0x40, 1}, SPS: []byte{0x42, 1}, PPS: []byte{0x44, 1}},
			[][]byte{{0x40, 1}, {0x42, 1}, {0x44, 1}, {0x26, 1, 9}},
		},
		{&format.AV1{PayloadTyp: 96}, unit.PayloadAV1{{0x12, 0}, {0x0a, 1}}, hooks.Track{Codec: hooks.AV1, ClockRate: 90000}, [][]byte{{0x0a, 1}}},
		{
			&format.VP9{PayloadTyp: 96, ProfileID: &profile}, unit.PayloadVP9{1, 2, 3},
			hooks.Track{Codec: hooks.VP9, ClockRate: 90000, Profile: 2}, one,
		},
		{&format.VP8{PayloadTyp: 96}, unit.PayloadVP8{1, 2, 3}, hooks.Track{Codec: hooks.VP8, ClockRate: 90000}, one},
		{
			&format.MPEG4Audio{PayloadTyp: 96, Config: aac, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3},
			unit.PayloadMPEG4Audio(two),
			hooks.Track{Codec: hooks.AAC, ClockRate: 44100, SampleRate: 44100, Channels: 2, AudioConfig: []byte{0x12, 0x10}}, two,
		},
		{
			&format.MPEG4AudioLATM{PayloadTyp: 96, StreamMuxConfig: latm}, unit.PayloadMPEG4AudioLATM{3, 1, 2, 3},
			hooks.Track{Codec: hooks.AAC, ClockRate: 44100, SampleRate: 44100, Channels: 2, AudioConfig: []byte{0x12, 0x10}}, one,
		},
		{
			&format.MPEG1Audio{}, unit.PayloadMPEG1Audio{mp3Frame()},
			hooks.Track{Codec: hooks.MP3, ClockRate: 90000}, [][]byte{mp3Frame()},
		},
		{
			&format.Opus{PayloadTyp: 96, ChannelCount: 2}, unit.PayloadOpus(two),
			hooks.Track{Codec: hooks.Opus, ClockRate: 48000, SampleRate: 48000, Channels: 2}, two,
		},
		{
			&format.AC3{PayloadTyp: 96, SampleRate: 48000, ChannelCount: 6}, unit.PayloadAC3(one),
			hooks.Track{Codec: hooks.AC3, ClockRate: 48000, SampleRate: 48000, Channels: 6}, one,
		},
		{
			&format.LPCM{PayloadTyp: 96, BitDepth: 16, SampleRate: 48000, ChannelCount: 1}, unit.PayloadLPCM{1, 2, 3, 4},
			hooks.Track{Codec: hooks.LPCM, ClockRate: 48000, SampleRate: 48000, Channels: 1, BitDepth: 16}, [][]byte{{1, 2, 3, 4}},
		},
		{
			&format.G711{PayloadTyp: 0, MULaw: true, SampleRate: 8000, ChannelCount: 1}, unit.PayloadG711{1, 2, 3},
			hooks.Track{Codec: hooks.G711, ClockRate: 8000, SampleRate: 8000, Channels: 1, MuLaw: true}, one,
		},
		{
			&format.KLV{PayloadTyp: 96}, unit.PayloadKLV{1, 2, 3},
			hooks.Track{Codec: "unsupported:KLV", ClockRate: 90000}, nil,
		},
	}
}

// mp3Frame is a frame of 128 kb/s at 44.1 kHz.
func mp3Frame() []byte { return append([]byte{0xff, 0xfb, 0x90, 0xc4}, make([]byte, 413)...) }

func newStream(t *testing.T, queue int, formats ...format.Format) (*stream.Stream, *stream.SubStream) {
	t.Helper()
	desc := &description.Session{}
	for _, f := range formats {
		desc.Medias = append(desc.Medias, &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f}})
	}
	s := &stream.Stream{OrigDesc: desc, WriteQueueSize: queue, RTPMaxPayloadSize: 1450, Parent: testLog{t}}
	if err := s.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	sub := &stream.SubStream{Stream: s}
	if err := sub.Initialize(); err != nil {
		t.Fatal(err)
	}
	return s, sub
}

func write(s *stream.Stream, sub *stream.SubStream, track int, pts int64, p unit.Payload) {
	m := s.OrigDesc.Medias[track]
	sub.WriteUnit(m, m.Formats[0], &unit.Unit{PTS: pts, NTP: time.Unix(100, 0), Payload: p})
}

func TestTracksAndUnits(t *testing.T) {
	var formats []format.Format
	for _, c := range cases() {
		formats = append(formats, c.forma)
	}
	s, sub := newStream(t, 64, formats...)
	r := &Reader{Stream: s, Parent: testLog{t}}
	tracks := r.Tracks()
	for i, c := range cases() {
		if fmt.Sprintf("%+v", tracks[i]) != fmt.Sprintf("%+v", c.track) {
			t.Errorf("track %d: %+v, want %+v", i, tracks[i], c.track)
		}
	}
	got := map[int]hooks.Unit{}
	r.Start(func(u hooks.Unit) { got[u.Track] = u })
	for i, c := range cases() {
		write(s, sub, i, int64(1000+i), c.payload)
	}
	waitMark(t, r)
	r.Stop()
	for i, c := range cases() {
		u, ok := got[i]
		if ok != (c.want != nil) {
			t.Errorf("%T: delivered: %v", c.forma, ok)
			continue
		}
		if !ok {
			continue
		}
		if !slices.EqualFunc(u.Payload, c.want, bytes.Equal) || u.PTS != int64(1000+i) || !u.NTP.Equal(time.Unix(100, 0)) {
			t.Errorf("%T: %x at %d, want %x", c.forma, u.Payload, u.PTS, c.want)
		}
	}
	if n := s.OutboundBytes(); n != 0 {
		t.Errorf("the recorder's reads count as %d bytes sent", n)
	}
}

func waitMark(t *testing.T, r *Reader) {
	t.Helper()
	done := make(chan struct{})
	if !r.Mark(func() { close(done) }) {
		t.Fatal("queue full")
	}
	<-done
}

func TestParametersFollowTheStream(t *testing.T) {
	s, sub := newStream(t, 64, &format.H264{PayloadTyp: 96, PacketizationMode: 1})
	r := &Reader{Stream: s, Parent: testLog{t}}
	if sps := r.Tracks()[0].SPS; sps != nil {
		t.Errorf("SPS %x", sps)
	}
	write(s, sub, 0, 0, unit.PayloadH264{{0x67, 7}, {0x68, 8}, {0x65, 1}})
	if tr := r.Tracks()[0]; !bytes.Equal(tr.SPS, []byte{0x67, 7}) || !bytes.Equal(tr.PPS, []byte{0x68, 8}) {
		t.Errorf("%+v", tr)
	}
}

func TestFullRingIsCounted(t *testing.T) {
	s, sub := newStream(t, 8, &format.Opus{PayloadTyp: 96, ChannelCount: 2})
	r := &Reader{Stream: s, Parent: testLog{t}}
	entered, release := make(chan struct{}, 100), make(chan struct{})
	n := 0
	r.Start(func(hooks.Unit) { n++; entered <- struct{}{}; <-release })
	write(s, sub, 0, 0, unit.PayloadOpus{{1}})
	<-entered // the ring is empty again, the sink is stuck
	for i := range 12 {
		write(s, sub, 0, int64(i+1), unit.PayloadOpus{{1}})
	}
	if got := r.Discarded(); got != 4 {
		t.Errorf("discarded %d, want 4", got)
	}
	if r.Mark(func() {}) {
		t.Error("mark in a full ring")
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

func TestStreamWithoutUsableFormat(t *testing.T) {
	s, sub := newStream(t, 8, &format.KLV{PayloadTyp: 96})
	r := &Reader{Stream: s, Parent: testLog{t}}
	r.Start(func(hooks.Unit) { t.Error("a unit") })
	write(s, sub, 0, 0, unit.PayloadKLV{1})
	waitMark(t, r)
	r.Stop()
	none := &Reader{Stream: &stream.Stream{}, Parent: testLog{t}}
	if tracks := none.Tracks(); len(tracks) != 0 || none.Discarded() != 0 {
		t.Errorf("tracks %v of a stream without description", tracks)
	}
}

// recorder attaches a sink to each publication.
type recorder struct {
	mu    sync.Mutex
	pubs  []*hooks.Publication
	units []hooks.Unit
	ends  []string
}

func (r *recorder) Handler() hooks.Handler { return r }
func (r *recorder) Reload(plugin.Options)  {}
func (r *recorder) Close()                 {}

func (r *recorder) Online(p *hooks.Publication, f hooks.Feed) {
	r.pubs = append(r.pubs, p)
	f.Attach(r)
}

func (r *recorder) Offline(_ *hooks.Publication, reason string) { r.ends = append(r.ends, reason) }

func (r *recorder) WriteUnit(u hooks.Unit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.units = append(r.units, u)
}

func newServer(t *testing.T, r *recorder) *host.Server {
	t.Helper()
	s := host.New("v0")
	s.StartRecorder = func(plugin.Options) (host.Recorder, error) { return r, nil }
	if err := s.Start(host.Setting{LiveRecord: "recording.yml"}); err != nil {
		t.Fatal(err)
	}
	return s
}

type fakeSource struct {
	testLog
	desc *defs.APIPathSource
}

func (s fakeSource) APISourceDescribe() *defs.APIPathSource { return s.desc }

type richSource struct{ fakeSource }

func (richSource) LiveRecordInfo() source.Info {
	return source.Info{RemoteAddr: "192.0.2.1:4", Host: "push.example.com:1935", User: "anna"}
}
func (richSource) LiveRecordReason() string { return "done" }

func TestOnline(t *testing.T) {
	rec := &recorder{}
	srv := newServer(t, rec)
	s, sub := newStream(t, 512, &format.Opus{PayloadTyp: 96, ChannelCount: 2})
	session := Online(srv, Path{
		Name: "live/a", Query: "k=v", Conf: &conf.Path{Record: true}, Stream: s, Log: testLog{t},
		Source: richSource{fakeSource{testLog{t}, &defs.APIPathSource{Type: defs.APIPathSourceTypeRTMPSConn, ID: "7"}}},
	})
	for i := range 300 {
		write(s, sub, 0, int64(i), unit.PayloadOpus{{1}})
	}
	session.Offline("done")
	if len(rec.units) != 300 || rec.units[299].PTS != 299 {
		t.Errorf("%d units before the end, want 300", len(rec.units))
	}
	write(s, sub, 0, 300, unit.PayloadOpus{{1}})
	p := rec.pubs[0]
	if p.Path != "live/a" || p.Query != "k=v" || p.Protocol != "rtmps" || p.SourceID != "7" || !p.HostRecords ||
		p.Host != "push.example.com:1935" || p.RemoteAddr != "192.0.2.1:4" || p.User != "anna" || p.ID == "" || len(p.Tracks) != 1 {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(rec.ends, []string{"done"}) {
		t.Errorf("ends %q", rec.ends)
	}
}

func TestOnlineWithLittle(t *testing.T) {
	rec := &recorder{}
	srv := newServer(t, rec)
	s, _ := newStream(t, 8, &format.Opus{PayloadTyp: 96, ChannelCount: 2})
	for _, p := range []Path{
		{Name: "a", Stream: s, Log: testLog{t}},
		{Name: "a", Stream: s, Log: testLog{t}, Source: fakeSource{testLog{t}, nil}},
	} {
		Online(srv, p).Offline("")
	}
	if len(rec.pubs) != 2 {
		t.Errorf("%d publications", len(rec.pubs))
	}
	if Online(srv, Path{Name: "a"}) != nil || Online(nil, Path{Stream: s}) != nil || Online(host.New(""), Path{Stream: s}) != nil {
		t.Error("a session of nothing")
	}
}

func TestFillerIsNotDelivered(t *testing.T) {
	rec := &recorder{}
	srv := newServer(t, rec)
	s := &stream.Stream{
		AlwaysAvailable:       true,
		AlwaysAvailableTracks: []conf.AlwaysAvailableTrack{{Codec: conf.CodecOpus}},
		ReplaceNTP:            true,
		WriteQueueSize:        512, RTPMaxPayloadSize: 1450, Parent: testLog{t},
	}
	if err := s.Initialize(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := &description.Session{Medias: []*description.Media{{
		Type: description.MediaTypeAudio, Formats: []format.Format{&format.Opus{PayloadTyp: 96, ChannelCount: 2}},
	}}}
	sub := &stream.SubStream{Stream: s, InDesc: in}
	if err := sub.Initialize(); err != nil {
		t.Fatal(err)
	}
	session := Online(srv, Path{Name: "a", Stream: s, Log: testLog{t}})
	for i := range 5 {
		sub.WriteUnit(in.Medias[0], in.Medias[0].Formats[0], &unit.Unit{PTS: int64(i), Payload: unit.PayloadOpus{{0xaa, byte(i)}}})
	}
	session.Offline("")
	if err := s.StartOfflineSubStream(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // the filler writes ten times a second
	if len(rec.units) != 5 {
		t.Fatalf("%d units, want 5", len(rec.units))
	}
	for i, u := range rec.units {
		if !bytes.Equal(u.Payload[0], []byte{0xaa, byte(i)}) {
			t.Errorf("unit %d: %x", i, u.Payload)
		}
	}
}

func TestLogLevels(t *testing.T) {
	for in, want := range map[slog.Level]logger.Level{
		slog.LevelDebug: logger.Debug, slog.LevelInfo: logger.Info, slog.LevelWarn: logger.Warn, slog.LevelError: logger.Error,
	} {
		if got := logLevel(in); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}
