// Package hlstest checks HLS recordings in tests, without using the code that
// made them: playlists by the rules of RFC 8216, transport streams packet by
// packet, and it cuts sources into samples by way of ffmpeg.
package hlstest

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// playlist is what the checker has seen so far.
type playlist struct {
	problems []string
	line     int

	seen     map[string]string // playlist tags, by name
	target   float64
	version  int
	segments int
	ended    bool

	extinf      float64 // of the next URI, negative if there is none
	exactEXTINF bool
	join        bool
	mapURI      string
	date        time.Time // where the last segment ended
	dated       time.Time
}

func (p *playlist) bad(format string, a ...any) {
	p.problems = append(p.problems, fmt.Sprintf("line %d: ", p.line)+fmt.Sprintf(format, a...))
}

// Validate checks a media playlist by RFC 8216 and returns what is wrong.
func Validate(text string) []string {
	p := &playlist{seen: map[string]string{}, extinf: -1}
	if strings.HasPrefix(text, "\ufeff") {
		p.bad("byte order mark (§4.1)")
	}
	if !strings.HasSuffix(text, "\n") {
		p.bad("last line has no end")
	}
	for i, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		p.line = i + 1
		p.take(strings.TrimSuffix(l, "\r"), i == 0)
	}
	p.finish()
	return p.problems
}

func (p *playlist) take(l string, first bool) {
	for _, r := range l {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\ufffd' {
			p.bad("control character or invalid UTF-8 (§4.1)")
			break
		}
	}
	switch {
	case first:
		if l != "#EXTM3U" {
			p.bad("first line is not #EXTM3U (§4.3.1.1)")
		}
	case l == "":
	case p.ended:
		p.bad("something follows EXT-X-ENDLIST")
	case strings.HasPrefix(l, "#EXT"):
		name, value, _ := strings.Cut(l, ":")
		p.tag(name, value)
	case strings.HasPrefix(l, "#"):
	default:
		p.uri(l)
	}
}

var integer = regexp.MustCompile(`^[0-9]{1,20}$`)

func (p *playlist) tag(name, value string) {
	switch name {
	case "#EXTM3U":
		p.bad("second EXTM3U")
	case "#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE",
		"#EXT-X-PLAYLIST-TYPE", "#EXT-X-INDEPENDENT-SEGMENTS":
		p.header(name, value)
	case "#EXT-X-ENDLIST":
		p.ended = true
	case "#EXTINF":
		p.duration(value)
	case "#EXT-X-DISCONTINUITY":
		if value != "" {
			p.bad("EXT-X-DISCONTINUITY has a value")
		}
		if p.segments == 0 || p.join {
			p.bad("discontinuity without a segment before it")
		}
		p.join = true
	case "#EXT-X-MAP":
		m := regexp.MustCompile(`^URI="([^"\r\n]+)"$`).FindStringSubmatch(value)
		if m == nil {
			p.bad("EXT-X-MAP %q", value)
			return
		}
		if p.mapURI != "" && p.mapURI != m[1] && !p.join {
			p.bad("another map without discontinuity (§4.3.2.3)")
		}
		p.mapURI = m[1]
		p.reference(m[1])
	case "#EXT-X-PROGRAM-DATE-TIME":
		p.dateTime(value)
	default:
		p.bad("unknown tag %s", name)
	}
}

func (p *playlist) header(name, value string) {
	if _, ok := p.seen[name]; ok {
		p.bad("second %s", name)
	}
	if p.segments > 0 || p.extinf >= 0 {
		p.bad("%s behind a segment", name)
	}
	p.seen[name] = value
	switch name {
	case "#EXT-X-PLAYLIST-TYPE":
		if value != "EVENT" && value != "VOD" {
			p.bad("playlist type %q", value)
		}
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		if value != "" {
			p.bad("%s has a value", name)
		}
	default:
		if !integer.MatchString(value) {
			p.bad("%s is no decimal integer: %q", name, value)
		}
		n, _ := strconv.Atoi(value)
		switch name {
		case "#EXT-X-VERSION":
			p.version = n
		case "#EXT-X-TARGETDURATION":
			p.target = float64(n)
		}
	}
}

var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

func (p *playlist) duration(value string) {
	d, _, comma := strings.Cut(value, ",")
	f, err := strconv.ParseFloat(d, 64)
	if !comma || err != nil || !decimal.MatchString(d) {
		p.bad("EXTINF %q", value)
		return
	}
	if p.extinf >= 0 {
		p.bad("two EXTINF for one segment")
	}
	if f <= 0 {
		p.bad("empty segment")
	}
	if math.Round(f) > p.target {
		p.bad("EXTINF %s above target duration %v (§4.3.3.1)", d, p.target)
	}
	p.exactEXTINF = p.exactEXTINF || strings.Contains(d, ".")
	p.extinf = f
}

func (p *playlist) dateTime(value string) {
	t, err := time.Parse("2006-01-02T15:04:05.999Z07:00", value)
	if err != nil {
		p.bad("EXT-X-PROGRAM-DATE-TIME: %v", err)
		return
	}
	if !p.dated.IsZero() && !t.After(p.dated) {
		p.bad("program date goes back")
	}
	off := t.Sub(p.date)
	if !p.date.IsZero() && !p.join && (off > time.Millisecond*2 || off < -2*time.Millisecond) {
		p.bad("program date is off by %v from the segment before", off)
	}
	p.date, p.dated = t, t
}

func (p *playlist) uri(l string) {
	if p.extinf < 0 {
		p.bad("URI without EXTINF (§4.3.2.1)")
	}
	p.reference(l)
	if !p.date.IsZero() {
		p.date = p.date.Add(time.Duration(p.extinf * float64(time.Second)))
	}
	p.segments++
	p.extinf, p.join = -1, false
}

func (p *playlist) reference(s string) {
	u, err := url.Parse(s)
	if err != nil {
		p.bad("URI: %v", err)
		return
	}
	if u.IsAbs() || strings.HasPrefix(s, "/") || strings.ContainsAny(s, " \"<>\\^`{|}") {
		p.bad("URI %q is not a relative, escaped one", s)
	}
}

func (p *playlist) finish() {
	if p.extinf >= 0 || p.join {
		p.bad("tags without a segment at the end")
	}
	for _, name := range []string{"#EXT-X-TARGETDURATION", "#EXT-X-VERSION"} {
		if _, ok := p.seen[name]; !ok {
			p.bad("%s is missing", name)
		}
	}
	if p.seen["#EXT-X-PLAYLIST-TYPE"] == "VOD" && !p.ended {
		p.bad("VOD playlist without EXT-X-ENDLIST")
	}
	if p.exactEXTINF && p.version < 3 {
		p.bad("decimal EXTINF needs version 3 (§7)")
	}
	if p.mapURI != "" && p.version < 6 {
		p.bad("EXT-X-MAP needs version 6 (§7)")
	}
	if p.segments == 0 {
		p.bad("no segment")
	}
}

// Growth checks that a playlist may follow an earlier version of itself (§6.2.1)
// and returns what is wrong: lines may only be added, and at the end of an
// event its type may become VOD.
func Growth(before, after string) []string {
	var bad []string
	old := strings.Split(strings.TrimSpace(before), "\n")
	now := strings.Split(strings.TrimSpace(after), "\n")
	for i, l := range old {
		if i >= len(now) || now[i] != l && l != "#EXT-X-PLAYLIST-TYPE:EVENT" {
			bad = append(bad, fmt.Sprintf("line %d changed: %q", i+1, l))
		}
	}
	return bad
}
