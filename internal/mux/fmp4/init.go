package fmp4

import (
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/isobmff"
)

// describe checks that every track can be described, and returns how.
func describe(tracks []hooks.Track) ([]isobmff.Entry, error) {
	entries := make([]isobmff.Entry, len(tracks))
	for i := range tracks {
		t := &tracks[i]
		if !(Format{}).Accepts(t.Codec) {
			return nil, fmt.Errorf("track %d: fragmented MP4 cannot hold %s in HLS", i, t.Codec)
		}
		e, err := isobmff.Describe(t)
		if err != nil {
			return nil, fmt.Errorf("track %d (%s): %w", i, t.Codec, err)
		}
		entries[i] = e
	}
	return entries, nil
}

// initSegment returns ftyp and moov.
func (m *Muxer) initSegment() []byte {
	w := &isobmff.Writer{}
	isobmff.Ftyp(w, "iso6", 0, "iso6iso5mp41hlsf", m.hooks)
	w.Start("moov")
	isobmff.Mvhd(w, 0, 1000, 0, len(m.tracks)+1)
	seen := map[bool]bool{}
	for i := range m.tracks {
		video := m.hooks[i].Codec.IsVideo()
		m.trak(w, i, !seen[video])
		seen[video] = true
	}
	w.Start("mvex")
	for i := range m.tracks {
		w.Full("trex", 0, 0)
		w.U32(uint32(i+1), 1, 0, 0, 0) // fragments state all else
		w.End()
	}
	w.End()
	w.End()
	return w.B
}

// trak is the track without samples: all tables are empty (§8.8.1).
func (m *Muxer) trak(w *isobmff.Writer, i int, enabled bool) {
	e, f := &m.entries[i], m.facts(i)
	w.Start("trak")
	e.Tkhd(w, 0, i+1, 0, enabled)
	w.Start("mdia")
	e.MediaHeaders(w, 0, 0)
	w.Start("stbl")
	e.Stsd(w, isobmff.Extra{Facts: f})
	for _, kind := range []string{"stts", "stsc", "stco"} {
		w.Full(kind, 0, 0)
		w.U32(0)
		w.End()
	}
	w.Full("stsz", 0, 0)
	w.U32(0, 0)
	w.End()
	if roll := e.PreRoll(&f); roll != 0 {
		isobmff.Sgpd(w, roll)
	}
	w.End()
	w.End()
	w.End()
	w.End()
}

// facts are what the samples so far have told of a track.
func (m *Muxer) facts(i int) codec.Facts { return m.tracks[i].meter.Facts }
