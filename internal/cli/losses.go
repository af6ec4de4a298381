package cli

import (
	"fmt"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

const (
	// lossesShown is how many files of a kind doctor names; of the others the number.
	lossesShown = 50
	// lossFresh is how long ago a loss is something to look into.
	lossFresh = 7 * 24 * time.Hour
)

// losses tells what a crash, a power cut or a sick disk has cost, as long as the
// state remembers it (`history`).
func (x *examination) losses(db *state.DB) {
	for _, f := range x.lossRows(db, "lost", `state='lost'`) {
		what := fmt.Sprintf("%s of store %s: %s", f.Object, f.Store, f.Error)
		if at := later(f.Started, f.Ended); x.c.now().Sub(at) > lossFresh {
			x.ok("state", "lost", "%s: %s", timeText(at), what)
			continue
		}
		x.bad("state", "lost", what, "look at the disk and its power supply; the line leaves this list after a week, the row after `history`")
	}
	for _, f := range x.lossRows(db, "left out", `state<>'lost' AND (json_extract(detail,'$.damaged')>0 OR json_extract(detail,'$.cut')>0)`) {
		x.ok("state", "left out", "%s of store %s: %s were damaged within, %s torn off at the end", f.Object, f.Store,
			bytesText(f.Detail.Damaged), bytesText(f.Detail.Cut))
	}
}

// lossRows reads the newest of some files, and tells how many more there are.
func (x *examination) lossRows(db *state.DB, what, where string) []*state.FileRow {
	files, err := state.Files(x.c.ctx, db.Reader(), "WHERE "+where+" ORDER BY id DESC LIMIT ?", lossesShown+1)
	if err != nil {
		x.bad("state", "readable", err.Error(), "run as the user of the server")
		return nil
	}
	if len(files) <= lossesShown {
		return files
	}
	var all int
	if err := db.Reader().QueryRowContext(x.c.ctx, "SELECT COUNT(*) FROM files WHERE "+where).Scan(&all); err == nil {
		x.ok("state", what, "%s in all, the newest are listed here", count(all, "file"))
	}
	return files[:lossesShown]
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
