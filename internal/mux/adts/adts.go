// Package adts writes raw AAC as ADTS (ISO/IEC 13818-7 §6.2, 14496-3 §1.A.2.2):
// one AAC track, each frame behind a header of 7 bytes. There is no head; the
// body is the whole file.
//
// ADTS holds no time stamps. Frames follow each other without gaps, so a file
// plays shorter than its recording took where audio was missing; the journal
// (package index) keeps the true times, and with them duration and resume.
//
// HE-AAC is written as its AAC-LC core with the core's sampling rate; decoders
// find SBR and PS in the frames. A program config element, which tells channels that
// have no number, stands before the first frame (§1.A.2.2.1), unless the frame brings
// it itself. What the header cannot say is an error of New: object types above 4,
// sampling rates outside the table, frames of 960 samples.
package adts

import (
	"errors"
	"fmt"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/codec"
	"github.com/live-recording/liverecord/internal/mux/index"
)

// Format is the ADTS format.
var Format mux.Format = format{}

type format struct{}

// Accepts implements mux.Format.
func (format) Accepts(c hooks.Codec) bool { return c == hooks.AAC }

// Fits implements mux.Format.
func (format) Fits(t *hooks.Track) error {
	_, err := newMuxer([]hooks.Track{*t})
	return err
}

// New implements mux.Format.
func (format) New(tracks []hooks.Track) (mux.Muxer, error) {
	return newMuxer(tracks)
}

// Resume implements mux.Format.
func (format) Resume(tracks []hooks.Track, records mux.Records) (mux.Muxer, error) {
	m, err := newMuxer(tracks)
	if err != nil {
		return nil, err
	}
	for p, err := range index.Entries(records) {
		if err != nil {
			return nil, fmt.Errorf("adts: %w", err)
		}
		if p.Track != 0 {
			return nil, fmt.Errorf("adts: journal names track %d of 1", p.Track)
		}
		m.seen, m.last = true, p.DTS
	}
	return m, nil
}

// Head implements mux.Format. ADTS has no head, whatever the room.
func (format) Head([]hooks.Track, mux.Records, int64, int64) (mux.Head, error) {
	return mux.Head{}, nil
}

// Inspect implements mux.Format.
func (format) Inspect(tracks []hooks.Track, records mux.Records) (mux.Info, error) {
	return index.Inspect(tracks, records)
}

func newMuxer(tracks []hooks.Track) (*muxer, error) {
	if len(tracks) != 1 {
		return nil, fmt.Errorf("adts: %d tracks, one AAC track needed", len(tracks))
	}
	t := &tracks[0]
	if t.Codec != hooks.AAC {
		return nil, fmt.Errorf("adts: track 0 (%s): codec cannot be held", t.Codec)
	}
	if t.ClockRate <= 0 {
		return nil, errors.New("adts: track 0 (aac): clock rate unknown")
	}
	m, err := describe(t)
	if err != nil {
		return nil, fmt.Errorf("adts: track 0 (aac): %w", err)
	}
	return m, nil
}

func describe(t *hooks.Track) (*muxer, error) {
	c, err := codec.ParseAAC(t.AudioConfig)
	if err != nil {
		return nil, err
	}
	h, err := c.ADTS()
	if err != nil {
		return nil, err
	}
	return &muxer{fixed: h, pce: c.AppendPCE(nil)}, nil
}
