package feedtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"github.com/live-recording/liverecord/hooks"
)

// Spec says what ffmpeg is to code.
type Spec struct {
	// Video is a lavfi source, e.g. "testsrc2=s=320x180:r=25"; "" = no video.
	Video string
	// Coder are the options of the video encoder; nil = libx264 with B-frames,
	// a key frame every 24 pictures. "-c:v" may be among them.
	Coder []string
	// Audio adds a sine, AAC at 48 kHz, stereo.
	Audio bool
	// Length is the length of the loop; 0 = 4.8 s. It must hold whole groups of
	// pictures and, with audio, be a multiple of 320 ms, so that 25 pictures a
	// second and AAC frames meet.
	Length time.Duration
	// Open keeps what does not fit into the loop: for media that is played once.
	Open bool
}

var (
	madeMu sync.Mutex
	made   = map[string]*Media{}
)

// Make returns the media of a spec; the same spec is coded once per test binary.
func Make(t testing.TB, s Spec) *Media {
	t.Helper()
	if s.Length == 0 {
		s.Length = 4800 * time.Millisecond
	}
	madeMu.Lock()
	defer madeMu.Unlock()
	name := fmt.Sprintf("%+v", s)
	if m := made[name]; m != nil {
		return m
	}
	dir, err := os.MkdirTemp("", "feedtest")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir) // the units are in memory
	file := filepath.Join(dir, "media.ts")
	FFmpeg(t, append(s.arguments(), file)...)
	m, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	m.Length = s.Length
	if !s.Open {
		m.trim(s.Length)
	}
	made[name] = m
	return m
}

func (s *Spec) arguments() []string {
	a := []string{"-nostdin"}
	length := fmt.Sprintf("%.3f", (s.Length + time.Second/4).Seconds())
	if s.Video != "" {
		a = append(a, "-f", "lavfi", "-t", length, "-i", s.Video)
	}
	if s.Audio {
		a = append(a, "-f", "lavfi", "-t", length, "-i", "sine=f=440:r=48000")
	}
	coder := s.Coder
	if coder == nil {
		coder = []string{"-g", "24", "-keyint_min", "24", "-sc_threshold", "0", "-bf", "3"}
	}
	if s.Video != "" {
		if !slices.Contains(coder, "-c:v") {
			a = append(a, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
		}
		a = append(a, coder...)
		a = append(a, "-fps_mode", "passthrough", "-enc_time_base", "1/90000")
	}
	if s.Audio {
		a = append(a, "-c:a", "aac", "-b:a", "64k", "-ac", "2")
	}
	return append(a, "-muxdelay", "0", "-muxpreload", "0", "-threads", "2", "-f", "mpegts")
}

// FFmpeg runs ffmpeg; any complaint fails the test.
func FFmpeg(t testing.TB, args ...string) string { return Run(t, "ffmpeg", args...) }

// Run runs ffmpeg or ffprobe with -v error and returns what it printed. Any
// complaint fails the test.
func Run(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, msg, err := Try(t, program, args...)
	if err != nil || msg != "" {
		t.Fatalf("%s %s: %v\n%.3000s", program, strings.Join(args, " "), err, msg)
	}
	return out
}

// Try is Run that leaves the judgement to the caller.
func Try(t testing.TB, program string, args ...string) (out, messages string, err error) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing: apt-get install ffmpeg", program)
	}
	var o, m bytes.Buffer
	c := exec.Command(program, append([]string{"-v", "error"}, args...)...)
	c.Stdout, c.Stderr = &o, &m
	err = c.Run()
	return o.String(), m.String(), err
}

