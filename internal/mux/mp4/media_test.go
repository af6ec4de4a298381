package mp4

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

var sources struct {
	sync.Mutex
	dir string
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "mp4")
	if err != nil {
		panic(err)
	}
	sources.dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// tool runs ffmpeg or ffprobe and returns what it printed to stdout; anything on
// stderr is a failure.
func tool(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.Command(name, append([]string{"-v", "error"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	cmd.Env = append(os.Environ(), "SVT_LOG=1") // of the AV1 encoder: errors only
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%s is not installed (Debian: apt-get install ffmpeg)", name)
	}
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out.Bytes()
}

// source makes a media file once per test run; the args stand between -i and the
// file's name.
func source(t testing.TB, name string, args ...string) string {
	t.Helper()
	sources.Lock()
	defer sources.Unlock()
	file := filepath.Join(sources.dir, name)
	if _, err := os.Stat(file); err != nil {
		tool(t, "ffmpeg", append(append([]string{"-y", "-bitexact"}, args...), file)...)
	}
	return file
}

const (
	testVideo = "testsrc2=s=320x180:r=25:d=3"
	testAudio = "sine=f=440:r=48000:d=3,aformat=channel_layouts=stereo"
)

func videoArgs(codec ...string) []string {
	return append([]string{"-f", "lavfi", "-i", testVideo, "-pix_fmt", "yuv420p", "-c:v"}, codec...)
}

func audioArgs(codec ...string) []string {
	return append([]string{"-f", "lavfi", "-i", testAudio, "-c:a"}, codec...)
}

// stream is one track of a source with its samples.
type stream struct {
	file    string
	track   hooks.Track
	samples []mux.Sample
}

// load reads one stream of a file: data by ffmpeg, time stamps by ffprobe.
// scale converts the file's ticks into the track's.
func load(t testing.TB, file, spec string, track hooks.Track, scale int64) *stream {
	t.Helper()
	data := tool(t, "ffmpeg", "-copyts", "-i", file, "-map", "0:"+spec, "-c", "copy", "-copyinkf", "-f", "data", "-")
	csv := tool(t, "ffprobe", "-select_streams", spec, "-show_entries",
		"packet=pts,dts,duration,size,flags", "-of", "csv=p=0", file)
	s := &stream{file: file, track: track}
	for line := range strings.Lines(string(csv)) {
		f := strings.Split(strings.TrimSpace(line), ",")
		if len(f) < 5 { // side data
			continue
		}
		size := number(t, f[3])
		x := mux.Sample{
			PTS: number(t, f[0]) * scale, DTS: number(t, f[1]) * scale,
			Sync: strings.HasPrefix(f[4], "K"),
		}
		if !track.Codec.IsVideo() && f[2] != "N/A" {
			x.Dur = number(t, f[2]) * scale
		}
		s.unpack(t, &x, data[:size:size])
		data = data[size:]
		s.samples = append(s.samples, x)
	}
	if len(data) != 0 || len(s.samples) == 0 {
		t.Fatalf("%s: %d samples, %d bytes over", file, len(s.samples), len(data))
	}
	return s
}

func number(t testing.TB, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unpack brings a packet into the shape of hooks.Unit and finds the parameters.
func (s *stream) unpack(t testing.TB, x *mux.Sample, p []byte) {
	t.Helper()
	tr := &s.track
	x.Payload = [][]byte{p}
	switch tr.Codec {
	case hooks.H264, hooks.H265:
		var au h264.AnnexB
		if err := au.Unmarshal(p); err != nil {
			t.Fatal(err)
		}
		x.Payload = au
		for _, n := range au {
			kind := int(n[0] & 0x1F)
			if tr.Codec == hooks.H265 {
				kind = int(n[0]>>1&0x3F) + 100
			}
			keep(map[int]*[]byte{7: &tr.SPS, 8: &tr.PPS, 132: &tr.VPS, 133: &tr.SPS, 134: &tr.PPS}[kind], n)
		}
	case hooks.AV1:
		var tu av1.Bitstream
		if err := tu.Unmarshal(p); err != nil {
			t.Fatal(err)
		}
		x.Payload = tu
		for _, obu := range tu {
			if obu[0]>>3 == 1 {
				keep(&tr.SequenceHeader, obu)
			}
		}
	case hooks.AAC:
		var adts mpeg4audio.ADTSPackets
		if err := adts.Unmarshal(p); err != nil || len(adts) != 1 {
			t.Fatal(err, len(adts))
		}
		x.Payload = [][]byte{adts[0].AU}
		conf, err := mpeg4audio.AudioSpecificConfig{
			Type: adts[0].Type, SampleRate: adts[0].SampleRate, ChannelCount: adts[0].ChannelCount,
		}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		keep(&tr.AudioConfig, conf)
	}
}

func keep(to *[]byte, b []byte) {
	if to != nil && *to == nil {
		*to = b
	}
}

func sound(codec hooks.Codec, clock int) hooks.Track {
	return hooks.Track{Codec: codec, ClockRate: clock, SampleRate: 48000, Channels: 2, BitDepth: 16}
}

func loadH264(t testing.TB, bframes int) *stream {
	t.Helper()
	file := source(t, fmt.Sprintf("h264-%d.ts", bframes), videoArgs("libx264", "-g", "25", "-bf", strconv.Itoa(bframes))...)
	return load(t, file, "v:0", hooks.Track{Codec: hooks.H264, ClockRate: 90000}, 1)
}

func loadAAC(t testing.TB) *stream {
	t.Helper()
	file := source(t, "aac.ts", audioArgs("aac", "-b:a", "96k")...)
	s := load(t, file, "a:0", sound(hooks.AAC, 48000), 1)
	first := s.samples[0].PTS * 48 / 90
	for i := range s.samples { // 90 kHz in the file, exact in the codec
		x := &s.samples[i]
		x.PTS = first + int64(i)*1024
		x.DTS, x.Dur = x.PTS, 1024
	}
	return s
}

// interleave merges the samples of several streams by DTS.
func interleave(streams ...*stream) ([]hooks.Track, []mux.Sample) {
	var tracks []hooks.Track
	var all []mux.Sample
	for i, s := range streams {
		tracks = append(tracks, s.track)
		for _, x := range s.samples {
			x.Track = i
			all = append(all, x)
		}
	}
	slices.SortStableFunc(all, func(a, b mux.Sample) int {
		return cmp.Compare(seconds(tracks, &a, a.DTS), seconds(tracks, &b, b.DTS))
	})
	return tracks, all
}

func seconds(tracks []hooks.Track, s *mux.Sample, ticks int64) float64 {
	return float64(ticks) / float64(tracks[s.Track].ClockRate)
}
