package players

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
	"github.com/live-recording/liverecord/internal/mux/mp4"
)

// boxes is what mp4box.js finds in a file.
type boxes struct {
	Brands     []string
	Fragmented bool
	Tracks     []struct {
		ID            int
		Codec         string
		Width, Height float64
	}
	Samples map[string]int
	Unknown []string
}

// readBoxes reads one file, or an init section and its segments, with mp4box.js,
// which must not complain.
func readBoxes(t *testing.T, files ...string) boxes {
	t.Helper()
	cmd := exec.Command(need(t, "node", "nodejs"), append([]string{filepath.Join("node", "boxes.cjs")}, files...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+nodeModules(t))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("mp4box.js: %v\n%s", err, complaints.String())
	}
	var b boxes
	if err := json.Unmarshal(out, &b); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return b
}

// twins writes samples as an MP4 file, and as an init section and one segment.
func twins(t *testing.T, s *hlstest.Source) (whole string, parts []string) {
	t.Helper()
	file, err := mp4.Format.New(s.Tracks)
	if err != nil {
		t.Fatal(err)
	}
	pieces, err := fmp4.New(s.Tracks)
	if err != nil {
		t.Fatal(err)
	}
	var body, segment []byte
	var records [][]byte
	for i := range s.Samples {
		if err := file.Write(&s.Samples[i]); err != nil {
			t.Fatal(err)
		}
		if err := pieces.Write(&s.Samples[i]); err != nil {
			t.Fatal(err)
		}
		if i%37 == 36 || i == len(s.Samples)-1 {
			b := file.Flush()
			records = append(records, slices.Clone(b.Record))
			body = append(body, slices.Concat(b.Body...)...)
			segment = append(segment, slices.Concat(pieces.Flush().Body...)...)
		}
	}
	head, err := mp4.Format.Head(s.Tracks, journal(records), int64(len(body)), 0)
	if err != nil {
		t.Fatal(err)
	}
	init, err := pieces.Init()
	if err != nil {
		t.Fatal(err)
	}
	save := func(name string, b ...[]byte) string {
		name = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(name, slices.Concat(b...), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	return save("a.mp4", head.Front, body), []string{save("init0.mp4", init), save("000000.m4s", segment)}
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

// TestMP4Box reads every codec, as ordinary and as fragmented MP4, with mp4box.js: it
// knows every box, finds every sample, and names the codecs as our playlists do.
func TestMP4Box(t *testing.T) {
	const picture = "-f lavfi -i testsrc2=s=320x180:r=25:d=3"
	const tone = "-f lavfi -i sine=sample_rate=48000:duration=3"
	for name, args := range map[string]string{
		"h264 aac":        "-vf setsar=4/3 -c:v libx264 -preset ultrafast -g 50 -bf 2 -c:a aac",
		"h264 10 bit":     "-pix_fmt yuv422p10le -c:v libx264 -preset ultrafast -g 50 -c:a ac3",
		"h265 opus 5.1":   "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=50 -c:a libopus -ac 6",
		"av1 opus":        "-c:v libsvtav1 -preset 12 -g 50 -c:a libopus",
		"vp9 mp3":         "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -c:a libmp3lame",
		"intra refresh":   "-c:v libx264 -preset ultrafast -x264-params keyint=25:intra-refresh=1:bframes=0 -c:a aac",
		"open GOP":        "-c:v libx264 -preset veryfast -x264-params keyint=25:open-gop=1:bframes=2 -c:a aac",
		"h265 open GOP":   "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25:open-gop=1 -c:a aac",
		"without picture": "-map 1:a -c:a aac",
	} {
		t.Run(name, func(t *testing.T) {
			s := hlstest.MakeSource(t, strings.Fields(picture+" "+tone+" "+args)...)
			whole, parts := twins(t, s)
			want := make([]int, len(s.Tracks))
			for i := range s.Samples {
				want[s.Samples[i].Track]++
			}
			for _, files := range [][]string{{whole}, parts} {
				b := readBoxes(t, files...)
				if len(b.Unknown) > 0 || len(b.Tracks) != len(s.Tracks) || b.Fragmented != (len(files) == 2) {
					t.Errorf("%v: %+v", files, b)
					continue
				}
				for i, track := range b.Tracks {
					compareTrack(t, &s.Tracks[i], track.Codec)
					if got := b.Samples[string(rune('0'+track.ID))]; got != want[i] {
						t.Errorf("track %d: %d samples of %d", track.ID, got, want[i])
					}
				}
			}
		})
	}
}

// compareTrack compares the codecs parameter with ours.
func compareTrack(t *testing.T, h *hooks.Track, got string) {
	t.Helper()
	want := codec.String(h, &codec.Facts{})
	if h.Codec == hooks.MP3 {
		want = "mp4a.6b" // by its object type; HLS knows another name
	}
	if !strings.EqualFold(got, want) && (h.Codec != hooks.AV1 || !strings.HasPrefix(got, want)) {
		t.Errorf("%s: mp4box.js says %s, we %s", h.Codec, got, want)
	}
}
