package output

import (
	"fmt"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// hlsOutput records segments and the row of their playlist.
type hlsOutput struct {
	base
	list *playlist     // nil until the first sample
	cut  *hls.Cutter   // says where segments end
	mux  hls.Pieces    // nil: a new one is to be made, for the tracks as they are then
	from time.Duration // where on the timeline the open segment begins
	join bool          // the next segment is a discontinuity
}

// playlist is one playlist of the output.
type playlist struct {
	row        state.FileRow
	container  hls.Container
	segments   int
	inits      int
	mapURI     string // initialization section of the current parameters; set when its first segment ends
	start, end time.Duration
	any        bool
	sum        time.Duration // of the segments that have ended
	origin     *int64        // of the muxers; time stamps run on over joins, which more players bear
}

// key is the playlist's object key without what plan.Final appends.
func (l *playlist) key() string {
	key, _ := plan.PlaylistKey(l.row.Object)
	return key
}

func newHLS(rec *Recording, f config.Format) *hlsOutput { return &hlsOutput{base: newBase(rec, f)} }

// Begin implements Output. A playlist that waited resumes with a discontinuity.
func (o *hlsOutput) Begin(tracks []*hooks.Track) {
	o.begin(tracks)
	if o.list != nil {
		o.list.row.State = state.FileOpen
		o.rec.Ledger.Save(&o.list.row)
	}
	o.mux, o.join = nil, true
}

// Write implements Output.
func (o *hlsOutput) Write(s *timeline.Sample) {
	o.tracks[s.Track] = s.Info
	if o.changed(s) {
		if !o.mayCut(s) {
			return
		}
		o.rec.Reporter.Changed(o.f.Name, o.layout.tracks, s.Info)
		o.endSegment()
		o.mux, o.join = nil, true
	}
	if o.list != nil && o.due(s) && o.mayEnd(fewInSegment) {
		o.endList("interval")
	}
	if o.mux == nil && !o.start(s) {
		o.skip()
		return
	}
	slot := o.layout.slots[s.Track]
	if slot < 0 {
		return
	}
	if o.awaitsKey(s, o.layout.lead) {
		o.skip()
		return
	}
	if o.needKey && o.open != nil { // samples are missing: the segment ends before the gap
		if !o.mayCut(s) {
			return
		}
		o.endSegment()
		o.restart()
	}
	o.needKey, o.changing = false, false
	o.append(s, slot)
}

// changed tells whether the sample does not fit to the parameters of the muxer.
func (o *hlsOutput) changed(s *timeline.Sample) bool {
	if o.mux == nil {
		return false
	}
	if slot := o.layout.slots[s.Track]; slot >= 0 {
		return !timeline.Same(o.layout.tracks[slot], s.Info)
	}
	return s.Sync && !o.leftOut[s.Track] && o.accepts(s.Track)
}

func (o *hlsOutput) accepts(track int) bool {
	tr := o.tracks[track]
	if o.list == nil {
		return holds(hls.TS.Format(), tr) || holds(hls.FMP4.Format(), tr)
	}
	return holds(o.list.container.Format(), tr)
}

// due tells whether the playlist is long enough and s a place to cut.
func (o *hlsOutput) due(s *timeline.Sample) bool {
	l := o.list
	if o.f.Interval <= 0 || !l.any || s.Time()-l.start < o.f.Interval {
		return false
	}
	return o.layout.lead < 0 || s.Track == o.layout.lead && timeline.AccessOf(s.Info.Codec, s.Payload) == timeline.Key
}

// start makes a muxer for the tracks as they are now, and the playlist if there
// is none or if another codec needs a new one.
func (o *hlsOutput) start(s *timeline.Sample) bool {
	if !o.mayTry() {
		return false
	}
	o.refresh(s.Track)
	container := hls.Choose(o.f.Container, o.known())
	if o.list != nil && (container != o.list.container || o.codecChanged()) {
		o.endList("the codec changed")
	}
	if o.list != nil {
		container = o.list.container
	}
	o.layout = layoutOf(o.tracks, o.choose(container.Format()))
	for i, slot := range o.layout.slots {
		if slot < 0 {
			o.leaveOut(container.Format(), i)
		}
	}
	if o.awaitsKey(s, o.layout.lead) {
		return false
	}
	if err := o.prepare(container, s); err != nil {
		o.fail(err)
		return false
	}
	return true
}

func (o *hlsOutput) prepare(container hls.Container, s *timeline.Sample) error {
	tracks := plain(o.layout.tracks)
	if len(tracks) == 0 {
		return fmt.Errorf("none of the stream's tracks fits into hls (%s)", container)
	}
	if err := o.find(); err != nil {
		return err
	}
	m, err := container.New(tracks)
	if err != nil {
		return err
	}
	if o.list == nil {
		if err := o.createList(container, tracks, s); err != nil {
			return err
		}
	}
	o.use(m, tracks)
	o.list.mapURI = ""
	return nil
}

func (o *hlsOutput) known() (out []hooks.Track) {
	for i, tr := range o.tracks {
		if o.accepts(i) {
			out = append(out, *tr)
		}
	}
	return out
}

// codecChanged: another codec in one playlist is more than players bear.
func (o *hlsOutput) codecChanged() bool {
	d := o.list.row.Detail
	for i, tr := range o.tracks {
		if !o.accepts(i) {
			continue
		}
		old := d.AudioCodec
		if tr.Codec.IsVideo() {
			old = d.VideoCodec
		}
		if old != "" && old != string(tr.Codec) {
			return true
		}
	}
	return false
}

func (o *hlsOutput) createList(c hls.Container, tracks []hooks.Track, s *timeline.Sample) error {
	l := &playlist{container: c, row: o.newRow(tracks, o.rec.Timeline.Wall(s.Time()))}
	l.row.Spool = ""
	l.row.Detail.Container = string(c)
	if err := o.rec.Ledger.Insert(&l.row, o.rec.key(&o.f, &l.row, time.Time{})); err != nil {
		return err
	}
	o.list, o.join = l, false
	return nil
}

// restart resumes after a gap with a new muxer.
func (o *hlsOutput) restart() {
	tracks := plain(o.layout.tracks)
	m, err := o.list.container.New(tracks)
	if err != nil {
		o.fail(err)
		return
	}
	o.use(m, tracks)
	o.join = true
}

// use changes to another muxer.
func (o *hlsOutput) use(m hls.Pieces, tracks []hooks.Track) {
	if o.list.origin != nil {
		m.SetOrigin(*o.list.origin)
	}
	o.mux = m
	o.cut = hls.NewCutter(tracks, o.f.Segment, o.list.row.Detail.Target)
}

// endList finishes the playlist.
func (o *hlsOutput) endList(reason string) {
	o.endSegment()
	l := o.list
	o.list, o.mux, o.deadline = nil, nil, time.Time{}
	if l == nil {
		return
	}
	l.row.State, l.row.Ended, l.row.Duration = state.FileEnded, o.rec.Now, l.sum
	if l.segments == 0 {
		o.rec.Ledger.Drop(&l.row, o.place.Dir)
		return
	}
	o.rec.Ledger.Save(&l.row)
	o.rec.Log.Debug("a playlist has ended", "object", l.row.Object, "reason", reason, "segments", l.segments)
}

// Tick implements Output.
func (o *hlsOutput) Tick(now time.Time) {
	if o.open.late(now) {
		o.flush()
	}
}

// Interrupt implements Output.
func (o *hlsOutput) Interrupt(now time.Time) time.Time {
	if o.f.Splice <= 0 || o.list == nil {
		o.endList("the publication ended")
		return time.Time{}
	}
	o.endSegment()
	o.mux = nil
	o.deadline = now.Add(o.f.Splice)
	o.list.row.State = state.FileWaiting
	o.rec.Ledger.Save(&o.list.row)
	return o.deadline
}

// Finish implements Output.
func (o *hlsOutput) Finish(reason string) {
	o.endList(reason)
	o.deadline = time.Time{}
}

// Abandon implements Output.
func (o *hlsOutput) Abandon() {
	if o.open != nil {
		o.closeSegment(o.cut.End())
	}
	o.endList("internal error")
}

// Status implements Output.
func (o *hlsOutput) Status() Status {
	s := o.status()
	if o.list != nil {
		s.Object, s.Media, s.Segments = o.list.row.Object, o.list.end-o.list.start, o.list.segments
	}
	return s
}