// Read demuxes an MPEG transport stream with H.264 or H.265 and AAC.
func Read(file string) (*Media, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &mpegts.Reader{R: f}
	if err := r.Initialize(); err != nil {
		return nil, err
	}
	m := &Media{File: file}
	for _, tr := range r.Tracks() {
		if err := m.take(r, tr); err != nil {
			return nil, err
		}
	}
	for {
		if err := r.Read(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	m.settle()
	return m, nil
}

func (m *Media) take(r *mpegts.Reader, tr *mpegts.Track) error {
	i := len(m.Tracks)
	picture := func(pts, dts int64, au [][]byte) error {
		if au = withoutDelimiter(au, m.Tracks[i].Codec); len(au) > 0 {
			m.Units = append(m.Units, Unit{hooks.Unit{Track: i, PTS: pts, Payload: au}, dts})
		}
		return nil
	}
	switch c := tr.Codec.(type) {
	case *mpegts.CodecH264:
		m.Tracks = append(m.Tracks, hooks.Track{Codec: hooks.H264, ClockRate: 90000})
		r.OnDataH264(tr, picture)
	case *mpegts.CodecH265:
		m.Tracks = append(m.Tracks, hooks.Track{Codec: hooks.H265, ClockRate: 90000})
		r.OnDataH265(tr, picture)
	case *mpegts.CodecMPEG4Audio:
		config, err := c.Marshal()
		if err != nil {
			return err
		}
		rate := int64(c.SampleRate)
		m.Tracks = append(m.Tracks, hooks.Track{Codec: hooks.AAC, ClockRate: int(rate), SampleRate: int(rate),
			Channels: c.ChannelCount, AudioConfig: config})
		r.OnDataMPEG4Audio(tr, func(pts int64, aus [][]byte) error {
			first := (pts*rate + 45000) / 90000
			for k, au := range aus {
				at := first + int64(k)*mpeg4audio.SamplesPerAccessUnit
				m.Units = append(m.Units, Unit{hooks.Unit{Track: i, PTS: at, Payload: [][]byte{au}}, at})
			}
			return nil
		})
	default:
		return fmt.Errorf("feedtest: can't read %T", tr.Codec)
	}
	return nil
}

// withoutDelimiter drops access unit delimiters, as hosts do.
func withoutDelimiter(au [][]byte, c hooks.Codec) [][]byte {
	return slices.DeleteFunc(au, func(n []byte) bool {
		if c == hooks.H264 {
			return h264.NALUType(n[0]&0x1f) == h264.NALUTypeAccessUnitDelimiter
		}
		return n[0]>>1&0x3f == 35
	})
}

// settle orders the units, moves the first picture (or frame) to 0, and fills in
// the parameter sets.
func (m *Media) settle() {
	for i := range m.Tracks {
		m.learn(i)
	}
	zero := m.Units[0].PTS
	track := m.Units[0].Track
	for i := range m.Units {
		if u := &m.Units[i]; u.Track == 0 {
			zero, track = u.PTS, 0
			break
		}
	}
	at := m.at(track, zero)
	for i := range m.Units {
		u := &m.Units[i]
		shift := zero
		if u.Track != track {
			shift = m.Ticks(u.Track, at)
		}
		u.PTS -= shift
		u.DTS -= shift
	}
	slices.SortStableFunc(m.Units, func(a, b Unit) int { return int(m.Decode(&a) - m.Decode(&b)) })
}

func (m *Media) learn(track int) {
	tr := &m.Tracks[track]
	for i := range m.Units {
		if m.Units[i].Track != track {
			continue
		}
		for _, n := range m.Units[i].Payload {
			switch {
			case tr.Codec == hooks.H264 && n[0]&0x1f == 7 && tr.SPS == nil:
				tr.SPS = n
			case tr.Codec == hooks.H264 && n[0]&0x1f == 8 && tr.PPS == nil:
				tr.PPS = n
			case tr.Codec == hooks.H265 && n[0]>>1&0x3f == 32 && tr.VPS == nil:
				tr.VPS = n
			case tr.Codec == hooks.H265 && n[0]>>1&0x3f == 33 && tr.SPS == nil:
				tr.SPS = n
			case tr.Codec == hooks.H265 && n[0]>>1&0x3f == 34 && tr.PPS == nil:
				tr.PPS = n
			}
		}
		return
	}
}

// trim keeps what is presented within one loop.
func (m *Media) trim(length time.Duration) {
	m.Units = slices.DeleteFunc(m.Units, func(u Unit) bool {
		at := m.Time(&u)
		return at < 0 || at >= length
	})
}
