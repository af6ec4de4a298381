package recorder

import (
	"fmt"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

const (
	retryPause = 2 * time.Second // after a failed write, before the next file is tried
	// softCut: without a key frame for so long after a cut was due, a recovery
	// point will do.
	softCut = 10 * time.Second
)

// fileOutput records one format into files of its own: mp4, flv or aac.
type fileOutput struct {
	rec    *recording
	f      config.Format
	format mux.Format
	place  Place

	tracks   []*hooks.Track // of the current publication, as known now
	cur      *openFile
	seq      int
	deadline time.Time // while waiting
	needKey  bool      // samples were lost: go on with a key frame
	retryAt  time.Time // after a failed write
	leftOut  map[int]bool
	bad      map[int]bool // tracks that were reported as unreadable
	scratch  mux.Sample
	problem  string
	cuts     cutLimit
	changing bool // the stream changes faster than files may begin
}

// openFile is the file that an output is writing.
type openFile struct {
	row    state.FileRow
	sp     *spool.File
	mux    mux.Muxer
	tracks []*hooks.Track // of the file
	slots  []int          // track of the publication → track of the file, or -1
	lead   int            // publication track that cuts are made at; -1 = any

	start, end         time.Duration // media in the file
	shownFrom, shownTo time.Duration // the same by PTS
	picture, step      time.Duration // DTS of the last picture, and its distance to the one before
	any                bool
	batch              batch
	samples            int64
	began              time.Time // by the clock on the wall
}

func (o *fileOutput) begin(tracks []*hooks.Track) {
	o.tracks = append([]*hooks.Track(nil), tracks...)
	o.leftOut, o.bad = map[int]bool{}, map[int]bool{}
	o.needKey = false
	if o.cur != nil {
		o.cur.slots = nil // found anew when the parameters are known
		o.deadline = time.Time{}
		o.cur.row.State = state.FileOpen
		o.save(&o.cur.row)
	}
}

func (o *fileOutput) write(s *timeline.Sample) {
	o.tracks[s.Track] = s.Info
	if o.cur != nil && !o.fits(s) {
		if !o.cuts.allows(o.rec.now) {
			o.changing = true
			o.needKey = o.needKey || s.Info.Codec.IsVideo()
			o.rec.withhold()
			return
		}
		o.rec.tellChange(o.f.Name, o.cur.tracks, s.Info)
		o.end("the parameters of the stream changed")
	}
	if o.cur != nil && o.due(s) && (!o.cur.young(o.rec.now, fewInFile) || o.cuts.allows(o.rec.now)) {
		o.end("interval")
	}
	if o.cur != nil && o.floods(s) {
		o.end("too many samples for one file")
	}
	if o.cur == nil && !o.open(s) {
		o.skip()
		return
	}
	slot := o.cur.slots[s.Track]
	if slot < 0 {
		return
	}
	if o.needKey && !o.resumes(s) {
		o.skip()
		return
	}
	o.changing = false
	o.add(s, slot)
}

// skip counts a sample that is left out until a key frame comes, because an
// earlier one was withheld.
func (o *fileOutput) skip() {
	if o.changing {
		o.rec.withhold()
	}
}

// resumes tells whether, after a gap, s can be gone on with.
func (o *fileOutput) resumes(s *timeline.Sample) bool {
	if o.cur.lead >= 0 && (s.Track != o.cur.lead || !s.Sync) {
		return false
	}
	o.needKey = false
	return true
}

func (o *fileOutput) add(s *timeline.Sample, slot int) {
	c := o.cur
	o.scratch = s.Sample
	o.scratch.Track = slot
	if err := c.mux.Write(&o.scratch); err != nil {
		o.rec.odd(o.f.Name, err)
		return
	}
	at := s.Time()
	if !c.any {
		c.start, c.any = at, true
	}
	c.start = min(c.start, at)
	c.end = max(c.end, at+sampleDur(s))
	c.cover(s)
	c.samples++
	c.batch.add(&o.scratch, o.rec.now)
	if c.batch.full(c.mux.Buffered(), o.rec.now) {
		o.flush()
	}
}

// cover extends what the file shows: from the first PTS to the end of the last.
// A picture lasts as long as the one before.
func (c *openFile) cover(s *timeline.Sample) {
	from, length := s.Shown(), sampleDur(s)
	if s.Dur == 0 {
		if at := s.Time(); c.picture > 0 && at > c.picture {
			c.step = at - c.picture
		}
		c.picture, length = s.Time(), c.step
	}
	if c.shownTo == 0 || from < c.shownFrom {
		c.shownFrom = from
	}
	c.shownTo = max(c.shownTo, from+length)
}

// duration is the media time of the file.
func (c *openFile) duration() time.Duration {
	if c.shownTo > 0 {
		return c.shownTo - min(c.shownFrom, c.shownTo)
	}
	return c.end - c.start
}

func sampleDur(s *timeline.Sample) time.Duration {
	return time.Duration(s.Dur) * time.Second / time.Duration(max(s.Info.ClockRate, 1))
}

// fits tells whether the sample can stand in the open file. After a join the
// file's tracks are matched with those of the new publication.
func (o *fileOutput) fits(s *timeline.Sample) bool {
	c := o.cur
	if c.slots == nil && !o.match(s) {
		return false
	}
	slot := c.slots[s.Track]
	if slot < 0 {
		return !o.joins(s)
	}
	return timeline.Same(c.tracks[slot], s.Info)
}

// joins tells whether a track that the file lacks can be recorded only now.
func (o *fileOutput) joins(s *timeline.Sample) bool {
	if o.leftOut[s.Track] || !s.Sync {
		return false
	}
	for _, i := range o.choose() {
		if i == s.Track {
			return true
		}
	}
	return false
}

// match finds the file's tracks in the publication; they must be the same in meaning.
func (o *fileOutput) match(s *timeline.Sample) bool {
	o.rec.refresh(o.tracks, s.Track)
	chosen := o.choose()
	if len(chosen) != len(o.cur.tracks) {
		return false
	}
	slots := make([]int, len(o.tracks))
	for i := range slots {
		slots[i] = -1
	}
	for _, i := range chosen {
		k := o.unmatched(slots, o.tracks[i])
		if k < 0 {
			return false
		}
		slots[i] = k
	}
	o.cur.slots = slots
	o.cur.lead = leadOf(o.tracks, chosen)
	return true
}

func (o *fileOutput) unmatched(slots []int, tr *hooks.Track) int {
next:
	for k, have := range o.cur.tracks {
		for _, used := range slots {
			if used == k {
				continue next
			}
		}
		if timeline.Same(have, tr) {
			return k
		}
	}
	return -1
}

// choose lists the tracks of the publication that the format records.
func (o *fileOutput) choose() []int {
	var out []int
	var video, audio int
	for i, tr := range o.tracks {
		if !holds(o.format, tr) {
			continue
		}
		n := &audio
		if tr.Codec.IsVideo() {
			n = &video
		}
		if *n++; *n > 1 && o.f.Name != config.MP4 { // FLV and ADTS have room for one of each
			continue
		}
		out = append(out, i)
	}
	return out
}

func leadOf(tracks []*hooks.Track, chosen []int) int {
	for _, i := range chosen {
		if tracks[i].Codec.IsVideo() {
			return i
		}
	}
	return -1
}

// due tells whether the file is long enough and s a place to cut.
func (o *fileOutput) due(s *timeline.Sample) bool {
	c := o.cur
	if o.f.Interval <= 0 || !c.any {
		return false
	}
	over := s.Time() - c.start - o.f.Interval
	if over < 0 {
		return false
	}
	if c.lead < 0 {
		return true
	}
	if s.Track != c.lead || !s.Sync {
		return false
	}
	return over >= softCut || timeline.AccessOf(s.Info.Codec, s.Payload) == timeline.Key
}

// floods tells whether the file has to end because it has too many samples:
// before a key frame, or anywhere if none comes.
func (o *fileOutput) floods(s *timeline.Sample) bool {
	c := o.cur
	if !flooded(c.samples, c.end-c.start, o.rec.now.Sub(c.began), len(c.tracks)) {
		return false
	}
	if c.lead < 0 || s.Track == c.lead && s.Sync {
		return true
	}
	o.needKey = c.samples >= 2*floodSamples
	return o.needKey
}

// open begins a file with s as its first sample.
func (o *fileOutput) open(s *timeline.Sample) bool {
	if o.rec.now.Before(o.retryAt) {
		return false
	}
	o.rec.refresh(o.tracks, s.Track)
	chosen := o.choose()
	lead := leadOf(o.tracks, chosen)
	if o.needKey && lead >= 0 && (s.Track != lead || !s.Sync) {
		return false
	}
	if len(chosen) == 0 {
		o.fail(fmt.Errorf("none of the stream's tracks fits into %s", o.f.Name))
		return false
	}
	if err := o.create(s, chosen, lead); err != nil {
		o.fail(err)
		return false
	}
	o.rec.resumed(o.f.Name, o.problem)
	o.needKey, o.problem = false, ""
	o.rec.opened(o.f.Name)
	return true
}

func (o *fileOutput) create(s *timeline.Sample, chosen []int, lead int) error {
	if err := o.rec.find(&o.place, o.f.Store); err != nil {
		return err
	}
	c := &openFile{lead: lead, slots: make([]int, len(o.tracks)), began: o.rec.now}
	var tracks []hooks.Track
	for i := range c.slots {
		c.slots[i] = -1
	}
	for k, i := range chosen {
		c.slots[i] = k
		c.tracks = append(c.tracks, o.tracks[i])
		tracks = append(tracks, *o.tracks[i])
	}
	var err error
	if c.mux, err = o.format.New(tracks); err != nil {
		return err
	}
	c.row = o.rec.newFile(o.f, o.rec.tl.Wall(s.Time()), tracks)
	c.row.Seq = o.seq
	c.row.Detail.LeftOut = o.missing(c.slots)
	room := o.place.room(o.f)
	if c.sp, err = o.rec.createFile(o.place, &c.row, o.f, tracks, room); err != nil {
		return err
	}
	o.seq++
	o.cur = c
	return nil
}

// missing names the tracks that the file leaves out, once per publication in the log.
func (o *fileOutput) missing(slots []int) (names []string) {
	for i, k := range slots {
		if k >= 0 {
			continue
		}
		names = append(names, string(o.tracks[i].Codec))
		if err := unreadable(o.format, o.tracks[i]); err != nil {
			o.rec.tellUnreadable(o.bad, o.f.Name, i, o.tracks[i], err)
			continue
		}
		if !o.leftOut[i] && (!o.format.Accepts(o.tracks[i].Codec) || timeline.Known(o.tracks[i])) {
			o.leftOut[i] = true
			if o.f.Name == config.AAC && o.tracks[i].Codec.IsVideo() {
				continue // that is what the format is for
			}
			o.rec.log.Warn("a track is left out", "format", o.f.Name, "track", i, "codec", o.tracks[i].Codec,
				"reason", o.format.Fits(o.tracks[i]))
		}
	}
	return names
}

// flush hands what is buffered to the spool.
func (o *fileOutput) flush() {
	c := o.cur
	c.batch.done()
	if err := c.sp.Append(c.mux.Flush()); err != nil {
		o.broken(err)
		return
	}
	if c.row.Object != unnamed(&c.row) { // else there is no key to upload to yet
		o.rec.r.o.Grew(c.row.ID, c.row.Store, c.sp.Size())
	}
}

// broken: the disk refused. What is in the file is finished, the recording goes
// on in a new one as soon as there is room.
func (o *fileOutput) broken(err error) {
	o.fail(fmt.Errorf("writing %s: %w", o.cur.row.Object, err))
	o.needKey = true
	o.close("the disk refused: " + err.Error())
}

// fail notes a problem once, and waits before the next try.
func (o *fileOutput) fail(err error) {
	o.retryAt = o.rec.now.Add(retryPause)
	o.needKey = true
	if o.problem == problemOf(err) {
		return
	}
	o.problem = problemOf(err)
	o.rec.failed(o.f.Name, err)
}

// end finishes the open file with all that was written to it.
func (o *fileOutput) end(reason string) {
	if o.cur == nil {
		return
	}
	if o.flush(); o.cur != nil {
		o.close(reason)
	}
}

// close hands the file over to package upload.
func (o *fileOutput) close(reason string) {
	c := o.cur
	o.cur, o.deadline = nil, time.Time{}
	o.rec.closeFile(c, o.f, o.place)
	o.rec.log.Debug("a file has ended", "object", c.row.Object, "reason", reason, "duration", c.row.Duration)
}

func (o *fileOutput) gap() { o.needKey = true }

func (o *fileOutput) tick(now time.Time) {
	if o.cur != nil && o.cur.batch.late(now) {
		o.flush()
	}
}

func (o *fileOutput) held() int64 {
	if o.cur == nil {
		return 0
	}
	return o.cur.batch.cost
}

func (o *fileOutput) interrupt(now time.Time) time.Time {
	if o.f.Splice <= 0 || o.cur == nil {
		o.end("the publication ended")
		return time.Time{}
	}
	if o.flush(); o.cur == nil {
		return time.Time{}
	}
	o.deadline = now.Add(o.f.Splice)
	o.cur.row.State = state.FileWaiting
	o.save(&o.cur.row)
	return o.deadline
}

func (o *fileOutput) finish(now time.Time, reason string) {
	o.end(reason)
	o.deadline = time.Time{}
}

func (o *fileOutput) abandon() {
	if o.cur != nil {
		o.close("internal error")
	}
}

func (o *fileOutput) pending() time.Time { return o.deadline }

func (o *fileOutput) status() OutputStatus {
	s := OutputStatus{Format: o.f.Name, Store: o.f.Store, Problem: o.problem, Until: o.deadline}
	if o.cur != nil {
		s.Object, s.Bytes, s.Media = o.cur.row.Object, o.cur.sp.Size(), o.cur.end-o.cur.start
	}
	return s
}

func (o *fileOutput) save(row *state.FileRow) { o.rec.saveFile(row) }

// refresh takes over what the stream itself has told of its tracks since the
// publication began, which is more than the host knew then; but not of the one
// whose sample is at hand, which tells its own.
func (rec *recording) refresh(tracks []*hooks.Track, own int) {
	for i, now := range rec.tl.Tracks() {
		if i != own {
			tracks[i] = now
		}
	}
}
