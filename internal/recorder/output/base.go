package output

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// retryPause is between a failed write and the next file.
const retryPause = 2 * time.Second

// noFastStart is the room for ftyp and the header of mdat; moov goes behind.
const noFastStart = 4096

// base is what both outputs share.
type base struct {
	rec   *Recording
	f     config.Format
	place Place

	tracks   []*hooks.Track // of the current publication, as known now
	layout   layout         // of the open file, or of the segments
	open     *growing       // what is being written; nil if nothing is
	deadline time.Time      // while it waits for a publication
	needKey  bool           // samples were lost: resume at a key frame
	retryAt  time.Time      // after a failed write
	problem  string         // what failed last; empty while all is well
	leftOut  map[int]bool   // tracks that the format can't hold
	unread   map[int]bool   // tracks that were reported as unreadable
	cuts     cutLimit
	changing bool // the stream changes faster than files may begin
	scratch  mux.Sample
}

func newBase(rec *Recording, f config.Format) base {
	return base{rec: rec, f: f, leftOut: map[int]bool{}, unread: map[int]bool{}}
}

func (o *base) begin(tracks []*hooks.Track) {
	o.tracks = slices.Clone(tracks)
	o.leftOut, o.unread = map[int]bool{}, map[int]bool{}
	o.needKey, o.deadline = false, time.Time{}
}

// Gap implements Output.
func (o *base) Gap() { o.needKey = true }

// Held implements Output.
func (o *base) Held() int64 { return o.open.held() }

// Pending implements Output.
func (o *base) Pending() time.Time { return o.deadline }

func (o *base) status() Status {
	return Status{Format: o.f.Name, Store: o.f.Store, Problem: o.problem, Until: o.deadline}
}

// find looks up where files of the store grow, unless that is known.
func (o *base) find() (err error) {
	if o.place.Dir == nil {
		o.place, err = o.rec.Place(o.f.Store)
	}
	return err
}

// room is the number of bytes to leave free before the body of a file.
func (o *base) room() int64 {
	switch {
	case o.place.Room == nil || o.f.Name == config.AAC:
		return 0
	case o.f.Name == config.MP4 && !o.f.FastStart:
		return noFastStart
	}
	return o.place.Room(o.f.Interval)
}

// mayTry tells whether the pause after a failed write is over.
func (o *base) mayTry() bool { return !o.rec.Now.Before(o.retryAt) }

// fail reports a problem once, and waits before the next try.
func (o *base) fail(err error) {
	o.retryAt = o.rec.Now.Add(retryPause)
	o.needKey = true
	if o.problem == problemOf(err) {
		return
	}
	o.problem = problemOf(err)
	o.rec.Reporter.Failed(o.f.Name, err)
}

// succeeded reports that a file has begun.
func (o *base) succeeded() {
	if o.problem != "" {
		o.rec.Reporter.Resumed(o.f.Name, o.problem)
	}
	o.needKey, o.problem = false, ""
	o.rec.Reporter.Started(o.f.Name)
}

// problemOf names the cause of a failure without the file that it struck, so
// that the next file's failure is known as the same.
func problemOf(err error) string {
	var p *fs.PathError
	switch {
	case errors.As(err, &p):
		return p.Op + ": " + p.Err.Error()
	case errors.Is(err, spool.ErrFull):
		return spool.ErrFull.Error()
	case errors.Is(err, spool.ErrLow):
		return spool.ErrLow.Error()
	}
	return err.Error()
}

// awaitsKey tells whether, after a gap, s comes too early to resume with.
func (o *base) awaitsKey(s *timeline.Sample, lead int) bool {
	return o.needKey && lead >= 0 && (s.Track != lead || !s.Sync)
}

// mayCut tells whether another file or segment may begin now because the stream
// changed. If not, the sample at hand is counted as lost, and a key frame is
// needed next.
func (o *base) mayCut(s *timeline.Sample) bool {
	if o.cuts.allows(o.rec.Now) {
		return true
	}
	o.changing = true
	o.needKey = o.needKey || s.Info.Codec.IsVideo()
	o.rec.Reporter.Withheld()
	return false
}

// mayEnd tells whether what is open may end for its length. A file that is too
// young for that was filled by a clock that leaps, which counts as a change.
func (o *base) mayEnd(few int64) bool {
	return !o.open.young(o.rec.Now, few) || o.cuts.allows(o.rec.Now)
}

// skip leaves out a sample before the next key frame. It is counted if an
// earlier one was withheld.
func (o *base) skip() {
	if o.changing {
		o.rec.Reporter.Withheld()
	}
}

// renumber returns the sample under the number that its track has in the file. It
// is valid until the next call.
func (o *base) renumber(s *timeline.Sample, slot int) *mux.Sample {
	o.scratch = s.Sample
	o.scratch.Track = slot
	return &o.scratch
}

// add gives a renumbered sample to the muxer; false if that refuses it.
func (o *base) add(x *mux.Sample) bool {
	if err := o.open.add(x, o.rec.Now); err != nil {
		o.rec.Reporter.Odd(o.f.Name, err)
		return false
	}
	return true
}

// newRow prepares the row of a file or playlist.
func (o *base) newRow(tracks []hooks.Track, started time.Time) state.FileRow {
	row := o.row(string(o.f.Name), started)
	row.Detail.FastStart, row.Detail.Live, row.Detail.Interval = o.f.FastStart, o.f.Live, int64(o.f.Interval)
	for i := range tracks {
		t := &tracks[i]
		switch {
		case t.Codec.IsVideo() && row.Detail.VideoCodec == "":
			row.Detail.VideoCodec, row.Detail.Width, row.Detail.Height = string(t.Codec), t.Width, t.Height
		case !t.Codec.IsVideo() && row.Detail.AudioCodec == "":
			row.Detail.AudioCodec = string(t.Codec)
		}
	}
	return row
}

// row prepares what all rows have.
func (o *base) row(format string, started time.Time) state.FileRow {
	id := plan.NewRecordID(o.rec.Now)
	return state.FileRow{
		ID: id, Recording: o.rec.ID, Format: format, Store: o.f.Store, State: state.FileOpen,
		Spool: spoolName(id, format), Started: started, Detail: state.FileDetail{Keep: int64(o.f.Keep)},
	}
}

// create stores the row by insert, then creates the file in the spool.
func (o *base) create(row state.FileRow, insert func(*state.FileRow) error, m mux.Muxer, tracks []hooks.Track, room int64) (*growing, error) {
	g := &growing{row: row, mux: m, began: o.rec.Now}
	if err := insert(&g.row); err != nil {
		return nil, err
	}
	owner, err := o.rec.Ledger.Owner()
	if err == nil {
		g.file, err = createSpool(o.place.Dir, &g.row, tracks, owner, room)
	}
	if err != nil {
		o.rec.Ledger.Drop(&g.row, o.place.Dir)
		return nil, err
	}
	return g, nil
}

// end gives a file that has ended to package upload. A file without any sample
// is dropped: false.
func (o *base) end(g *growing, key string) bool {
	if g.file.Size() == 0 {
		o.discard(g)
		return false
	}
	g.row.State, g.row.Size = state.FileEnded, g.file.Size()
	if g.row.Ended.IsZero() {
		g.row.Ended = o.rec.Now
	}
	o.rec.Ledger.End(g.file, &g.row, key)
	return true
}

// discard closes a file without any sample, and drops it.
func (o *base) discard(g *growing) {
	if err := g.file.Close(); err != nil {
		o.rec.Log.Error("closing a spool file", "object", g.row.Object, "error", err)
	}
	o.rec.Ledger.Drop(&g.row, o.place.Dir)
}
