package hlstest

import (
	"strings"
	"testing"
)

const good = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:5
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="k/init0.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T01:00:00.000Z
#EXTINF:4.000000,
k/000000.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="k/init1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T02:00:00.000Z
#EXTINF:5.400000,
k/000001.m4s
#EXT-X-ENDLIST
`

// TestValidate breaks one rule after another: a checker that finds nothing
// proves nothing.
func TestValidate(t *testing.T) {
	if bad := Validate(good); len(bad) > 0 {
		t.Fatal(bad)
	}
	for _, x := range []struct{ old, new string }{
		{"#EXTM3U\n", ""},
		{"VERSION:7", "VERSION:3"},
		{"#EXT-X-VERSION:7\n", ""},
		{"#EXT-X-TARGETDURATION:5\n", ""},
		{"DURATION:5", "DURATION:4"},
		{"DURATION:5", "DURATION:5.5"},
		{"EXTINF:5.4", "EXTINF:5.5"},
		{"EXTINF:5.4", "EXTINF:0"},
		{"400000,", "400000"},
		{"#EXTINF:4.000000,\n", ""},
		{"k/000000.m4s\n", ""},
		{"k/000001.m4s\n", ""},
		{"k/000000", "k 2/000000"},
		{"k/000000", "http://h/k/000000"},
		{"#EXT-X-ENDLIST\n", ""},
		{"#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST\n#EXTINF:1,\nx\n"},
		{"#EXT-X-DISCONTINUITY\n", ""},
		{"TYPE:VOD", "TYPE:vod"},
		{"T02:", "T00:"},
		{`URI="k/init1.mp4"`, `URI=k/init1.mp4`},
		{"#EXT-X-MEDIA-SEQUENCE:0\n", "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MEDIA-SEQUENCE:0\n"},
	} {
		if len(Validate(strings.Replace(good, x.old, x.new, 1))) == 0 {
			t.Errorf("%q instead of %q is not found", x.new, x.old)
		}
	}
	if len(Growth(good, good)) > 0 || len(Growth(good, strings.Replace(good, "5.4", "5.3", 1))) != 1 {
		t.Error("growth is not checked")
	}
}
