package recorder

import (
	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/timeline"
)

// holds tells whether a file of the format can have the track with the
// parameters that it has now.
func holds(f mux.Format, tr *hooks.Track) bool {
	return suits(f, tr) && unreadable(f, tr) == nil
}

// suits tells whether a format can hold the track by its codec and its kind of
// parameters, and these are there. They may be unreadable.
func suits(f mux.Format, tr *hooks.Track) bool {
	return f.Accepts(tr.Codec) && timeline.Known(tr) && f.Fits(tr) == nil
}

// unreadable is why a format cannot write a track of a codec that it can hold,
// although the parameters are there: an SPS that nobody can parse, for example.
// Such a track is left out, so that it does not take the others with it. A later
// key frame may bring better parameters.
func unreadable(f mux.Format, tr *hooks.Track) error {
	if !suits(f, tr) {
		return nil
	}
	_, err := f.New([]hooks.Track{*tr})
	return err
}

// tellUnreadable logs it once per publication, output and track; told is what
// was logged already.
func (rec *recording) tellUnreadable(told map[int]bool, format config.FormatName, track int, tr *hooks.Track, err error) {
	if told[track] {
		return
	}
	told[track] = true
	rec.log.Warn("a track is left out: its parameters cannot be read",
		"format", format, "track", track, "codec", tr.Codec, "error", err)
}
