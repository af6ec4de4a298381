package output

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// growing is a file, or a segment, that is being written: its row, its muxer and
// its place in the spool.
type growing struct {
	row     state.FileRow
	file    *spool.File
	mux     mux.Muxer
	batch   batch
	samples int64
	began   time.Time // by the clock on the wall
}

// spoolName is the base name of a growing file. The prefix is that of package
// local, which finishes the file where it grew.
func spoolName(id int64, format string) string { return fmt.Sprintf("grow-%d-%s", id, format) }

func createSpool(dir *spool.Dir, row *state.FileRow, tracks []hooks.Track, owner json.RawMessage, room int64) (*spool.File, error) {
	detail, err := json.Marshal(row.Detail)
	if err != nil {
		return nil, err
	}
	return dir.Create(row.Spool, spool.Header{
		Recording: row.Recording, File: row.ID, Parent: row.Parent, Seq: row.Seq, Format: row.Format, Store: row.Store,
		Object: row.Object, Room: room, Started: row.Started, Tracks: tracks, Detail: detail, Stream: owner,
	})
}

// add gives a sample to the muxer. An error concerns this sample only.
func (g *growing) add(s *mux.Sample, now time.Time) error {
	if err := g.mux.Write(s); err != nil {
		return err
	}
	g.samples++
	g.batch.add(s, now)
	return nil
}

// full tells whether what the muxer holds should be flushed.
func (g *growing) full(now time.Time) bool { return g.batch.full(g.mux.Buffered(), now) }

// late tells the same when nothing comes. Nothing is late in a file that is not open.
func (g *growing) late(now time.Time) bool { return g != nil && g.batch.late(now) }

// held is what the samples in the muxer cost in memory, in bytes.
func (g *growing) held() int64 {
	if g == nil {
		return 0
	}
	return g.batch.cost
}

// young tells whether the file is too short to end for its length; one that is
// not open is not.
func (g *growing) young(now time.Time, few int64) bool {
	return g != nil && g.samples < few && now.Sub(g.began) < youngFor
}

// flush appends what the muxer holds to the spool.
func (g *growing) flush() error {
	g.batch.done()
	if err := g.file.Append(g.mux.Flush()); err != nil {
		return fmt.Errorf("writing %s: %w", g.row.Object, err)
	}
	return nil
}

// extent is the part of the recording's timeline that a file covers.
type extent struct {
	any                bool
	start, end         time.Duration // by DTS
	shownFrom, shownTo time.Duration // by PTS
	pictured           bool
	picture, step      time.Duration // DTS of the last picture, and its distance to the one before
}

// cover extends it by a sample. A picture lasts as long as the one before.
func (x *extent) cover(s *timeline.Sample) {
	at, from, length := s.Time(), s.Shown(), lengthOf(s)
	if !x.any {
		x.start, x.shownFrom, x.any = at, from, true
	}
	x.start, x.shownFrom = min(x.start, at), min(x.shownFrom, from)
	x.end = max(x.end, at+length)
	if s.Dur == 0 {
		if x.pictured && at > x.picture {
			x.step = at - x.picture
		}
		x.picture, x.pictured, length = at, true, x.step
	}
	x.shownTo = max(x.shownTo, from+length)
}

// duration is from the first PTS to the end of the last picture.
func (x *extent) duration() time.Duration { return max(0, x.shownTo-x.shownFrom) }

func lengthOf(s *timeline.Sample) time.Duration {
	return time.Duration(s.Dur) * time.Second / time.Duration(max(s.Info.ClockRate, 1))
}
