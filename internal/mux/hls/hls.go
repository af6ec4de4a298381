// Package hls makes HLS recordings (RFC 8216): it chooses the container of the
// pieces, says where a stream is cut into pieces, names them and writes the
// playlists.
//
// # One playlist
//
//	c := Choose("auto", tracks)          // once per recording
//	pieces, err := c.New(tracks)         // anew when parameters change
//	cut := NewCutter(tracks, segment, target)
//	list := NewPlaylist(c, target)
//
// For each sample: if cut.Next(s) says so, Flush, close the piece, StartPiece
// and open the next one; then Write. A piece goes into the playlist by Add once
// it is stored. Render(true) is KEY.m3u8 while recording, Render(false) is
// KEY_eof.m3u8 and, at the end, KEY.m3u8 too.
//
// # The target duration
//
// EXT-X-TARGETDURATION must never change once a player may have seen it, and no
// EXTINF, rounded, may be above it. The Cutter fixes it when the first piece
// ends, from the GOPs that it has seen, between 1.5 and 2 times the wanted
// length. From then on a piece that would become longer is cut within its GOP.
//
// # Joins
//
// A publication that goes on after a splice gets a new Muxer and a new Cutter
// with the target of the playlist; its first piece is marked as discontinuity.
// So is the first piece after a change of parameters, which also names another
// Map, and one that Cutter.Next reports as Gap.
//
// Players that do not know discontinuities (ffmpeg, GStreamer) play through a
// join if time stamps go on rising: give the new Pieces the Origin of the old one
// if the samples are on one timeline, else one that is earlier by what was
// recorded.
package hls

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
	"github.com/live-recording/liverecord/internal/mux/mpegts"
)

// Content types of the objects.
const (
	PlaylistType = "application/vnd.apple.mpegurl"
	TSType       = "video/mp2t"
	FMP4Type     = "video/mp4"
)

// Container is the format of the pieces.
type Container string

// The containers, as templates name them.
const (
	TS   Container = "ts"
	FMP4 Container = "fmp4"
)

// Pieces writes the pieces of one playlist, as long as the tracks' parameters
// stay the same. Continuity and time run on from piece to piece.
type Pieces interface {
	mux.Muxer

	// StartPiece makes the next sample the first one of a new piece. A new
	// Pieces begins with one. Flush before.
	StartPiece()

	// SetOrigin says which second of the samples' time gets the time stamp
	// piece.Base in the pieces. Without it, that of the first sample does. To be
	// called before the first Write.
	SetOrigin(second int64)

	// Origin returns that second; it is known from the first Write on.
	Origin() int64

	// Init returns the init segment, nil if the container has none. Ask for it
	// when the first piece ends: for AC-3 it tells more then.
	Init() ([]byte, error)
}

// Choose returns the container for a template's setting: auto, ts or fmp4. auto
// is TS for H.264 with AAC or MP3 and nothing else that HLS can hold.
func Choose(setting string, tracks []hooks.Track) Container {
	switch setting {
	case string(TS):
		return TS
	case string(FMP4):
		return FMP4
	}
	for i := range tracks {
		t := &tracks[i]
		switch t.Codec {
		case hooks.H264, hooks.MP3:
		case hooks.AAC:
			if TS.Format().Fits(t) != nil && FMP4.Format().Fits(t) == nil {
				return FMP4 // a configuration that ADTS cannot say
			}
		default:
			if (fmp4.Format{}).Accepts(t.Codec) {
				return FMP4
			}
		}
	}
	return TS
}

// Format returns the container's format, for Accepts, Inspect and Head.
func (c Container) Format() mux.Format {
	if c == TS {
		return mpegts.Format{}
	}
	return fmp4.Format{}
}

// New starts pieces with these tracks, all of which the format must accept.
func (c Container) New(tracks []hooks.Track) (Pieces, error) {
	return pieces(c.Format().New(tracks))
}

// Resume goes on after the piece that records describe, with a new piece.
func (c Container) Resume(tracks []hooks.Track, records mux.Records) (Pieces, error) {
	return pieces(c.Format().Resume(tracks, records))
}

func pieces(m mux.Muxer, err error) (Pieces, error) {
	if err != nil {
		return nil, err
	}
	p, ok := m.(Pieces)
	if !ok {
		return nil, fmt.Errorf("%T writes no pieces", m)
	}
	return p, nil
}

// Inspect sums up a piece from its journal, also a torn one.
func (c Container) Inspect(tracks []hooks.Track, records mux.Records) (Ended, error) {
	t, err := piece.Sum(len(tracks), records)
	if err != nil {
		return Ended{}, err
	}
	return Ended{Duration: t.Info(tracks).Duration, Dependent: t.Dependent(tracks)}, nil
}

// Ext is the extension of the pieces, with its dot.
func (c Container) Ext() string {
	if c == TS {
		return ".ts"
	}
	return ".m4s"
}

// ContentType is that of the pieces.
func (c Container) ContentType() string {
	if c == TS {
		return TSType
	}
	return FMP4Type
}

// PieceKey is the object key of piece n of the playlist KEY.m3u8.
func (c Container) PieceKey(key string, n int) string {
	return fmt.Sprintf("%s/%06d%s", key, n, c.Ext())
}

// InitKey is the object key of init segment n of the playlist KEY.m3u8.
func InitKey(key string, n int) string { return fmt.Sprintf("%s/init%d.mp4", key, n) }

// URI is the reference from the playlist KEY.m3u8 to the object at, which is a
// key below KEY/ (RFC 3986 §4.2, escaped).
func URI(key, at string) string {
	rel := path.Base(key) + "/" + strings.TrimPrefix(at, key+"/")
	parts := strings.Split(rel, "/")
	for i, p := range parts {
		// a colon in the first part would be read as a scheme
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A")
	}
	return strings.Join(parts, "/")
}
