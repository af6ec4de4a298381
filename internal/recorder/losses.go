package recorder

import (
	"sync/atomic"
	"time"
)

// loss says why units or samples were not recorded.
type loss int

const (
	lostSlow    loss = iota // the queue is full: disk or machine too slow
	lostMemory              // the memory of all recordings is used up
	lostHuge                // one unit is larger than any file can hold
	lostUnknown             // of a track that the publication did not announce
	lostChange              // the stream changes faster than files may begin
	lossKinds
)

// losses counts by loss.
type losses [lossKinds]int64

// text is what the log says, and why is for the abnormal event.
var lossTexts = [lossKinds]struct{ text, why string }{
	lostSlow: {"disk or machine too slow: units were dropped",
		"units were dropped because the recorder could not write fast enough"},
	lostMemory: {"the memory for recordings is used up (`memory` in recording.yml): units were dropped",
		"units were dropped because the memory for recordings was used up"},
	lostHuge: {"units are too large to be recorded: they were dropped, up to the next key frame",
		"units above 16 MB were dropped"},
	lostUnknown: {"units of an unknown track were dropped", "units of an unknown track were dropped"},
	lostChange: {"the stream changes its parameters or its clock faster than files may begin: samples were dropped",
		"samples were dropped because the stream changed more than once a second"},
}

// logPause is between two lines of the log that tell the same loss.
const logPause = 10 * time.Second

// lossReport is what was told of a recording's losses.
type lossReport struct {
	seen, logged losses
	at           [lossKinds]time.Time // of the last line
	changes      atomic.Int64         // lostChange so far; the queue does not know it
}

// tellLost reports what was lost since the last time: to the collector of
// abnormal events all of it, to the log once in a while. all: also what the log
// would only say later.
func (rec *recording) tellLost(all bool) {
	now := rec.q.lost()
	now[lostChange] = rec.lost.changes.Load()
	r := &rec.lost
	if now == r.logged { // what was logged was seen
		return
	}
	for k := range lossKinds {
		text := lossTexts[k]
		if n := now[k] - r.seen[k]; n > 0 {
			rec.abnormal(Abnormality{Kind: DroppedVideo, Occurs: int(n), Desc: text.why})
		}
		r.seen[k] = now[k]
		if n := now[k] - r.logged[k]; n > 0 && (all || rec.shared.Now.Sub(r.at[k]) >= logPause) {
			rec.log.Warn(text.text, "units", n, "total", now[k])
			r.logged[k], r.at[k] = now[k], rec.shared.Now
		}
	}
}

// dropped counts the units and samples that were not recorded. It may be called
// by any goroutine.
func (rec *recording) dropped() (n int64) {
	for _, k := range rec.q.lost() {
		n += k
	}
	return n + rec.lost.changes.Load()
}
