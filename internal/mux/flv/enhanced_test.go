package flv

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
)

// ffmpeg 5.1 cannot read Enhanced RTMP, so these files are checked by a reader
// written from its specification (docs/enhanced/enhanced-rtmp-v2, tables
// ExAudioTagHeader, ExVideoTagHeader).

var enhanced = []struct {
	name string
	args []string
	four map[bool]string // by video
}{
	{"h265 aac", []string{
		"-t", "3", "-c:v", "libx265", "-x265-params", "log-level=none:keyint=25:bframes=3", "-ac", "2", "-c:a", "aac",
	}, map[bool]string{true: "hvc1"}},
	{"h265 opus", []string{
		"-t", "3", "-c:v", "libx265", "-x265-params", "log-level=none:keyint=25:bframes=0", "-ac", "2", "-c:a", "libopus",
	}, map[bool]string{true: "hvc1", false: "Opus"}},
	{"av1 opus", []string{
		"-t", "2", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25", "-ac", "2", "-c:a", "libopus",
	}, map[bool]string{true: "av01", false: "Opus"}},
	{"vp9 ac-3", []string{
		"-t", "2", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-ac", "2", "-c:a", "ac3",
	}, map[bool]string{true: "vp09", false: "ac-3"}},
	{"h264 opus 5.1", []string{
		"-t", "2", "-c:v", "libx264", "-g", "25", "-ac", "6", "-c:a", "libopus",
	}, map[bool]string{false: "Opus"}},
	{"opus only", []string{"-t", "2", "-map", "1:a", "-ac", "1", "-c:a", "libopus"}, map[bool]string{false: "Opus"}},
}

// exTag is an audio or video tag taken apart.
type exTag struct {
	readTag
	four        string // "" = classic
	key         bool
	packet      byte
	composition int64
	payload     []byte
}

func parseTag(t *testing.T, tag readTag) exTag {
	t.Helper()
	x := exTag{readTag: tag}
	b := tag.data[0]
	rest := tag.data[1:]
	take := func(n int) []byte {
		if len(rest) < n {
			t.Fatalf("tag at %d is short", tag.offset)
		}
		v := rest[:n]
		rest = rest[n:]
		return v
	}
	switch {
	case tag.kind == 9 && b&0x80 != 0:
		x.key, x.packet, x.four = b>>4&7 == 1, b&15, string(take(4))
		if x.four == "hvc1" && x.packet == 1 {
			x.composition = signed24(take(3))
		}
	case tag.kind == 9:
		x.key, x.packet = b>>4 == 1, take(1)[0]
		x.composition = signed24(take(3))
	case tag.kind == 8 && b>>4 == 9:
		x.packet, x.four = b&15, string(take(4))
	case tag.kind == 8 && b>>4 == 10:
		x.packet = take(1)[0]
	default:
		t.Fatalf("tag at %d: kind %d, %#x", tag.offset, tag.kind, b)
	}
	x.payload = rest
	return x
}

func signed24(b []byte) int64 {
	return int64(int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8)
}

