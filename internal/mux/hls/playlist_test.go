package hls

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/hls/hlstest"
)

func TestPlaylist(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.FixedZone("", 8*3600))
	p := NewPlaylist(FMP4, 15)
	for _, x := range []Piece{
		{URI: "k/000000.m4s", Duration: 10 * time.Second, PDT: start, Map: "k/init0.mp4", Discontinuity: true},
		{URI: "k/000001.m4s", Duration: 10400 * time.Millisecond, PDT: start.Add(10123 * time.Millisecond), Map: "k/init0.mp4"},
		{URI: "k/000002.m4s", Duration: time.Minute, PDT: start.Add(time.Hour), Discontinuity: true, Map: "k/init1.mp4"},
		{URI: "k/000003.m4s", Map: "k/init1.mp4"},
	} {
		b, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		var y Piece
		if err := json.Unmarshal(b, &y); err != nil {
			t.Fatal(err)
		}
		p.Add(y)
	}
	want := `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:15
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="k/init0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T01:00:00.000Z
#EXTINF:10.000000,
k/000000.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T01:00:10.000Z
#EXTINF:10.400000,
k/000001.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="k/init1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:00:00.000Z
#EXTINF:15.499000,
k/000002.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:00:15.499Z
#EXTINF:0.001000,
k/000003.m4s
#EXT-X-ENDLIST
`
	if got := string(p.Render(false)); got != want {
		t.Errorf("got\n%s", got)
	}
	for _, live := range []bool{true, false} {
		for _, bad := range hlstest.Validate(string(p.Render(live))) {
			t.Error(bad)
		}
	}
	if p.Len() != 4 || p.Target() != 15 {
		t.Errorf("%d pieces, target %d", p.Len(), p.Target())
	}
}

func TestURI(t *testing.T) {
	for _, key := range []string{"a/b/2026-11-22", "a/b:c", "x", `a/it's "50%" #1?&ü` + "\xff\n", "a/..hidden"} {
		at := TS.PieceKey(key, 7)
		ref, err := url.Parse(URI(key, at))
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		base := url.URL{Scheme: "http", Host: "h", Path: "/" + key + ".m3u8"}
		if got := base.ResolveReference(ref); got.Path != "/"+at || got.RawQuery != "" || got.Fragment != "" {
			t.Errorf("%q: %q resolves to %q", key, ref, got)
		}
	}
}

func TestChoose(t *testing.T) {
	aac := hooks.Track{Codec: hooks.AAC, ClockRate: 48000, AudioConfig: []byte{0x11, 0x90}}
	odd := hooks.Track{Codec: hooks.AAC, ClockRate: 47000, AudioConfig: []byte{0x17, 0x80, 0x5b, 0xcc, 0x10}}
	h264, h265 := hooks.Track{Codec: hooks.H264}, hooks.Track{Codec: hooks.H265}
	pcm := hooks.Track{Codec: hooks.LPCM}
	for _, x := range []struct {
		setting string
		tracks  []hooks.Track
		want    Container
	}{
		{"auto", []hooks.Track{h264, aac}, TS},
		{"auto", []hooks.Track{h264, {Codec: hooks.MP3}}, TS},
		{"auto", []hooks.Track{h264, pcm}, TS}, // which neither holds
		{"auto", []hooks.Track{h264, {Codec: hooks.Opus}}, FMP4},
		{"auto", []hooks.Track{h264, odd}, FMP4},
		{"auto", []hooks.Track{h265, aac}, FMP4},
		{"ts", []hooks.Track{h265, aac}, TS},
		{"fmp4", []hooks.Track{h264, aac}, FMP4},
	} {
		if got := Choose(x.setting, x.tracks); got != x.want {
			t.Errorf("%s: %s instead of %s", x.setting, got, x.want)
		}
	}
}

// BenchmarkPlaylist renders the playlist of 12 h after each piece.
func BenchmarkPlaylist(b *testing.B) {
	for b.Loop() {
		p := NewPlaylist(TS, 15)
		for range 4320 {
			p.Add(Piece{URI: "2026-11-22-10-00-00/000000.ts", Duration: 10 * time.Second, PDT: time.Unix(1e9, 0)})
			p.Render(true)
		}
	}
}
