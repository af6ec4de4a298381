// Package mp4 writes ordinary MP4 files (ISO/IEC 14496-12): one ftyp, one moov,
// one mdat; no fragments.
//
// # File
//
//	ftyp  moov  free?  mdat header (64-bit)  | body |
//
// or, where the index does not fit into the room reserved for it,
//
//	ftyp  free  mdat header (64-bit)  | body |  moov
//
// The body is chunks, one per track and flush, video first. All else comes from
// the journal (package index) by two passes, so memory is bounded by the head.
//
// # Time
//
// The media timescale of a track is its clock, so time stamps are exact. The movie
// timescale is the least common multiple of all clocks (if below 2³⁰, else the
// fastest clock), so that edit lists are exact too. Each track has an edit that
// begins at its smallest composition time; a track that starts later than the
// earliest one has an empty edit before it. All durations are 64-bit, chunk
// offsets are co64. Where a picture's PTS is below its DTS, ctts is of version 1.
//
// A sample lasts until the next DTS of its track; the last one as long as it says,
// else as long as the one before, else 40 ms. A DTS that does not grow is set to
// one tick above the one before; its PTS is kept. A track without samples is left
// out of the file.
//
// # Codecs
//
// Sample entries are those of package isobmff. Recovery points that are no sync
// samples and the pre-roll of AAC and Opus are sample groups (roll, rap).
//
// Of an access unit only what the container makes redundant is dropped: access
// unit and temporal delimiters, and parameter sets equal to those of the track.
package mp4

import (
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/index"
	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

// Format is the MP4 file format.
var Format mux.Format = format{}

type format struct{}

// Accepts implements mux.Format.
func (format) Accepts(c hooks.Codec) bool {
	switch c {
	case hooks.H264, hooks.H265, hooks.AV1, hooks.VP9, hooks.VP8,
		hooks.AAC, hooks.MP3, hooks.Opus, hooks.AC3, hooks.LPCM, hooks.G711:
		return true
	}
	return false
}

// Fits implements mux.Format.
func (format) Fits(t *hooks.Track) error {
	_, err := isobmff.Describe(t)
	return err
}

// New implements mux.Format.
func (format) New(tracks []hooks.Track) (mux.Muxer, error) {
	if _, err := describeAll(tracks); err != nil {
		return nil, err
	}
	return newMuxer(tracks), nil
}

// Resume implements mux.Format.
func (format) Resume(tracks []hooks.Track, records mux.Records) (mux.Muxer, error) {
	if _, err := describeAll(tracks); err != nil {
		return nil, err
	}
	m := newMuxer(tracks)
	for i := range m.tracks {
		m.notes.meters[i] = &m.tracks[i].meter
	}
	for p, err := range index.Entries(records) {
		if err != nil {
			return nil, err
		}
		if p.Track >= len(tracks) {
			return nil, fmt.Errorf("%w: track %d of %d", index.ErrCorrupt, p.Track, len(tracks))
		}
		if _, err := m.notes.read(p.Note); err != nil {
			return nil, err
		}
		t := &m.tracks[p.Track]
		t.inBand = m.notes.inBand[p.Track]
		t.started, t.lastDTS = true, p.DTS
	}
	return m, nil
}

// Inspect implements mux.Format.
func (format) Inspect(tracks []hooks.Track, records mux.Records) (mux.Info, error) {
	return index.Inspect(tracks, records)
}

// describeAll checks that every track can be described, and returns how.
func describeAll(tracks []hooks.Track) ([]isobmff.Entry, error) {
	if len(tracks) == 0 || len(tracks) > index.MaxTracks {
		return nil, fmt.Errorf("mp4: %d tracks, want 1 to %d", len(tracks), index.MaxTracks)
	}
	ds := make([]isobmff.Entry, len(tracks))
	for i := range tracks {
		d, err := isobmff.Describe(&tracks[i])
		if err != nil {
			return nil, fmt.Errorf("mp4: track %d (%s): %w", i+1, tracks[i].Codec, err)
		}
		ds[i] = d
	}
	return ds, nil
}
