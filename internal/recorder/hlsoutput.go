package recorder

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/hls"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// hlsOutput records pieces and the row of their playlist. Storing the pieces and
// writing the playlists belong to package upload.
type hlsOutput struct {
	rec   *recording
	f     config.Format
	place Place

	tracks   []*hooks.Track
	list     *playlistFile
	piece    *openFile // the piece that is being written
	cut      *hls.Cutter
	mux      hls.Pieces
	chosen   []*hooks.Track // tracks of mux
	slots    []int
	lead     int
	join     bool // the next piece is a discontinuity
	deadline time.Time
	needKey  bool
	retryAt  time.Time
	leftOut  map[int]bool
	bad      map[int]bool // tracks that were reported as unreadable
	scratch  mux.Sample
	problem  string
	cuts     cutLimit
	changing bool // the stream changes faster than pieces may begin
}

// playlistFile is one playlist of the output.
type playlistFile struct {
	row        state.FileRow
	container  hls.Container
	key        string // without extension
	pieces     int
	inits      int
	mapURI     string // init section of the current parameters; set when its first piece ends
	start, end time.Duration
	any        bool
	sum        time.Duration // of the pieces that have ended
	origin     *int64        // of the muxers; time stamps go on over joins, which more players bear
}

func (o *hlsOutput) begin(tracks []*hooks.Track) {
	o.tracks = append([]*hooks.Track(nil), tracks...)
	o.leftOut, o.bad = map[int]bool{}, map[int]bool{}
	o.needKey = false
	if o.list != nil {
		o.deadline = time.Time{}
		o.list.row.State = state.FileOpen
		o.rec.saveFile(&o.list.row)
	}
	o.mux, o.slots, o.join = nil, nil, true
}

func (o *hlsOutput) write(s *timeline.Sample) {
	o.tracks[s.Track] = s.Info
	if o.changed(s) {
		if !o.mayCut(s) {
			return
		}
		o.rec.tellChange(o.f.Name, o.chosen, s.Info)
		o.endPiece()
		o.mux, o.slots, o.join = nil, nil, true
	}
	if o.list != nil && o.due(s) && (o.piece == nil || !o.piece.young(o.rec.now, fewInPiece) || o.cuts.allows(o.rec.now)) {
		o.end("interval")
	}
	if o.mux == nil && !o.start(s) {
		o.skip()
		return
	}
	slot := o.slots[s.Track]
	if slot < 0 {
		return
	}
	if o.needKey && o.lead >= 0 && (s.Track != o.lead || !s.Sync) {
		o.skip()
		return
	}
	if o.needKey && o.piece != nil { // samples are missing: the piece ends before the gap
		if !o.mayCut(s) {
			return
		}
		o.endPiece()
		o.restart()
	}
	o.needKey, o.changing = false, false
	o.add(s, slot)
}

// mayCut tells whether another piece may begin now because the stream changed. If
// not, the sample at hand is counted as lost, and a key frame is needed next.
func (o *hlsOutput) mayCut(s *timeline.Sample) bool {
	if o.cuts.allows(o.rec.now) {
		return true
	}
	o.changing = true
	o.needKey = o.needKey || s.Info.Codec.IsVideo()
	o.rec.withhold()
	return false
}

// skip counts a sample that is left out until a key frame comes, because an
// earlier one was withheld.
func (o *hlsOutput) skip() {
	if o.changing {
		o.rec.withhold()
	}
}

