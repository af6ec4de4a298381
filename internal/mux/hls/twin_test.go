package hls_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
	"github.com/live-recording/liverecord/internal/mux/mp4"
)

// boxesOf returns the contents of all boxes of a kind, wherever they stand.
func boxesOf(t *testing.T, b []byte, path ...string) (found [][]byte) {
	t.Helper()
	for len(b) >= 8 {
		n := int(binary.BigEndian.Uint32(b))
		if n < 8 || n > len(b) {
			t.Fatalf("box of %d bytes in %d", n, len(b))
		}
		if kind := string(b[4:8]); kind == path[0] {
			if len(path) == 1 {
				found = append(found, b[8:n])
			} else {
				found = append(found, boxesOf(t, b[8:n], path[1:]...)...)
			}
		}
		b = b[n:]
	}
	return found
}

// twins writes the source as MP4 and as fragmented MP4, and returns the moov of the
// one and the init section of the other.
func twins(t *testing.T, tracks []hooks.Track, samples []mux.Sample) (moov, init []byte) {
	t.Helper()
	file, err := mp4.Format.New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	pieces, err := fmp4.New(tracks)
	if err != nil {
		t.Fatal(err)
	}
	var records [][]byte
	size := int64(0)
	for i := range samples {
		if err := file.Write(&samples[i]); err != nil {
			t.Fatal(err)
		}
		if err := pieces.Write(&samples[i]); err != nil {
			t.Fatal(err)
		}
		if i%37 == 36 || i == len(samples)-1 {
			b := file.Flush()
			records = append(records, slices.Clone(b.Record))
			size += b.Size
			pieces.Flush()
		}
	}
	head, err := mp4.Format.Head(tracks, func(yield func([]byte, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, size, 0)
	if err != nil {
		t.Fatal(err)
	}
	if init, err = pieces.Init(); err != nil {
		t.Fatal(err)
	}
	return head.Front[:len(head.Front)-16], init
}

// TestTwins: one stream has the same sample entries, byte for byte, in MP4 and in
// fragmented MP4, and the same size on the screen.
func TestTwins(t *testing.T) {
	for _, x := range []struct {
		name string
		args []string
		has  []string // boxes that the sample entries must hold
	}{
		{"h264 anamorphic aac", args(picture, tone, "-vf setsar=4/3 -color_primaries bt709 -color_trc bt709 -colorspace bt709 -c:v libx264 -preset ultrafast -g 50 -c:a aac"),
			[]string{"avc1", "avcC", "pasp", "colr", "btrt", "mp4a"}},
		{"h264 high 4:2:2 10 bit ac3", args(picture, tone, "-pix_fmt yuv422p10le -c:v libx264 -preset ultrafast -g 50 -c:a ac3"), []string{"avcC", "dac3", "btrt"}},
		{"h265 opus 5.1", args(picture, tone, "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=50 -c:a libopus -ac 6"), []string{"hvc1", "hvcC", "Opus", "dOps"}},
		{"av1 opus", args("-f lavfi -i testsrc2=s=320x180:r=25:d=4", tone, "-c:v libsvtav1 -preset 12 -g 50 -c:a libopus -ac 1 -t 4"), []string{"av01", "av1C", "dOps"}},
		{"vp9 mp3", args("-f lavfi -i testsrc2=s=320x180:r=25:d=4", tone44, "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 50 -c:a libmp3lame -t 4"), []string{"vp09", "vpcC", "mp4a"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := hlstest.MakeSource(t, x.args...)
			moov, init := twins(t, s.Tracks, s.Samples)
			entry := []string{"moov", "trak", "mdia", "minf", "stbl", "stsd"}
			a, b := boxesOf(t, moov, entry...), boxesOf(t, init, entry...)
			if len(a) != len(s.Tracks) || len(b) != len(a) {
				t.Fatalf("%d and %d sample descriptions", len(a), len(b))
			}
			for i := range a {
				if !bytes.Equal(a[i], b[i]) {
					t.Errorf("track %d: MP4 says\n% x\nfragmented MP4 says\n% x", i, a[i], b[i])
				}
			}
			all := bytes.Join(a, nil)
			for _, kind := range x.has {
				if !bytes.Contains(all, []byte(kind)) {
					t.Errorf("no %s in the sample entries", kind)
				}
			}
			sizes := func(b []byte) (list [][]byte) {
				for _, h := range boxesOf(t, b, "moov", "trak", "tkhd") {
					list = append(list, h[len(h)-8:])
				}
				return list
			}
			if !slices.EqualFunc(sizes(moov), sizes(init), bytes.Equal) {
				t.Errorf("sizes on the screen: %v and %v", sizes(moov), sizes(init))
			}
			groups := append(entry[:5:5], "sgpd")
			if !slices.EqualFunc(boxesOf(t, moov, groups...), boxesOf(t, init, groups...), bytes.Equal) {
				t.Errorf("sample groups differ")
			}
		})
	}
}
