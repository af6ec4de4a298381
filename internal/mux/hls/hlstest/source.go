package hlstest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// Source is a coded file and its samples in the order of their DTS.
type Source struct {
	File    string
	Tracks  []hooks.Track
	Samples []mux.Sample
}

// Run runs ffmpeg or ffprobe and returns its output. Any message, which -v
// error leaves to errors, fails the test.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is missing: apt-get install ffmpeg", name)
	}
	var out, msg bytes.Buffer
	cmd := exec.Command(name, append([]string{"-v", "error"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil || msg.Len() > 0 {
		t.Fatalf("%s %s: %v\n%.2000s", name, strings.Join(args, " "), err, msg.String())
	}
	return out.String()
}

// MakeSource lets ffmpeg code a file with the given arguments (inputs and
// codecs) and reads its samples.
func MakeSource(t testing.TB, args ...string) *Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "source.mp4")
	args = append([]string{"-nostdin"}, args...)
	// without edit list and from one origin; as small fragments
	args = append(args, "-movflags", "+delay_moov+default_base_moof+frag_keyframe",
		"-use_editlist", "0", "-video_track_timescale", "90000", "-fflags", "+bitexact", file)
	cmd := exec.Command("ffmpeg", append([]string{"-v", "fatal"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	s := &Source{File: file}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.read(data); err != nil {
		t.Fatalf("ffmpeg %s: %v", strings.Join(args, " "), err)
	}
	s.present(t)
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for i := range s.Samples {
		s.Samples[i].NTP = start.Add(s.seconds(&s.Samples[i]))
	}
	slices.SortStableFunc(s.Samples, func(a, b mux.Sample) int {
		return int(s.seconds(&a) - s.seconds(&b))
	})
	return s
}

// present sets the PTS, which the library reads from fragments of version 1 only.
func (s *Source) present(t testing.TB) {
	t.Helper()
	for i := range s.Tracks {
		out := Run(t, "ffprobe", "-select_streams", strconv.Itoa(i),
			"-show_entries", "packet=pts,dts", "-of", "csv=p=0", s.File)
		lines := strings.Fields(out)
		for j := range s.Samples {
			m := &s.Samples[j]
			if m.Track != i {
				continue
			}
			if len(lines) == 0 {
				t.Fatalf("%s: ffprobe sees fewer samples of track %d", s.File, i)
			}
			var dts int64
			if _, err := fmt.Sscanf(lines[0], "%d,%d", &m.PTS, &dts); err != nil || dts != m.DTS {
				t.Fatalf("%s: %q at DTS %d: %v", s.File, lines[0], m.DTS, err)
			}
			lines = lines[1:]
		}
	}
}

func (s *Source) read(data []byte) error {
	// the library knows MP3 as MPEG-1 only; MPEG-2 differs in the object type
	data = bytes.Replace(data, []byte("\x69\x15\x00\x00\x00"), []byte("\x6b\x15\x00\x00\x00"), 1)
	var in fmp4.Init
	if err := in.Unmarshal(bytes.NewReader(data)); err != nil {
		return err
	}
	ids := map[int]int{}
	for i, t := range in.Tracks {
		x, err := hooksTrack(t)
		if err != nil {
			return err
		}
		s.Tracks = append(s.Tracks, x)
		ids[t.ID] = i
	}
	moof := bytes.Index(data, []byte("moof")) - 4
	end := bytes.LastIndex(data, []byte("mfra")) - 4
	if end < 0 {
		end = len(data)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(data[moof:end]); err != nil {
		return err
	}
	for _, p := range parts {
		for _, pt := range p.Tracks {
			dts := int64(pt.BaseTime)
			for _, x := range pt.Samples {
				m, err := s.sample(ids[pt.ID], dts, x)
				if err != nil {
					return err
				}
				s.Samples = append(s.Samples, m)
				dts += int64(x.Duration)
			}
		}
	}
	return nil
}

func (s *Source) seconds(m *mux.Sample) time.Duration {
	return time.Duration(float64(m.DTS) / float64(s.Tracks[m.Track].ClockRate) * 1e9)
}

func (s *Source) sample(track int, dts int64, x *fmp4.Sample) (mux.Sample, error) {
	m := mux.Sample{Track: track, DTS: dts, PTS: dts,
		Dur: int64(x.Duration), Sync: true, Payload: [][]byte{x.Payload}}
	var err error
	switch s.Tracks[track].Codec {
	case hooks.H264:
		m.Payload, err = x.GetH264()
		m.Sync = h264.IsRandomAccess(m.Payload)
	case hooks.H265:
		m.Payload, err = x.GetH265()
		m.Sync = h265.IsRandomAccess(m.Payload)
	case hooks.AV1:
		m.Payload, err = x.GetAV1()
		m.Sync = av1.IsRandomAccess2(m.Payload)
	case hooks.VP9: // show_existing_frame and frame_type of profile 0
		m.Sync = x.Payload[0]&0x0c == 0
	}
	return m, err
}

func hooksTrack(t *fmp4.InitTrack) (hooks.Track, error) {
	h := hooks.Track{ClockRate: int(t.TimeScale)}
	switch c := t.Codec.(type) {
	case *fmp4.CodecH264:
		h.Codec, h.SPS, h.PPS = hooks.H264, c.SPS, c.PPS
	case *fmp4.CodecH265:
		h.Codec, h.VPS, h.SPS, h.PPS = hooks.H265, c.VPS, c.SPS, c.PPS
	case *fmp4.CodecAV1:
		h.Codec, h.SequenceHeader = hooks.AV1, c.SequenceHeader
	case *fmp4.CodecVP9:
		h.Codec, h.Width, h.Height, h.Profile = hooks.VP9, c.Width, c.Height, int(c.Profile)
	case *fmp4.CodecMPEG4Audio:
		asc, err := c.Config.Marshal()
		if err != nil {
			return h, err
		}
		h.Codec, h.AudioConfig = hooks.AAC, asc
		h.SampleRate, h.Channels = c.Config.SampleRate, c.Config.ChannelCount
	case *fmp4.CodecMPEG1Audio:
		h.Codec, h.SampleRate, h.Channels = hooks.MP3, c.SampleRate, c.ChannelCount
	case *fmp4.CodecOpus:
		h.Codec, h.SampleRate, h.Channels = hooks.Opus, 48000, c.ChannelCount
	case *fmp4.CodecAC3:
		h.Codec, h.SampleRate, h.Channels = hooks.AC3, c.SampleRate, c.ChannelCount
	default:
		return h, fmt.Errorf("source with %T", c)
	}
	return h, nil
}
