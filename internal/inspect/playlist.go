package inspect

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Segment is one media segment of a playlist.
type Segment struct {
	Object        string // its key, next to that of the playlist
	Map           string // key of its initialization section (EXT-X-MAP), empty if it has none
	Discontinuity bool   // EXT-X-DISCONTINUITY comes before it
	Duration      float64
}

// Playlist is an HLS media playlist (RFC 8216).
type Playlist struct {
	Segments []Segment
	Ended    bool // EXT-X-ENDLIST
	Report
}

// maxPlaylist bounds a playlist: segments of a second for months.
const maxPlaylist = 1 << 30

// ReadPlaylist reads the playlist that lies at key. The error is that of reading.
func ReadPlaylist(key string, r io.Reader) (*Playlist, error) {
	x := &playlistReader{list: &Playlist{}, dir: path.Dir(key), extinf: -1}
	lines := bufio.NewScanner(io.LimitReader(r, maxPlaylist))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		x.line++
		x.list.Size += int64(len(lines.Bytes())) + 1
		x.take(strings.TrimSuffix(lines.Text(), "\r"))
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	x.finish()
	return x.list, nil
}

type playlistReader struct {
	list   *Playlist
	dir    string
	line   int
	target float64
	extinf float64 // of the next segment, -1 = none
	join   bool
	init   string
}

func (x *playlistReader) bad(format string, args ...any) {
	x.list.Problems = append(x.list.Problems, fmt.Sprintf("line %d: ", x.line)+fmt.Sprintf(format, args...))
}

func (x *playlistReader) take(l string) {
	name, value, _ := strings.Cut(l, ":")
	switch {
	case x.line == 1:
		if l != "#EXTM3U" {
			x.bad("no playlist begins here")
		}
	case l == "":
	case x.list.Ended:
		x.bad("something follows EXT-X-ENDLIST")
	case name == "#EXT-X-ENDLIST":
		x.list.Ended = true
	case name == "#EXT-X-TARGETDURATION":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			x.bad("target duration %s", value)
		}
		x.target = float64(n)
	case name == "#EXTINF":
		d, err := strconv.ParseFloat(strings.TrimSuffix(value, ","), 64)
		if err != nil || d <= 0 || math.Round(d) > x.target {
			x.bad("duration %s with a target duration of %v", value, x.target)
		}
		x.extinf = max(d, 0)
	case name == "#EXT-X-DISCONTINUITY":
		x.join = true
	case name == "#EXT-X-MAP":
		uri, ok := strings.CutPrefix(value, `URI="`)
		uri, ok2 := strings.CutSuffix(uri, `"`)
		if !ok || !ok2 {
			x.bad("EXT-X-MAP %s", value)
			return
		}
		x.init = x.resolve(uri)
	case strings.HasPrefix(l, "#"):
	default:
		x.segment(l)
	}
}

func (x *playlistReader) segment(uri string) {
	if x.extinf < 0 {
		x.bad("a segment without EXTINF")
	}
	if key := x.resolve(uri); key != "" {
		x.list.Segments = append(x.list.Segments, Segment{Object: key, Map: x.init, Discontinuity: x.join, Duration: x.extinf})
	}
	x.extinf, x.join = -1, false
}

// resolve turns a reference into a key. It must lead to a place below the folder
// of the playlist: segments are never elsewhere.
func (x *playlistReader) resolve(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") || u.Path == "" {
		x.bad("%s is no reference to a segment", strconv.Quote(uri))
		return ""
	}
	for _, part := range strings.Split(u.Path, "/") {
		if part == ".." || part == "." || part == "" {
			x.bad("%s leads out of the folder", strconv.Quote(uri))
			return ""
		}
	}
	return path.Join(x.dir, u.Path)
}

func (x *playlistReader) finish() {
	l := x.list
	length := 0.0
	for _, p := range l.Segments {
		length += p.Duration
	}
	if x.extinf >= 0 {
		x.bad("EXTINF without a segment")
	}
	if len(l.Segments) == 0 && len(l.Problems) == 0 {
		x.bad("no segments")
	}
	l.Summary = fmt.Sprintf("HLS, %s, %.1f s", count(len(l.Segments), "segment"), length)
	if !l.Ended {
		l.Summary += ", growing"
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
