package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
)

// Media is a source cut into samples, for publishers that send them one by one.
type Media struct {
	Tracks  []MediaTrack
	Samples []Sample // in the order of DTS
}

// MediaTrack is a track of a Media: h264, h265, aac, mp3 or opus.
type MediaTrack struct {
	Codec    string
	AAC      *mpeg4audio.AudioSpecificConfig
	Channels int
	// Params are the parameter sets of video (VPS, SPS, PPS), as the first
	// access unit has them.
	Params [][]byte
}

// Sample is an access unit (NAL units) or a frame of sound (one element).
type Sample struct {
	Track    int
	PTS, DTS int64 // 90 kHz
	Data     [][]byte
}

// Samples reads a source. It goes through ffmpeg into MPEG-TS, which leaves
// pictures and sound as they are.
func Samples(t T, file string) *Media {
	t.Helper()
	ts := filepath.Join(t.TempDir(), "source.ts")
	// one frame of sound in a packet, so that each has its own time
	FFmpeg(t, "-i", file, "-map", "0", "-c", "copy", "-pes_payload_size", "0", "-muxdelay", "0", "-f", "mpegts", ts)
	data, err := os.ReadFile(ts)
	if err != nil {
		t.Fatalf("%v", err)
	}
	r := &mpegts.Reader{R: bytes.NewReader(data)}
	if err := r.Initialize(); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	m := &Media{Tracks: make([]MediaTrack, len(r.Tracks()))}
	for i, track := range r.Tracks() {
		m.read(t, r, i, track)
	}
	for err := error(nil); err == nil; {
		err = r.Read() // the end has several names; what is missing shows in the comparison
	}
	slices.SortStableFunc(m.Samples, func(a, b Sample) int { return int(a.DTS - b.DTS) })
	return m
}

func (m *Media) read(t T, r *mpegts.Reader, i int, track *mpegts.Track) {
	t.Helper()
	out := &m.Tracks[i]
	video := func(pts, dts int64, au [][]byte) error {
		if out.Params == nil {
			out.Params = paramSets(out.Codec, au)
		}
		m.Samples = append(m.Samples, Sample{i, pts, dts, au})
		return nil
	}
	sound := func(ticks func(int) int64) func(int64, [][]byte) error {
		return func(pts int64, frames [][]byte) error {
			for k, f := range frames {
				at := pts + ticks(k)
				m.Samples = append(m.Samples, Sample{i, at, at, [][]byte{f}})
			}
			return nil
		}
	}
	switch c := track.Codec.(type) {
	case *mpegts.CodecH264:
		out.Codec = "h264"
		r.OnDataH264(track, video)
	case *mpegts.CodecH265:
		out.Codec = "h265"
		r.OnDataH265(track, video)
	case *mpegts.CodecMPEG4Audio:
		out.Codec, out.AAC = "aac", &c.Config
		r.OnDataMPEG4Audio(track, sound(func(k int) int64 { return int64(k) * 1024 * 90000 / int64(c.SampleRate) }))
	case *mpegts.CodecMPEG1Audio:
		out.Codec = "mp3"
		r.OnDataMPEG1Audio(track, sound(func(k int) int64 { return int64(k) * 1152 * 90000 / 44100 }))
	case *mpegts.CodecOpus:
		out.Codec, out.Channels = "opus", c.ChannelCount
		r.OnDataOpus(track, sound(func(k int) int64 { return int64(k) * 1800 }))
	default:
		t.Fatalf("codec %T", c)
	}
}

// paramSets are the parameter sets in an access unit.
func paramSets(codec string, au [][]byte) (sets [][]byte) {
	for _, n := range au {
		if len(n) == 0 {
			continue
		}
		switch {
		case codec == "h264" && (n[0]&0x1f == 7 || n[0]&0x1f == 8):
			sets = append(sets, n)
		case codec == "h265" && n[0]>>1&0x3f >= 32 && n[0]>>1&0x3f <= 34:
			sets = append(sets, n)
		}
	}
	return sets
}
