// Package bridge connects MediaMTX v1.14.0 to the recorder: it translates
// formats and units into hooks types and reads a stream.Stream. What does not
// depend on the release is in patches/host; what needs unexported fields of the
// server is in _overlay, next to the lines in callsites.
//
// This release drops what an RTMP publisher sends while its tracks are being
// analysed, up to two seconds, before anything of ours can see it.
package bridge

import (
	"github.com/bluenviron/gortsplib/v4/pkg/format"

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

	key    *readerKey
	reader *stream.LiveRecordReader // nil if no format is supported
}

// readerKey is a reader to the stream, which knows its readers by identity.
type readerKey struct{ logger.Writer }

// Tracks implements host.Reader.
func (r *Reader) Tracks() []hooks.Track {
	var tracks []hooks.Track
	for _, forma := range r.formats() {
		tracks = append(tracks, track(forma))
	}
	return tracks
}

func (r *Reader) formats() []format.Format {
	if r.Stream.Desc == nil {
		return nil
	}
	var all []format.Format
	for _, media := range r.Stream.Desc.Medias {
		all = append(all, media.Formats...)
	}
	return all
}

// Start implements host.Reader.
func (r *Reader) Start(deliver func(hooks.Unit)) {
	r.key, r.reader = &readerKey{r.Parent}, nil
	if r.Stream.Desc == nil {
		return
	}
	i := 0
	for _, media := range r.Stream.Desc.Medias {
		for _, forma := range media.Formats {
			if supported(forma) {
				r.Stream.AddReader(r.key, media, forma, onData(i, forma, deliver))
			}
			i++
		}
	}
	if r.reader = r.Stream.LiveRecordReader(r.key); r.reader != nil {
		r.Stream.StartReader(r.key)
	}
}

// onData never returns an error: one would end the reader's goroutine, and its
// ring would overflow for ever.
func onData(track int, forma format.Format, deliver func(hooks.Unit)) stream.ReadFunc {
	return func(u unit.Unit) error {
		if p := payload(forma, u); len(p) > 0 {
			deliver(hooks.Unit{Track: track, PTS: u.GetPTS(), NTP: u.GetNTP(), Payload: p})
		}
		return nil
	}
}

// Stop implements host.Reader.
func (r *Reader) Stop() {
	if r.reader != nil {
		r.Stream.RemoveReader(r.key)
	}
}

// Mark implements host.Reader.
func (r *Reader) Mark(f func()) bool {
	if r.reader == nil {
		f() // nothing is ever queued
		return true
	}
	return r.reader.LiveRecordMark(f)
}

// Discarded implements host.Reader.
func (r *Reader) Discarded() uint64 {
	if r.reader == nil {
		return 0
	}
	return r.reader.LiveRecordDiscarded()
}
