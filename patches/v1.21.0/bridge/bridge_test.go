package bridge

import (
	"bytes"
	"log/slog"
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

	"github.com/live-recording/liverecord/patches/host"
	"github.com/live-recording/liverecord/patches/host/bridgetest"
)

type testLog struct{ t *testing.T }

func (l testLog) Log(_ logger.Level, f string, args ...any) { l.t.Logf(f, args...) }

func TestBridge(t *testing.T) {
	bridgetest.Run(t, bridgetest.Driver{Media: media(), Open: open, Online: online})
}

var aac = &mpeg4audio.AudioSpecificConfig{
	Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelConfig: 2, ChannelCount: 2,
}

// media has a unit for each format, as a protocol server writes it.
func media() map[string]bridgetest.Media {
	latm := &mpeg4audio.StreamMuxConfig{Programs: []*mpeg4audio.StreamMuxConfigProgram{{
		Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: aac, LatmBufferFullness: 255}},
	}}}
	profile := 2
	one, two := bridgetest.One(), bridgetest.Two()
	opus := &format.Opus{PayloadTyp: 96, ChannelCount: 2}
	return map[string]bridgetest.Media{
		bridgetest.H264:      {Format: &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: []byte{0x67, 1}, PPS: []byte{0x68, 1}}, Payload: unit.PayloadH264{{0x65, 9}}},
		bridgetest.H264Empty: {Format: &format.H264{PayloadTyp: 96, PacketizationMode: 1}, Payload: unit.PayloadH264{{0x67, 7}, {0x68, 8}, {0x65, 1}}},
		"h265":               {Format: &format.H265{PayloadTyp: 96, VPS: []byte{0x40, 1}, SPS: []byte{0x42, 1}, PPS: []byte{0x44, 1}}, Payload: unit.PayloadH265{{0x26, 1, 9}}},
		"av1":                {Format: &format.AV1{PayloadTyp: 96}, Payload: unit.PayloadAV1{{0x12, 0}, {0x0a, 1}}},
		"vp9":                {Format: &format.VP9{PayloadTyp: 96, ProfileID: &profile}, Payload: unit.PayloadVP9{1, 2, 3}},
		"vp8":                {Format: &format.VP8{PayloadTyp: 96}, Payload: unit.PayloadVP8{1, 2, 3}},
		"aac":                {Format: &format.MPEG4Audio{PayloadTyp: 96, Config: aac, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}, Payload: unit.PayloadMPEG4Audio(two)},
		"latm":               {Format: &format.MPEG4AudioLATM{PayloadTyp: 96, StreamMuxConfig: latm}, Payload: unit.PayloadMPEG4AudioLATM{3, 1, 2, 3}},
		"mp3":                {Format: &format.MPEG1Audio{}, Payload: unit.PayloadMPEG1Audio{bridgetest.MP3Frame()}},
		bridgetest.Opus:      {Format: opus, Payload: unit.PayloadOpus(two)},
		bridgetest.OpusUnit:  {Format: opus, Payload: unit.PayloadOpus{{1}}},
		"ac3":                {Format: &format.AC3{PayloadTyp: 96, SampleRate: 48000, ChannelCount: 6}, Payload: unit.PayloadAC3(one)},
		"lpcm":               {Format: &format.LPCM{PayloadTyp: 96, BitDepth: 16, SampleRate: 48000, ChannelCount: 1}, Payload: unit.PayloadLPCM{1, 2, 3, 4}},
		"g711":               {Format: &format.G711{PayloadTyp: 0, MULaw: true, SampleRate: 8000, ChannelCount: 1}, Payload: unit.PayloadG711{1, 2, 3}},
		bridgetest.KLV:       {Format: &format.KLV{PayloadTyp: 96}, Payload: unit.PayloadKLV{1, 2, 3}},
	}
}

type testStream struct {
	*stream.Stream
	sub *stream.SubStream
	t   *testing.T
}

func open(t *testing.T, queue int, formats ...any) bridgetest.Stream {
	t.Helper()
	desc := &description.Session{}
	for _, f := range formats {
		desc.Medias = append(desc.Medias, &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f.(format.Format)}})
	}
	s := &stream.Stream{OrigDesc: desc, WriteQueueSize: queue, RTPMaxPayloadSize: 1450, Parent: testLog{t}}
	if err := s.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := s.OutboundBytes(); n != 0 {
			t.Errorf("the recorder's reads count as %d bytes sent", n)
		}
		s.Close()
	})
	sub := &stream.SubStream{Stream: s}
	if err := sub.Initialize(); err != nil {
		t.Fatal(err)
	}
	return &testStream{s, sub, t}
}

// Write implements bridgetest.Stream.
func (s *testStream) Write(track int, pts int64, p any) {
	m := s.OrigDesc.Medias[track]
	s.sub.WriteUnit(m, m.Formats[0], &unit.Unit{PTS: pts, NTP: bridgetest.Received, Payload: p.(unit.Payload)})
}

// Reader implements bridgetest.Stream.
func (s *testStream) Reader() host.Reader { return &Reader{Stream: s.Stream, Parent: testLog{s.t}} }

type silent struct{ testLog }

func (silent) APISourceDescribe() *defs.APIPathSource { return nil }

type described struct {
	bridgetest.Describer
	testLog
}

func (described) APISourceDescribe() *defs.APIPathSource {
	return &defs.APIPathSource{Type: defs.APIPathSourceTypeRTMPSConn, ID: "7"}
}

func online(srv *host.Server, x bridgetest.Stream, p bridgetest.Path, source bridgetest.Source) *host.Session {
	path := Path{Name: p.Name, Query: p.Query}
	if s, ok := x.(*testStream); ok {
		path.Stream, path.Log = s.Stream, testLog{s.t}
	}
	switch source {
	case bridgetest.Silent:
		path.Source = silent{}
	case bridgetest.Described:
		path.Source, path.Conf = described{}, &conf.Path{Record: p.Record}
	}
	return Online(srv, path)
}

func TestStreamWithoutDescription(t *testing.T) {
	none := &Reader{Stream: &stream.Stream{}, Parent: testLog{t}}
	if tracks := none.Tracks(); len(tracks) != 0 || none.Discarded() != 0 {
		t.Errorf("tracks %v", tracks)
	}
}

func TestFillerIsNotDelivered(t *testing.T) {
	rec := &bridgetest.Recorder{}
	srv := rec.Server(t)
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
	units := rec.Units()
	if len(units) != 5 {
		t.Fatalf("%d units, want 5", len(units))
	}
	for i, u := range units {
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
