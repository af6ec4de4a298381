package output

import (
	"fmt"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// softCut: without a key frame for so long after a cut was due, a recovery
// point will do.
const softCut = 10 * time.Second

// fileOutput records one format into files of their own: mp4, flv or aac.
type fileOutput struct {
	base
	format mux.Format
	seq    int    // of the next file
	extent extent // of the open file
}

func newFile(rec *Recording, f config.Format) *fileOutput {
	return &fileOutput{base: newBase(rec, f), format: rec.Formats[f.Name]}
}

// Begin implements Output. A file that waited resumes.
func (o *fileOutput) Begin(tracks []*hooks.Track) {
	o.begin(tracks)
	if o.open != nil {
		o.layout.slots = nil // found again when the parameters are known
		o.open.row.State = state.FileOpen
		o.rec.Ledger.Save(&o.open.row)
	}
}

// Write implements Output.
func (o *fileOutput) Write(s *timeline.Sample) {
	o.tracks[s.Track] = s.Info
	if o.open != nil && !o.fits(s) {
		if !o.mayCut(s) {
			return
		}
		o.rec.Reporter.Changed(o.f.Name, o.layout.tracks, s.Info)
		o.endFile("the parameters of the stream changed")
	}
	if o.open != nil && o.due(s) && o.mayEnd(fewInFile) {
		o.endFile("interval")
	}
	if o.open != nil && o.floods(s) {
		o.endFile("too many samples for one file")
	}
	if o.open == nil && !o.openFile(s) {
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
	o.needKey, o.changing = false, false
	o.append(s, slot)
}

func (o *fileOutput) append(s *timeline.Sample, slot int) {
	if !o.add(o.renumber(s, slot)) {
		return
	}
	o.extent.cover(s)
	if o.open.full(o.rec.Now) {
		o.flush()
	}
}

// fits tells whether the open file can take the sample. After a join the
// file's tracks are matched with those of the new publication.
func (o *fileOutput) fits(s *timeline.Sample) bool {
	if o.layout.slots == nil {
		o.refresh(s.Track)
		if !o.layout.match(o.tracks, o.choose(o.format)) {
			return false
		}
	}
	slot := o.layout.slots[s.Track]
	if slot < 0 {
		return !o.joins(s)
	}
	return timeline.Same(o.layout.tracks[slot], s.Info)
}

// joins tells whether a track that the file lacks can be recorded only now.
func (o *fileOutput) joins(s *timeline.Sample) bool {
	if o.leftOut[s.Track] || !s.Sync {
		return false
	}
	for _, i := range o.choose(o.format) {
		if i == s.Track {
			return true
		}
	}
	return false
}

// due tells whether the file is long enough and s a place to cut.
func (o *fileOutput) due(s *timeline.Sample) bool {
	if o.f.Interval <= 0 || !o.extent.any {
		return false
	}
	over := s.Time() - o.extent.start - o.f.Interval
	if over < 0 {
		return false
	}
	if o.layout.lead < 0 {
		return true
	}
	if s.Track != o.layout.lead || !s.Sync {
		return false
	}
	return over >= softCut || timeline.AccessOf(s.Info.Codec, s.Payload) == timeline.Key
}

// floods tells whether the file has to end because it has too many samples:
// before a key frame, or anywhere if none comes.
func (o *fileOutput) floods(s *timeline.Sample) bool {
	n := o.open.samples
	if !flooded(n, o.extent.end-o.extent.start, o.rec.Now.Sub(o.open.began), len(o.layout.tracks)) {
		return false
	}
	if o.layout.lead < 0 || s.Track == o.layout.lead && s.Sync {
		return true
	}
	o.needKey = n >= 2*floodSamples
	return o.needKey
}

// openFile begins a file with s as its first sample.
func (o *fileOutput) openFile(s *timeline.Sample) bool {
	if !o.mayTry() {
		return false
	}
	o.refresh(s.Track)
	l := layoutOf(o.tracks, o.choose(o.format))
	if o.awaitsKey(s, l.lead) {
		return false
	}
	if len(l.tracks) == 0 {
		o.fail(fmt.Errorf("none of the stream's tracks fits into %s", o.f.Name))
		return false
	}
	if err := o.createFile(s, l); err != nil {
		o.fail(err)
		return false
	}
	o.succeeded()
	return true
}

func (o *fileOutput) createFile(s *timeline.Sample, l layout) error {
	if err := o.find(); err != nil {
		return err
	}
	tracks := plain(l.tracks)
	m, err := o.format.New(tracks)
	if err != nil {
		return err
	}
	row := o.newRow(tracks, o.rec.Timeline.Wall(s.Time()))
	row.Seq = o.seq
	row.Detail.LeftOut = o.missing(l.slots)
	if _, err := o.place.Dir.Free(); err != nil {
		return err
	}
	key := ""
	if plan.UsesEnd(o.f.Path) {
		row.Object = plan.Unnamed(row.ID)
	} else {
		key = o.rec.key(&o.f, &row, time.Time{})
	}
	insert := func(row *state.FileRow) error { return o.rec.Ledger.Insert(row, key) }
	g, err := o.create(row, insert, m, tracks, o.room())
	if err != nil {
		return err
	}
	o.seq++
	o.open, o.layout, o.extent = g, l, extent{}
	return nil
}

// missing names the tracks that the file leaves out, and reports them.
func (o *fileOutput) missing(slots []int) (names []string) {
	for i, k := range slots {
		if k < 0 {
			names = append(names, string(o.tracks[i].Codec))
			o.leaveOut(o.format, i)
		}
	}
	return names
}

// flush hands what is buffered to the spool. If the disk refuses it, what is in
// the file is finished; the recording resumes in a new one as soon as it can.
func (o *fileOutput) flush() {
	if err := o.open.flush(); err != nil {
		o.fail(err)
		o.closeFile("the disk refused: " + err.Error())
		return
	}
	if !plan.IsUnnamed(o.open.row.Object) { // else there is no key to upload to yet
		o.rec.Ledger.Grew(&o.open.row, o.open.file.Size())
	}
}

// endFile finishes the open file with all that was written to it.
func (o *fileOutput) endFile(reason string) {
	if o.open == nil {
		return
	}
	if o.flush(); o.open != nil {
		o.closeFile(reason)
	}
}

// closeFile gives the file to package upload.
func (o *fileOutput) closeFile(reason string) {
	g, x := o.open, o.extent
	o.open, o.deadline = nil, time.Time{}
	o.handOver(g, &x)
	o.rec.Log.Debug("a file has ended", "object", g.row.Object, "reason", reason, "duration", g.row.Duration)
}

// handOver ends a file of which x is recorded.
func (o *fileOutput) handOver(g *growing, x *extent) {
	key := ""
	if plan.IsUnnamed(g.row.Object) {
		key = o.rec.key(&o.f, &g.row, o.rec.Now)
	}
	g.row.Duration = x.duration()
	o.end(g, key)
}

// Tick implements Output.
func (o *fileOutput) Tick(now time.Time) {
	if o.open.late(now) {
		o.flush()
	}
}

// Interrupt implements Output.
func (o *fileOutput) Interrupt(now time.Time) time.Time {
	if o.f.Splice <= 0 || o.open == nil {
		o.endFile("the publication ended")
		return time.Time{}
	}
	if o.flush(); o.open == nil {
		return time.Time{}
	}
	o.deadline = now.Add(o.f.Splice)
	o.open.row.State = state.FileWaiting
	o.rec.Ledger.Save(&o.open.row)
	return o.deadline
}

// Finish implements Output.
func (o *fileOutput) Finish(reason string) {
	o.endFile(reason)
	o.deadline = time.Time{}
}

// Abandon implements Output.
func (o *fileOutput) Abandon() {
	if o.open != nil {
		o.closeFile("internal error")
	}
}

// Status implements Output.
func (o *fileOutput) Status() Status {
	s := o.status()
	if o.open != nil {
		s.Object, s.Bytes, s.Media = o.open.row.Object, o.open.file.Size(), o.extent.end-o.extent.start
	}
	return s
}
