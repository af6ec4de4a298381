// Package flv writes FLV files (Adobe Video File Format 10.1, annex E): H.264
// with AAC or MP3 in the classic form; H.265, AV1, VP9, Opus and AC-3 as
// Enhanced RTMP v2 describes it (FourCC headers).
//
// # File
//
//	front   FLV header, one script tag with onMetaData   built at the end
//	body    sequence headers, then one tag per sample    append-only
//	back    end-of-sequence tags                         built at the end
//
// A file holds at most one video and one audio track. Their parameters are
// written once; a change of them begins a new file. In-band parameter sets that
// equal those of the track, and access unit delimiters, are dropped.
//
// # Time
//
// Tags carry milliseconds since the earliest DTS of the first batch; what comes
// later but stands earlier gets 0. Each time stamp is rounded on its own, so that
// no error adds up. Within a track they never decrease. For H.264 and H.265 the
// composition time keeps the PTS exact to the millisecond; AV1 and VP9 have none,
// and need none. Within a batch tags are put in the order of their DTS; across
// batches audio may stand slightly before video, which players take.
// The limit of the format is 2^31 ms, 24.8 days: Write refuses what is later.
//
// # Index
//
// onMetaData holds the key-frame index (keyframes: times, filepositions). As all
// other tools do, its first entry is the video sequence header; the first key
// frame follows with an entry of its own. It is thinned
// evenly where it does not fit into the room given or into a script tag (16 MiB).
// Room that is left over is filled inside onMetaData, behind the key frames;
// beyond 16 MiB also by further script tags, which players pass over.
//
// The journal is that of package index, in ticks of the tracks' clocks; the
// first entry of a file has the size of the sequence headers added. The note of each
// record is the zero of the timeline, a zigzag varint in ns.
package flv

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/index"
)

// Format is the FLV format.
var Format mux.Format = format{}

type format struct{}

// Accepts implements mux.Format.
func (format) Accepts(c hooks.Codec) bool {
	_, ok := layouts[c]
	return ok
}

// Fits implements mux.Format.
func (format) Fits(t *hooks.Track) error {
	_, err := newStream(t)
	return err
}

// New implements mux.Format.
func (format) New(tracks []hooks.Track) (mux.Muxer, error) {
	streams, err := newStreams(tracks)
	if err != nil {
		return nil, err
	}
	return &muxer{streams: streams}, nil
}

// Resume implements mux.Format. The tracks' parameters must mean the same as
// those the file began with; they are not written again.
func (format) Resume(tracks []hooks.Track, records mux.Records) (mux.Muxer, error) {
	streams, err := newStreams(tracks)
	if err != nil {
		return nil, err
	}
	m := &muxer{streams: streams}
	for p, err := range index.Entries(records) {
		if err != nil {
			return nil, fmt.Errorf("flv: %w", err)
		}
		if p.Track >= len(streams) {
			return nil, fmt.Errorf("flv: journal names track %d of %d", p.Track, len(streams))
		}
		s := &m.streams[p.Track]
		m.clock.read(p.Note)
		m.clock.start(nanos(p.DTS, s.rate))
		s.seen, s.last = true, p.DTS
	}
	return m, nil
}

// Inspect implements mux.Format.
func (format) Inspect(tracks []hooks.Track, records mux.Records) (mux.Info, error) {
	return index.Inspect(tracks, records)
}

// Head implements mux.Format. Front must be able to hold the metadata without
// index (below 1 KiB), else it is an error. Back holds the end-of-sequence tags
// for any room.
func (format) Head(tracks []hooks.Track, records mux.Records, bodySize, room int64) (mux.Head, error) {
	streams, err := newStreams(tracks)
	if err != nil {
		return mux.Head{}, err
	}
	sum, err := summarize(streams, records)
	if err != nil {
		return mux.Head{}, fmt.Errorf("flv: %w", err)
	}
	var back []byte
	if sum.samples > 0 {
		back = appendEnds(nil, streams, uint32(sum.last))
	}
	front, err := buildFront(tracks, streams, sum, bodySize+int64(len(back)), room)
	if err != nil {
		return mux.Head{}, err
	}
	return mux.Head{Front: front, Back: back}, nil
}

// Errors of New; errClock is wrapped with the track's number and codec.
var (
	errNoTracks = errors.New("flv: no tracks")
	errClock    = errors.New("clock rate unknown")
)

// newStreams works out how each track is written. The error names the track
// and what it lacks or why there is no room for it.
func newStreams(tracks []hooks.Track) ([]stream, error) {
	if len(tracks) == 0 {
		return nil, errNoTracks
	}
	first := map[bool]int{}
	streams := make([]stream, len(tracks))
	for i := range tracks {
		t := &tracks[i]
		if j, taken := first[t.Codec.IsVideo()]; taken {
			return nil, fmt.Errorf("flv: track %d (%s) left out: one track of a kind, and track %d (%s) is it",
				i, t.Codec, j, tracks[j].Codec)
		}
		first[t.Codec.IsVideo()] = i
		s, err := newStream(t)
		if err != nil {
			return nil, fmt.Errorf("flv: track %d (%s): %w", i, t.Codec, err)
		}
		streams[i] = s
	}
	return streams, nil
}
