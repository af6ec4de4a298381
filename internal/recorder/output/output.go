// Package output records one format of a recording. It takes samples in the order
// of the recording's timeline, cuts them into files, and gives each file that has
// ended to package upload by way of its row.
//
//	samples ─▶ Output ─▶ muxer ─▶ growing (row + spool file) ─▶ Ledger
//
// There are two outputs. Both embed base, which knows the tracks, what is missing
// and when the next try is due; both write into a growing, one at a time.
//
//   - fileOutput (file.go) writes files of their own: MP4, FLV, ADTS.
//   - hlsOutput (hls.go) writes the segments of a playlist, and the playlist's row.
//     Storing the segments and writing the playlists belong to package upload.
//
// What decides where a file ends:
//
//	interval     due (file.go, hls.go): the next key frame; after softCut a recovery point
//	parameters   fits, changed: another file, or another segment with a discontinuity
//	gap          needKey: samples are left out up to the next key frame
//	write error  fail (base.go): what there is of the file is finished; retry after a pause
//	flood        limits.go: too many samples for one index
//	splice       Interrupt and Begin: the open file waits for the next publication
//	restart      Reopen (reopen.go): the open file is repaired from its journal
//
// An output belongs to one goroutine. It knows neither the state's tables nor the
// recorder: what it needs of them are Ledger and Reporter.
package output

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/timeline"
)

// Output is one format of a recording.
type Output interface {
	// Begin gives the tracks of a publication that begins or returns.
	Begin(tracks []*hooks.Track)
	// Write takes the next sample of the current publication.
	Write(s *timeline.Sample)
	// Tick lets time pass: what has waited long enough is flushed.
	Tick(now time.Time)
	// Gap says that samples before the next one are missing.
	Gap()
	// Interrupt ends the publication. Until the returned time the output can
	// resume; zero if it waits for nothing.
	Interrupt(now time.Time) time.Time
	// Finish ends what is open.
	Finish(reason string)
	// Abandon ends what is open without what is not yet in the spool.
	Abandon()
	// Held is what the samples that are not yet in the spool cost in memory, in bytes.
	Held() int64
	// Pending is until when the output waits for a publication, zero if it does not.
	Pending() time.Time
	// Status says how the output is doing.
	Status() Status
}

// Recording is what the outputs of one recording share. All of it belongs to the
// recording's goroutine.
type Recording struct {
	ID       int64
	Stream   plan.Stream
	Zone     *time.Location // of the times in object keys
	Log      *slog.Logger
	Ledger   Ledger
	Reporter Reporter
	// Place returns where the files of a store grow. It must not block; the error
	// says why the store can't be used now.
	Place   func(store string) (Place, error)
	Formats map[config.FormatName]mux.Format // of whole files: mp4, flv, aac

	Now      time.Time          // when the message at hand arrived
	RandomID string             // {RandomID} of the current publication
	Timeline *timeline.Timeline // of the current publication; nil while there is none
	End      time.Duration      // of what earlier publications recorded, on the timeline; -1 if there was none
}

// Ledger keeps the rows of files. What it cannot write it retries, in order, so
// only Insert and InsertPart can fail. The rows it is given it reads before it
// returns; the caller may change them afterwards.
type Ledger interface {
	// Insert stores the row of a new file, before the file is created. Its object
	// becomes the key with the format's extension, and with a number if another
	// file has that object; with an empty key it stays as it is.
	Insert(row *state.FileRow, key string) error
	// InsertPart stores the row of a new segment or initialization section. If
	// its playlist has another key by now, both get that.
	InsertPart(list, part *state.FileRow) error
	// Save writes a row as it is now.
	Save(row *state.FileRow)
	// End syncs and closes the file, then writes its row as it is now. With a key
	// the row's object is set as Insert does. The file belongs to the ledger.
	End(f *spool.File, row *state.FileRow, key string)
	// Drop deletes the row of a file that holds nothing, then what the folder
	// has of it; a playlist has nothing there.
	Drop(row *state.FileRow, dir *spool.Dir)
	// SetAside gives up a file that can't be understood; its bytes are kept.
	SetAside(row *state.FileRow, dir *spool.Dir, cause error)
	// Later leaves a file of an earlier run that can't be read now for another
	// attempt.
	Later(row *state.FileRow, err error)
	// Grew says how large the body of an open file is now, in bytes.
	Grew(row *state.FileRow, size int64)
	// Owner returns the row of the recording as the headers of files keep it.
	Owner() (json.RawMessage, error)
	// Parts returns the segments and initialization sections of a playlist in
	// the order of their numbers, once all is written that was saved before.
	Parts(list int64) ([]*state.FileRow, error)
	// File returns a row, under the same condition.
	File(id int64) (*state.FileRow, error)
}

// Reporter is given what people should know of an output.
type Reporter interface {
	// Started says that a file of the format has begun. It may come many times.
	Started(f config.FormatName)
	// Failed says that the format can't be recorded for now.
	Failed(f config.FormatName, why error)
	// Resumed says that it is recorded again.
	Resumed(f config.FormatName, problem string)
	// Changed says that a file ends because a track is no longer what it was.
	Changed(f config.FormatName, had []*hooks.Track, now *hooks.Track)
	// Odd says that the muxer refused a sample.
	Odd(f config.FormatName, why error)
	// LeftOut says that the format can't hold a track; once per publication.
	LeftOut(f config.FormatName, track int, tr *hooks.Track, why error)
	// Unreadable says the same of a track whose parameters can't be parsed.
	Unreadable(f config.FormatName, track int, tr *hooks.Track, why error)
	// Withheld counts a sample that was left out because the stream changes
	// faster than files may begin.
	Withheld()
	// Damaged says how many bytes of a reopened file are not what was written.
	Damaged(row *state.FileRow, bytes int64)
}

// Place is where the files of one store grow.
type Place struct {
	Dir *spool.Dir
	// Room returns the bytes to leave free before the body of a file of at most
	// that length (0 = no limit) in a local store; nil for remote stores.
	Room func(maxDuration time.Duration) int64
}

// Status says how one format of a recording is doing.
type Status struct {
	Format   config.FormatName `json:"format"`
	Store    string            `json:"store"`
	Object   string            `json:"object,omitempty"`
	Bytes    int64             `json:"bytes,omitempty"`   // in the open file
	Media    time.Duration     `json:"mediaNs,omitempty"` // in the open file
	Segments int               `json:"pieces,omitempty"`  // of the playlist
	Problem  string            `json:"problem,omitempty"`
	Until    time.Time         `json:"until,omitzero"` // while it waits for the publisher
}

// New makes the output of a format. Its place is looked up when its first file
// begins: that store may not be usable now.
func New(rec *Recording, f config.Format) Output {
	if f.Name == config.HLS {
		return newHLS(rec, f)
	}
	return newFile(rec, f)
}

// shown is where on the recording's timeline the last picture so far ends.
func (rec *Recording) shown() time.Duration {
	if rec.Timeline != nil && rec.Timeline.Started() {
		return rec.Timeline.End()
	}
	return rec.End
}

// key expands the key template for a file, without extension.
func (rec *Recording) key(f *config.Format, row *state.FileRow, end time.Time) string {
	return plan.Key(f.Path, plan.KeyValues{
		Stream: rec.Stream, RecordID: rec.ID, RandomID: rec.RandomID, Start: row.Started, End: end, Zone: rec.Zone,
	})
}
