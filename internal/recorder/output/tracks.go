package output

import (
	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/timeline"
)

// layout says which tracks of the publication a file has.
type layout struct {
	tracks []*hooks.Track // of the file
	slots  []int          // track of the publication → track of the file, or -1; nil: not known yet
	lead   int            // track of the publication that cuts are made at; -1 = any
}

// layoutOf lays out a file with the chosen tracks of a publication.
func layoutOf(tracks []*hooks.Track, chosen []int) layout {
	l := layout{slots: make([]int, len(tracks)), lead: leadOf(tracks, chosen)}
	for i := range l.slots {
		l.slots[i] = -1
	}
	for k, i := range chosen {
		l.slots[i] = k
		l.tracks = append(l.tracks, tracks[i])
	}
	return l
}

// leadOf is the first video track of the chosen ones, -1 if there is none.
func leadOf(tracks []*hooks.Track, chosen []int) int {
	for _, i := range chosen {
		if tracks[i].Codec.IsVideo() {
			return i
		}
	}
	return -1
}

// match finds the tracks of the layout among the chosen ones of another
// publication. They must be the same in meaning, whatever their order.
func (l *layout) match(tracks []*hooks.Track, chosen []int) bool {
	if len(chosen) != len(l.tracks) {
		return false
	}
	slots := make([]int, len(tracks))
	for i := range slots {
		slots[i] = -1
	}
	used := make([]bool, len(l.tracks))
	for _, i := range chosen {
		k := l.unmatched(used, tracks[i])
		if k < 0 {
			return false
		}
		slots[i], used[k] = k, true
	}
	l.slots, l.lead = slots, leadOf(tracks, chosen)
	return true
}

func (l *layout) unmatched(used []bool, tr *hooks.Track) int {
	for k, have := range l.tracks {
		if !used[k] && timeline.Same(have, tr) {
			return k
		}
	}
	return -1
}

// plain copies tracks, as muxers and headers take them.
func plain(tracks []*hooks.Track) []hooks.Track {
	out := make([]hooks.Track, len(tracks))
	for i, t := range tracks {
		out[i] = *t
	}
	return out
}

// refresh takes over what the stream itself has told of its tracks since the
// publication began, which is more than the host knew then; but not of the one
// whose sample is at hand, which tells its own.
func (o *base) refresh(own int) {
	for i, now := range o.rec.Timeline.Tracks() {
		if i != own {
			o.tracks[i] = now
		}
	}
}

// choose lists the tracks of the publication that files of the format record.
func (o *base) choose(format mux.Format) (out []int) {
	var video, audio int
	for i, tr := range o.tracks {
		if !holds(format, tr) {
			continue
		}
		n := &audio
		if tr.Codec.IsVideo() {
			n = &video
		}
		if *n++; *n > 1 && (o.f.Name == config.FLV || o.f.Name == config.AAC) { // they have room for one of each
			continue
		}
		out = append(out, i)
	}
	return out
}

// leaveOut reports a track that a file does not have, once per publication.
func (o *base) leaveOut(format mux.Format, track int) {
	tr := o.tracks[track]
	if err := unreadable(format, tr); err != nil {
		if !o.unread[track] {
			o.unread[track] = true
			o.rec.Reporter.Unreadable(o.f.Name, track, tr, err)
		}
		return
	}
	if o.leftOut[track] || format.Accepts(tr.Codec) && !timeline.Known(tr) { // it may still become known
		return
	}
	o.leftOut[track] = true
	if o.f.Name == config.AAC && tr.Codec.IsVideo() {
		return // that is what the format is for
	}
	o.rec.Reporter.LeftOut(o.f.Name, track, tr, format.Fits(tr))
}

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
