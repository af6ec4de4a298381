package flv

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// run starts a tool and returns its standard output; anything on its standard
// error fails the test.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install ffmpeg flvmeta", name)
	}
	var out, errs bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.Bytes()
}

// source is a recording that ffmpeg made, as samples in the order of DTS.
type source struct {
	path    string
	tracks  []hooks.Track
	samples []mux.Sample
}

const (
	testVideo = "testsrc2=size=320x240:rate=25"
	testAudio = "sine=frequency=440:beep_factor=4:sample_rate=44100"
)

// makeSource runs ffmpeg with the given options behind two inputs, video and audio.
func makeSource(t testing.TB, args ...string) *source {
	t.Helper()
	s := &source{path: filepath.Join(t.TempDir(), "src.mp4")}
	run(t, "ffmpeg", slices.Concat(
		[]string{"-v", "error", "-f", "lavfi", "-i", testVideo, "-f", "lavfi", "-i", testAudio},
		args, []string{"-strict", "experimental", "-movflags", "delay_moov+default_base_moof+frag_keyframe+negative_cts_offsets", s.path})...)
	data, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(data); err != nil {
		t.Fatal(err)
	}
	for i, it := range init.Tracks {
		s.tracks = append(s.tracks, describe(t, it))
		s.addSamples(t, i, it.ID, parts)
	}
	s.delay()
	slices.SortStableFunc(s.samples, func(a, b mux.Sample) int {
		return cmp.Compare(s.time(&a), s.time(&b))
	})
	return s
}

// delay shifts the PTS of each track so that none is before its DTS: ffmpeg was
// told to write negative offsets, since fmp4 reads the others as 0.
func (s *source) delay() {
	shift := make([]int64, len(s.tracks))
	for _, x := range s.samples {
		shift[x.Track] = max(shift[x.Track], x.DTS-x.PTS)
	}
	for i := range s.samples {
		s.samples[i].PTS += shift[s.samples[i].Track]
	}
}

func (s *source) time(x *mux.Sample) float64 {
	return float64(x.DTS) / float64(s.tracks[x.Track].ClockRate)
}

func describe(t testing.TB, it *fmp4.InitTrack) hooks.Track {
	t.Helper()
	h := hooks.Track{ClockRate: int(it.TimeScale)}
	switch c := it.Codec.(type) {
	case *fmp4.CodecH264:
		h.Codec, h.SPS, h.PPS = hooks.H264, c.SPS, c.PPS
	case *fmp4.CodecH265:
		h.Codec, h.VPS, h.SPS, h.PPS = hooks.H265, c.VPS, c.SPS, c.PPS
	case *fmp4.CodecAV1:
		h.Codec, h.SequenceHeader = hooks.AV1, c.SequenceHeader
	case *fmp4.CodecVP9:
		h.Codec, h.Profile, h.Width, h.Height = hooks.VP9, int(c.Profile), c.Width, c.Height
	case *fmp4.CodecMPEG4Audio:
		h.Codec, h.SampleRate, h.Channels = hooks.AAC, c.Config.SampleRate, c.Config.ChannelCount
		asc, err := c.Config.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		h.AudioConfig = asc
	case *fmp4.CodecMPEG1Audio:
		h.Codec, h.SampleRate, h.Channels = hooks.MP3, c.SampleRate, c.ChannelCount
	case *fmp4.CodecOpus:
		h.Codec, h.SampleRate, h.Channels = hooks.Opus, 48000, c.ChannelCount
	case *fmp4.CodecAC3:
		h.Codec, h.SampleRate, h.Channels = hooks.AC3, c.SampleRate, c.ChannelCount
	default:
		t.Fatalf("unexpected codec %T", c)
	}
	return h
}

func (s *source) addSamples(t testing.TB, i, id int, parts fmp4.Parts) {
	t.Helper()
	for _, part := range parts {
		for _, pt := range part.Tracks {
			if pt.ID != id {
				continue
			}
			dts := int64(pt.BaseTime)
			for _, x := range pt.Samples {
				payload, sync := units(t, &s.tracks[i], x.Payload)
				s.samples = append(s.samples, mux.Sample{
					Track: i, DTS: dts, PTS: dts + int64(x.PTSOffset), Dur: int64(x.Duration),
					Sync: sync, Payload: payload,
				})
				dts += int64(x.Duration)
			}
		}
	}
}

