// Package fmp4 writes the fragmented MP4 pieces of an HLS playlist (ISO/IEC
// 14496-12, RFC 8216 §3.3).
//
// One Muxer writes all pieces of a playlist: Init once, then for each piece
// StartPiece, Write …, Flush. A piece is styp and one or more fragments; every
// Flush is one fragment:
//
//	moof
//	  mfhd         counts fragments over the whole playlist
//	  traf...      per track that has samples
//	    tfhd       default-base-is-moof; duration and flags if all are the same
//	    tfdt       version 1, exact in the track's own clock
//	    trun       version 1: size, what differs of duration and flags, PTS-DTS
//	mdat           track after track
//
// The duration of a sample is the distance to the next one in the fragment. The
// last one's is what the sample says, else that of the one before; since each
// fragment states its own tfdt, an estimate there moves nothing.
//
// Samples are stored as ISO/IEC 14496-15 (H.264, H.265: four bytes of length
// before each NAL unit) and the bindings of AV1, VP9, Opus and AC-3 say. Access
// unit delimiters and temporal delimiters are left out. Payload of 4 KiB and more
// is referenced, not copied.
//
// Parameter sets stand in the init segment and again before each sync sample:
// ffmpeg's HLS reader takes no second init segment in, and would decode what
// follows a change of parameters with those of the first one.
package fmp4

import (
	"encoding/binary"
	"iter"
	"math"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls/piece"
)

// Format is the fragmented MP4 piece; the init segment is an object of its own.
type Format struct{ piece.Plain }

// InitFormat is the init segment, an object of its own.
type InitFormat struct{ Format }

// Remake implements mux.Remaker. Of AC-3 the frames tell more than the tracks.
func (InitFormat) Remake(tracks []hooks.Track) ([]byte, error) {
	m, err := New(tracks)
	if err != nil {
		return nil, err
	}
	return m.Init()
}

// Fill implements mux.Filler: a range is one free box; at the start of a piece,
// behind its styp.
func (Format) Fill(_ []hooks.Track, offset, n int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var head []byte
		if offset == 0 && n >= int64(len(styp))+freeHeader {
			head = append(head, styp...)
			n -= int64(len(styp))
		}
		head = append(binary.BigEndian.AppendUint32(head, uint32(min(n, math.MaxUint32))), "free"...)
		if n > math.MaxUint32 { // more than one box can say in 32 bits: a size of 64 bits
			head = append(head[:len(head)-freeHeader], 0, 0, 0, 1, 'f', 'r', 'e', 'e')
			head = binary.BigEndian.AppendUint64(head, uint64(n))
			n -= 8
		}
		if yield(head) {
			mux.Zeros(n-freeHeader, yield)
		}
	}
}

const freeHeader = 8

// Accepts tells whether the format can hold the track's codec.
func (Format) Accepts(c hooks.Codec) bool {
	switch c {
	case hooks.H264, hooks.H265, hooks.AV1, hooks.VP9,
		hooks.AAC, hooks.MP3, hooks.Opus, hooks.AC3:
		return true
	}
	return false
}

// New returns a *Muxer.
func (Format) New(tracks []hooks.Track) (mux.Muxer, error) {
	m, err := New(tracks)
	if err != nil {
		return nil, err // not a nil *Muxer in an interface
	}
	return m, nil
}

// Resume returns a *Muxer that goes on after the piece which records describe,
// with a new piece: same origin of time, fragments count on.
func (Format) Resume(tracks []hooks.Track, records mux.Records) (mux.Muxer, error) {
	m, err := New(tracks)
	if err != nil {
		return nil, err
	}
	t, err := piece.Sum(len(tracks), records)
	if err != nil {
		return nil, err
	}
	m.spans.Resume(t)
	m.setState(t.State)
	return m, nil
}

// Fits implements mux.Format.
func (Format) Fits(t *hooks.Track) error {
	_, err := describe([]hooks.Track{*t})
	return err
}