func TestEnhanced(t *testing.T) {
	for _, c := range enhanced {
		t.Run(c.name, func(t *testing.T) {
			src := makeSource(t, c.args...)
			f := record(t, src, 17)
			data := f.finish(t, len(f.records), 0)
			if dir := os.Getenv("FLV_KEEP"); dir != "" {
				if err := os.WriteFile(dir+"/"+c.name+".flv", data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, tags := mustReadFLV(t, data)
			meta := readMeta(t, tags[0])
			checkCodecNumbers(t, meta, c.four)
			seekEverywhere(t, src, f, data)

			var frames []exTag
			state := map[bool]byte{}
			for _, tag := range tags[1:] {
				x := parseTag(t, tag)
				video := x.kind == 9
				if x.four != c.four[video] {
					t.Fatalf("FourCC %q", x.four)
				}
				switch {
				case x.packet == 0 && len(frames) == 0 && state[video] == 0:
					state[video] = 1
					checkStart(t, src, x)
				case x.packet == 2 && state[video] < 2:
					state[video] = 2
				case (x.packet == 1 || x.packet == 3) && state[video] < 2:
					frames = append(frames, x)
				default:
					t.Fatalf("packet type %d at %d out of place", x.packet, x.offset)
				}
			}
			compareFrames(t, src, frames)
		})
	}
}

func checkCodecNumbers(t *testing.T, meta pairs, four map[bool]string) {
	t.Helper()
	for video, name := range map[bool]string{true: "videocodecid", false: "audiocodecid"} {
		if four[video] != "" && meta.number(name) != float64(binary.BigEndian.Uint32([]byte(four[video]))) {
			t.Errorf("%s = %v for %s", name, meta.number(name), four[video])
		}
	}
}

// checkStart compares configuration records with those that ffmpeg wrote into
// the source file.
func checkStart(t *testing.T, src *source, x exTag) {
	t.Helper()
	file, err := os.ReadFile(src.path)
	if err != nil {
		t.Fatal(err)
	}
	box := func(name string) []byte {
		i := bytes.Index(file, []byte(name))
		if i < 4 {
			t.Fatalf("no %s in the source", name)
		}
		return file[i+4 : i-4+int(binary.BigEndian.Uint32(file[i-4:]))]
	}
	got := x.payload
	var want []byte
	switch x.four {
	case "hvc1":
		want = slices.Clone(box("hvcC"))
		got = slices.Clone(got)
		want, got = onlySets(t, want), onlySets(t, got)
	case "av01":
		want = box("av1C")
	case "vp09":
		want = slices.Clone(box("vpcC"))
		got = slices.Clone(got)
		copy(want[7:10], got[7:10]) // colours are not known to us
		want[6] &^= 1               // full range neither
	case "Opus":
		d := box("dOps")
		want = append([]byte("OpusHead\x01"), d[1], d[3], d[2], d[7], d[6], d[5], d[4], d[9], d[8])
		want = append(want, d[10:]...)
		// ffmpeg names the rate before encoding; any is allowed
		copy(want[12:16], got[12:16])
		if d[10] != 0 {
			got, want = got[:19], want[:19] // it keeps its own channel order
		}
	default:
		return // H.264 and AAC: read by ffmpeg in TestClassic
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: configuration\n% x, want\n% x", x.four, got, want)
	}
}

// onlySets blanks what encoders may choose in an hvcC: segmentation,
// parallelism, frame rate, completeness; and drops the SEI that x265 adds.
func onlySets(t *testing.T, b []byte) []byte {
	t.Helper()
	out := append(slices.Clone(b[:13]), b[16:19]...)
	out = append(out, b[21])
	for rest := b[23:]; len(rest) > 0; {
		n := 5 + int(binary.BigEndian.Uint16(rest[3:]))
		if rest[2] != 1 {
			t.Fatalf("array of %d", rest[2])
		}
		if typ := rest[0] & 63; typ >= 32 && typ <= 34 {
			out = append(append(out, typ), rest[3:n]...)
		}
		rest = rest[n:]
	}
	return out
}

func compareFrames(t *testing.T, src *source, frames []exTag) {
	t.Helper()
	if len(frames) != len(src.samples) {
		t.Fatalf("%d frames, want %d", len(frames), len(src.samples))
	}
	next := map[bool]int{}
	for i := range src.samples {
		s := &src.samples[i]
		track := &src.tracks[s.Track]
		video := track.Codec.IsVideo()
		j := next[video]
		for (frames[j].kind == 9) != video {
			j++
		}
		next[video] = j + 1
		x := frames[j]
		if want := storedEx(t, track, s); !bytes.Equal(x.payload, want) {
			t.Fatalf("frame %d: %d bytes differ from the source's %d", j, len(x.payload), len(want))
		}
		pts := millis(src, s.Track, s.PTS)
		if x.ms != millis(src, s.Track, s.DTS) || x.ms+x.composition != pts || video && x.key != s.Sync {
			t.Fatalf("frame %d: DTS %d, composition %d, key %v; want PTS %d, %v", j, x.ms, x.composition, x.key, pts, s.Sync)
		}
		if x.four == "hvc1" && (x.packet == 3) != (x.composition == 0) {
			t.Fatalf("frame %d: packet type %d with composition %d", j, x.packet, x.composition)
		}
	}
}

// storedEx is what a sample is in the file, by mediacommon's own writers.
func storedEx(t *testing.T, track *hooks.Track, s *mux.Sample) []byte {
	t.Helper()
	switch track.Codec {
	case hooks.H265:
		var b []byte
		for _, n := range s.Payload {
			if typ := n[0] >> 1 & 63; typ < 32 || typ > 35 {
				b = append(binary.BigEndian.AppendUint32(b, uint32(len(n))), n...)
			}
		}
		return b
	case hooks.AV1:
		b, err := av1.Bitstream(s.Payload[1:]).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return stored(track, s)
}
