// Package bridge connects MediaMTX v1.21.0 to the recorder: it translates
// formats and units into hooks types and reads a stream.Stream. What does not
// depend on the release is in patches/host; what needs unexported fields of the
// server is in _overlay, next to the lines in callsites.
package bridge

import (
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/bluenviron/mediamtx/internal/logger"
	"github.com/bluenviron/mediamtx/internal/stream"
	"github.com/bluenviron/mediamtx/internal/unit"

	"github.com/live-recording/liverecord/hooks"
)

// Reader implements host.Reader. Tracks are the formats of all medias in the
// order of the description.
type Reader struct {
	Stream *stream.Stream
	Parent logger.Writer

	reader *stream.Reader
}

// Tracks implements host.Reader.
func (r *Reader) Tracks() []hooks.Track {
	var tracks []hooks.Track
	if r.Stream.OrigDesc == nil {
		return nil
	}
	for _, media := range r.Stream.OutDescCopy().Medias {
		for _, forma := range media.Formats {
			tracks = append(tracks, track(forma))
		}
	}
	return tracks
}

// Start implements host.Reader.
func (r *Reader) Start(deliver func(hooks.Unit)) {
	r.reader = &stream.Reader{SkipOutboundBytes: true, Parent: r.Parent}
	if r.Stream.OrigDesc != nil {
		r.register(r.Stream.OrigDesc.Medias, deliver)
	}
	r.Stream.AddReader(r.reader)
}

func (r *Reader) register(medias []*description.Media, deliver func(hooks.Unit)) {
	i := 0
	for _, media := range medias {
		for _, forma := range media.Formats {
			if supported(forma) {
				r.reader.OnData(media, forma, onData(i, forma, deliver))
			}
			i++
		}
	}
}

// onData never returns an error: one would end the reader's goroutine, and its
// ring would overflow for ever.
func onData(track int, forma format.Format, deliver func(hooks.Unit)) stream.OnDataFunc {
	return func(u *unit.Unit) error {
		if p := payload(forma, u.Payload); len(p) > 0 {
			deliver(hooks.Unit{Track: track, PTS: u.PTS, NTP: u.NTP, Payload: p})
		}
		return nil
	}
}

// Stop implements host.Reader.
func (r *Reader) Stop() { r.Stream.RemoveReader(r.reader) }

// Mark implements host.Reader.
func (r *Reader) Mark(f func()) bool { return r.reader.LiveRecordMark(f) }

// Discarded implements host.Reader.
func (r *Reader) Discarded() uint64 {
	if r.reader == nil {
		return 0
	}
	return r.reader.OutboundFramesDiscarded()
}
