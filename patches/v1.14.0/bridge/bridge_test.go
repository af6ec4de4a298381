package bridge

import (
	"log/slog"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
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
	Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 44100, ChannelCount: 2,
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
		bridgetest.H264:      {Format: &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: []byte{0x67, 1}, PPS: []byte{0x68, 1}}, Payload: func(b unit.Base) unit.Unit { return &unit.H264{Base: b, AU: [][]byte{{0x65, 9}}} }},
		bridgetest.H264Empty: {Format: &format.H264{PayloadTyp: 96, PacketizationMode: 1}, Payload: func(b unit.Base) unit.Unit { return &unit.H264{Base: b, AU: [][]byte{{0x67, 7}, {0x68, 8}, {0x65, 1}}} }},
		"h265":               {Format: &format.H265{PayloadTyp: 96, VPS: []byte{0x40, 1}, SPS: []byte{0x42, 1}, PPS: []byte{0x44, 1}}, Payload: func(b unit.Base) unit.Unit { return &unit.H265{Base: b, AU: [][]byte{{0x26, 1, 9}}} }},
		"av1":                {Format: &format.AV1{PayloadTyp: 96}, Payload: func(b unit.Base) unit.Unit { return &unit.AV1{Base: b, TU: [][]byte{{0x12, 0}, {0x0a, 1}}} }},
		"vp9":                {Format: &format.VP9{PayloadTyp: 96, ProfileID: &profile}, Payload: func(b unit.Base) unit.Unit { return &unit.VP9{Base: b, Frame: []byte{1, 2, 3}} }},
		"vp8":                {Format: &format.VP8{PayloadTyp: 96}, Payload: func(b unit.Base) unit.Unit { return &unit.VP8{Base: b, Frame: []byte{1, 2, 3}} }},
		"aac":                {Format: &format.MPEG4Audio{PayloadTyp: 96, Config: aac, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}, Payload: func(b unit.Base) unit.Unit { return &unit.MPEG4Audio{Base: b, AUs: two} }},
		"latm":               {Format: &format.MPEG4AudioLATM{PayloadTyp: 96, StreamMuxConfig: latm}, Payload: func(b unit.Base) unit.Unit { return &unit.MPEG4AudioLATM{Base: b, Element: []byte{3, 1, 2, 3}} }},
		"mp3":                {Format: &format.MPEG1Audio{}, Payload: func(b unit.Base) unit.Unit { return &unit.MPEG1Audio{Base: b, Frames: [][]byte{bridgetest.MP3Frame()}} }},
		bridgetest.Opus:      {Format: opus, Payload: func(b unit.Base) unit.Unit { return &unit.Opus{Base: b, Packets: two} }},
		bridgetest.OpusUnit:  {Format: opus, Payload: func(b unit.Base) unit.Unit { return &unit.Opus{Base: b, Packets: [][]byte{{1}}} }},
		"ac3":                {Format: &format.AC3{PayloadTyp: 96, SampleRate: 48000, ChannelCount: 6}, Payload: func(b unit.Base) unit.Unit { return &unit.AC3{Base: b, Frames: one} }},
		"lpcm":               {Format: &format.LPCM{PayloadTyp: 96, BitDepth: 16, SampleRate: 48000, ChannelCount: 1}, Payload: func(b unit.Base) unit.Unit { return &unit.LPCM{Base: b, Samples: []byte{1, 2, 3, 4}} }},
		"g711":               {Format: &format.G711{PayloadTyp: 0, MULaw: true, SampleRate: 8000, ChannelCount: 1}, Payload: func(b unit.Base) unit.Unit { return &unit.G711{Base: b, Samples: []byte{1, 2, 3}} }},
		bridgetest.KLV:       {Format: &format.KLV{PayloadTyp: 96}, Payload: func(b unit.Base) unit.Unit { return &unit.KLV{Base: b, Unit: []byte{1, 2, 3}} }},
	}
}

type testStream struct {
	*stream.Stream
	t *testing.T
}

func open(t *testing.T, queue int, formats ...any) bridgetest.Stream {
	t.Helper()
	desc := &description.Session{}
	for _, f := range formats {
		desc.Medias = append(desc.Medias, &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{f.(format.Format)}})
	}
	s := &stream.Stream{Desc: desc, GenerateRTPPackets: true, WriteQueueSize: queue, RTPMaxPayloadSize: 1450, Parent: testLog{t}}
	if err := s.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &testStream{s, t}
}

// Write implements bridgetest.Stream.
func (s *testStream) Write(track int, pts int64, p any) {
	m := s.Desc.Medias[track]
	s.WriteUnit(m, m.Formats[0], p.(func(unit.Base) unit.Unit)(unit.Base{PTS: pts, NTP: bridgetest.Received}))
}

// Reader implements bridgetest.Stream.
func (s *testStream) Reader() host.Reader { return &Reader{Stream: s.Stream, Parent: testLog{s.t}} }

type silent struct{ testLog }

func (silent) APISourceDescribe() (none defs.APIPathSourceOrReader) { return none }

type described struct {
	bridgetest.Describer
	testLog
}

func (described) APISourceDescribe() defs.APIPathSourceOrReader {
	return defs.APIPathSourceOrReader{Type: "rtmpsConn", ID: "7"}
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

func TestLogLevels(t *testing.T) {
	for in, want := range map[slog.Level]logger.Level{
		slog.LevelDebug: logger.Debug, slog.LevelInfo: logger.Info, slog.LevelWarn: logger.Warn, slog.LevelError: logger.Error,
	} {
		if got := logLevel(in); got != want {
			t.Errorf("%v: %v, want %v", in, got, want)
		}
	}
}