// changed tells whether the sample does not fit to the parameters of the muxer.
func (o *hlsOutput) changed(s *timeline.Sample) bool {
	if o.mux == nil {
		return false
	}
	if slot := o.slots[s.Track]; slot >= 0 {
		return !timeline.Same(o.chosen[slot], s.Info)
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

func (o *hlsOutput) due(s *timeline.Sample) bool {
	l := o.list
	if o.f.Interval <= 0 || !l.any || s.Time()-l.start < o.f.Interval {
		return false
	}
	return o.lead < 0 || s.Track == o.lead && timeline.AccessOf(s.Info.Codec, s.Payload) == timeline.Key
}

// start makes a muxer for the tracks as they are now, and the playlist if there
// is none or if another codec needs a new one.
func (o *hlsOutput) start(s *timeline.Sample) bool {
	if o.rec.now.Before(o.retryAt) {
		return false
	}
	o.rec.refresh(o.tracks, s.Track)
	known := o.known()
	container := hls.Choose(o.f.Container, known)
	if o.list != nil && (container != o.list.container || o.codecChanged()) {
		o.end("the codec changed")
	}
	if o.list != nil {
		container = o.list.container
	}
	var tracks []hooks.Track
	o.slots, o.chosen, o.lead = make([]int, len(o.tracks)), nil, -1
	for i, tr := range o.tracks {
		o.slots[i] = -1
		if !holds(container.Format(), tr) {
			o.leaveOut(i, container)
			continue
		}
		o.slots[i] = len(tracks)
		o.chosen = append(o.chosen, tr)
		tracks = append(tracks, *tr)
		if tr.Codec.IsVideo() && o.lead < 0 {
			o.lead = i
		}
	}
	if o.needKey && o.lead >= 0 && (s.Track != o.lead || !s.Sync) {
		o.mux = nil
		return false
	}
	if err := o.prepare(container, tracks, s); err != nil {
		o.mux = nil
		o.fail(err)
		return false
	}
	return true
}

func (o *hlsOutput) prepare(container hls.Container, tracks []hooks.Track, s *timeline.Sample) error {
	if len(tracks) == 0 {
		return fmt.Errorf("none of the stream's tracks fits into hls (%s)", container)
	}
	if err := o.rec.find(&o.place, o.f.Store); err != nil {
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
	o.rec.resumed(o.f.Name, o.problem)
	o.needKey, o.problem = false, ""
	o.rec.opened(o.f.Name)
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

func (o *hlsOutput) leaveOut(i int, c hls.Container) {
	if err := unreadable(c.Format(), o.tracks[i]); err != nil {
		o.rec.tellUnreadable(o.bad, o.f.Name, i, o.tracks[i], err)
		return
	}
	err := c.Format().Fits(o.tracks[i])
	if o.leftOut[i] || err == nil || c.Format().Accepts(o.tracks[i].Codec) && !timeline.Known(o.tracks[i]) {
		return
	}
	o.leftOut[i] = true
	o.rec.log.Warn("a track is left out", "format", o.f.Name, "track", i, "codec", o.tracks[i].Codec, "reason", err)
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
	l := &playlistFile{container: c}
	l.row = o.rec.newFile(o.f, o.rec.tl.Wall(s.Time()), tracks)
	l.row.Spool = ""
	l.row.Detail.Container = string(c)
	err := o.rec.r.o.DB.UpdateNow(context.Background(), func(tx *state.Tx) error {
		if err := o.rec.nameFile(tx, &l.row, o.f, time.Time{}); err != nil {
			return err
		}
		return tx.InsertFile(&l.row)
	})
	if err != nil {
		return fmt.Errorf("the state can't be written: %w", err)
	}
	l.key = listKey(l.row.Object)
	o.list, o.join = l, false
	return nil
}

// listKey is the key of a playlist without what plan.Final appends.
func listKey(object string) string { return strings.TrimSuffix(object, plan.Final("", config.HLS)) }

func (o *hlsOutput) add(s *timeline.Sample, slot int) {
	o.scratch = s.Sample
	o.scratch.Track = slot
	if o.piece != nil && o.piece.young(o.rec.now, fewInPiece) && o.cut.Cuts(&o.scratch) && !o.mayCut(s) {
		return
	}
	if cut := o.cut.Next(&o.scratch); cut.New {
		if o.piece != nil {
			o.close(cut.Ended)
			o.join = o.join || cut.Gap
		}
		if o.mux == nil || !o.createPiece(s) {
			return
		}
		o.piece.began = o.rec.now
	}
	if o.piece == nil {
		return
	}
	if err := o.mux.Write(&o.scratch); err != nil {
		o.rec.odd(o.f.Name, err)
		return
	}
	l, at := o.list, s.Time()
	if !l.any {
		l.start, l.any = at, true
	}
	l.end = max(l.end, at+sampleDur(s))
	o.piece.samples++
	o.piece.batch.add(&o.scratch, o.rec.now)
	if o.piece.batch.full(o.mux.Buffered(), o.rec.now) {
		o.flush()
	}
}

func (o *hlsOutput) flush() {
	if o.piece == nil {
		return
	}
	o.piece.batch.done()
	if err := o.piece.sp.Append(o.mux.Flush()); err != nil {
		o.broken(err)
	}
}

// broken: the disk refused. The piece ends with what is in it.
func (o *hlsOutput) broken(err error) {
	o.fail(fmt.Errorf("writing %s: %w", o.piece.row.Object, err))
	o.closePiece(o.cut.End())
	o.mux, o.join = nil, true
}

func (o *hlsOutput) fail(err error) {
	o.retryAt = o.rec.now.Add(retryPause)
	o.needKey = true
	if o.problem == problemOf(err) {
		return
	}
	o.problem = problemOf(err)
	o.rec.failed(o.f.Name, err)
}

// restart goes on after a gap with a new muxer.
func (o *hlsOutput) restart() {
	tracks := make([]hooks.Track, len(o.chosen))
	for i, tr := range o.chosen {
		tracks[i] = *tr
	}
	m, err := o.list.container.New(tracks)
	if err != nil {
		o.fail(err)
		return
	}
	o.use(m, tracks)
	o.join = true
}

// use goes on with another muxer.
func (o *hlsOutput) use(m hls.Pieces, tracks []hooks.Track) {
	if o.list.origin != nil {
		m.SetOrigin(*o.list.origin)
	}
	o.mux = m
	o.cut = hls.NewCutter(tracks, o.f.Segment, o.list.row.Detail.Target)
}

// end finishes the playlist.
func (o *hlsOutput) end(reason string) {
	o.endPiece()
	l := o.list
	o.list, o.mux, o.deadline = nil, nil, time.Time{}
	if l == nil {
		return
	}
	l.row.State, l.row.Ended, l.row.Duration = state.FileEnded, o.rec.now, l.sum
	if l.pieces == 0 {
		o.rec.dropFile(&l.row, o.place)
		return
	}
	o.rec.saveFile(&l.row)
	o.rec.log.Debug("a playlist has ended", "object", l.row.Object, "reason", reason, "pieces", l.pieces)
}

func (o *hlsOutput) gap() { o.needKey = true }

func (o *hlsOutput) tick(now time.Time) {
	if o.piece != nil && o.piece.batch.late(now) {
		o.flush()
	}
}

func (o *hlsOutput) held() int64 {
	if o.piece == nil {
		return 0
	}
	return o.piece.batch.cost
}

func (o *hlsOutput) interrupt(now time.Time) time.Time {
	if o.f.Splice <= 0 || o.list == nil {
		o.end("the publication ended")
		return time.Time{}
	}
	o.endPiece()
	o.mux = nil
	o.deadline = now.Add(o.f.Splice)
	o.list.row.State = state.FileWaiting
	o.rec.saveFile(&o.list.row)
	return o.deadline
}

func (o *hlsOutput) finish(now time.Time, reason string) {
	o.end(reason)
	o.deadline = time.Time{}
}

func (o *hlsOutput) abandon() {
	if o.piece != nil {
		o.closePiece(o.cut.End())
	}
	o.end("internal error")
}

func (o *hlsOutput) pending() time.Time { return o.deadline }

func (o *hlsOutput) status() OutputStatus {
	s := OutputStatus{Format: o.f.Name, Store: o.f.Store, Problem: o.problem, Until: o.deadline}
	if o.list != nil {
		s.Object, s.Media, s.Pieces = o.list.row.Object, o.list.end-o.list.start, o.list.pieces
	}
	return s
}
