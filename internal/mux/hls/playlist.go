package hls

import (
	"math"
	"strconv"
	"time"
)

// pdtSlack is how far the clock may be away from the media before the program
// date is set anew without a join.
const pdtSlack = 5 * time.Second

// Piece is one line of a playlist, in the form in which it is kept.
type Piece struct {
	URI           string        `json:"uri"`                 // relative to the playlist, escaped
	Duration      time.Duration `json:"duration"`            // nanoseconds
	PDT           time.Time     `json:"pdt,omitzero"`        // when its first sample was captured; zero if unknown
	Discontinuity bool          `json:"join,omitempty"`      // time or parameters do not follow from the piece before
	Dependent     bool          `json:"dependent,omitempty"` // begins or ends within a GOP (Ended)
	Map           string        `json:"map,omitempty"`       // URI of its init segment
}

// Playlist renders the playlists of one recording. It keeps what is rendered,
// about 100 bytes a piece, not the pieces: to build it anew, Add them again.
type Playlist struct {
	version int
	target  int

	count       int
	independent bool
	lines       []byte
	mapURI      string
	next        time.Time // program date that the next piece should have
}

// NewPlaylist starts a playlist with the target duration in seconds, which
// stays (Cutter.Target).
func NewPlaylist(c Container, target int) *Playlist {
	p := &Playlist{version: 3, target: max(target, 1), independent: true}
	if c == FMP4 {
		p.version = 7
	}
	return p
}

// Len returns the number of pieces.
func (p *Playlist) Len() int { return p.count }

// Target returns the target duration in seconds.
func (p *Playlist) Target() int { return p.target }

// Add appends a piece. The first one is never marked as discontinuity. A
// duration that would break the target, which no piece of the Cutter has, is
// written as the longest that does not.
//
// The program date of a piece that follows without a join is that of the piece
// before plus its duration, so that it never jitters, as long as the clock is
// less than five seconds away from it.
func (p *Playlist) Add(x Piece) {
	b := p.lines
	join := x.Discontinuity && p.count > 0
	if join {
		b = append(b, "#EXT-X-DISCONTINUITY\n"...)
	}
	if x.Map != "" && x.Map != p.mapURI {
		b = append(b, `#EXT-X-MAP:URI="`...)
		b = append(b, x.Map...)
		b = append(b, "\"\n"...)
		p.mapURI = x.Map
	}
	d := min(max(x.Duration, time.Millisecond), p.longest())
	date := p.date(x.PDT, join)
	if !date.IsZero() {
		b = append(b, "#EXT-X-PROGRAM-DATE-TIME:"...)
		b = date.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z\n")
		p.next = date.Add(d)
	} else {
		p.next = time.Time{}
	}
	b = append(b, "#EXTINF:"...)
	b = strconv.AppendFloat(b, math.Round(d.Seconds()*1e6)/1e6, 'f', 6, 64)
	b = append(b, ",\n"...)
	b = append(b, x.URI...)
	p.lines = append(b, '\n')
	p.independent = p.independent && !x.Dependent
	p.count++
}

// longest is the longest duration that rounds to the target.
func (p *Playlist) longest() time.Duration {
	return time.Duration(p.target)*time.Second + 499*time.Millisecond
}

func (p *Playlist) date(pdt time.Time, join bool) time.Time {
	if join || p.next.IsZero() {
		return pdt
	}
	if off := pdt.Sub(p.next); !pdt.IsZero() && (off > pdtSlack || off < -pdtSlack) {
		return pdt
	}
	return p.next
}

// Render returns the whole playlist: growing (live) or finished. The target
// duration is the same in both. Independent segments are claimed as long as
// every piece begins with a key frame. Should GOPs become longer than the target
// later on, the claim is dropped: an event playlist should only grow (RFC 8216
// §4.3.3.5), but a wrong claim would be worse than a lost one.
func (p *Playlist) Render(live bool) []byte {
	b := make([]byte, 0, len(p.lines)+160)
	b = append(b, "#EXTM3U\n#EXT-X-VERSION:"...)
	b = strconv.AppendInt(b, int64(p.version), 10)
	b = append(b, "\n#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(p.target), 10)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:"...)
	if live {
		b = append(b, "EVENT\n"...)
	} else {
		b = append(b, "VOD\n"...)
	}
	if p.independent {
		b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	b = append(b, p.lines...)
	if !live {
		b = append(b, "#EXT-X-ENDLIST\n"...)
	}
	return b
}