// units splits a frame as a host delivers it: with delimiters, and parameter
// sets before key frames, which it tells.
func units(t testing.TB, h *hooks.Track, data []byte) (list [][]byte, sync bool) {
	t.Helper()
	switch h.Codec {
	case hooks.H264, hooks.H265:
		var au h264.AVCC
		if err := au.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		list = [][]byte{{9, 0xF0}}
		sync = h264.IsRandomAccess(au)
		if h.Codec == hooks.H265 {
			list = [][]byte{{35 << 1, 1, 0x50}}
			sync = h265.IsRandomAccess(au)
		}
		if sync {
			for _, set := range [][]byte{h.VPS, h.SPS, h.PPS} {
				if set != nil {
					list = append(list, bytes.Clone(set))
				}
			}
		}
		return append(list, au...), sync
	case hooks.AV1:
		var tu av1.Bitstream
		if err := tu.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		return append([][]byte{{2 << 3}}, tu...), av1.IsRandomAccess2(tu)
	case hooks.VP9:
		var head vp9.Header
		if err := head.Unmarshal(data); err != nil {
			t.Fatal(err)
		}
		return [][]byte{data}, !head.NonKeyFrame
	}
	return [][]byte{data}, true
}

// file collects what a muxer returns.
type file struct {
	tracks  []hooks.Track
	body    []byte
	records [][]byte
	ends    []int // of the body after each record
}

func (f *file) add(t testing.TB, b mux.Batch) {
	t.Helper()
	n := len(f.body)
	for _, p := range b.Body {
		f.body = append(f.body, p...)
	}
	if int64(len(f.body)-n) != b.Size {
		t.Fatalf("batch of %d bytes says %d", len(f.body)-n, b.Size)
	}
	if len(b.Record) > 0 {
		f.records = append(f.records, bytes.Clone(b.Record))
		f.ends = append(f.ends, len(f.body))
	}
}

// write writes samples, flushing after every n, numbered from first on.
func (f *file) write(t testing.TB, m mux.Muxer, samples []mux.Sample, first, n int) {
	t.Helper()
	for i := range samples {
		if err := m.Write(&samples[i]); err != nil {
			t.Fatal(err)
		}
		if (first+i)%n == n-1 {
			f.add(t, m.Flush())
		}
	}
	f.add(t, m.Flush())
}

func journal(records [][]byte) mux.Records {
	return func(yield func([]byte, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// finish returns the file of the first n records.
func (f *file) finish(t testing.TB, n int, room int64) []byte {
	t.Helper()
	body := []byte{}
	if n > 0 {
		body = f.body[:f.ends[n-1]]
	}
	head, err := Format.Head(f.tracks, journal(f.records[:n]), int64(len(body)), room)
	if err != nil {
		t.Fatal(err)
	}
	if room > 0 && int64(len(head.Front)) != room {
		t.Fatalf("front of %d bytes for room %d", len(head.Front), room)
	}
	return slices.Concat(head.Front, body, head.Back)
}

// record is the whole way: samples to file.
func record(t testing.TB, s *source, flushEvery int) *file {
	t.Helper()
	m, err := Format.New(s.tracks)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{tracks: s.tracks}
	f.write(t, m, s.samples, 0, flushEvery)
	return f
}

func save(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.flv")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// probe is what ffprobe measures.
type probe struct {
	Packets []struct {
		Type string `json:"codec_type"`
		PTS  int64  `json:"pts"`
		DTS  int64  `json:"dts"`
		Size string `json:"size"`
		Hash string `json:"data_hash"`
	}
	Streams []struct {
		Type     string `json:"codec_type"`
		Codec    string `json:"codec_name"`
		Width    int
		Height   int
		Rate     string `json:"avg_frame_rate"`
		Sampling string `json:"sample_rate"`
		Channels int
		Read     string `json:"nb_read_frames"`
	}
}

func ffprobe(t testing.TB, path string) probe {
	t.Helper()
	js := run(t, "ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "SHA256",
		"-count_frames", "-show_streams", "-of", "json", path)
	var p probe
	if err := json.Unmarshal(js, &p); err != nil {
		t.Fatal(err)
	}
	return p
}
