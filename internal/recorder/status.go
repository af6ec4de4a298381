package recorder

import (
	"cmp"
	"slices"
	"time"

	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder/output"
)

// OutputStatus says how one format of a recording is doing.
type OutputStatus = output.Status

// Status tells how a recording that has not ended is doing, a second ago at most.
type Status struct {
	ID      int64
	Live    bool  // its publication is there
	Dropped int64 // units and samples that could not be recorded
	Waiting int64 // bytes in the queue, with their overhead
	Outputs []OutputStatus
}

// LiveStatus tells of a publication and why it is, or is not, recorded.
type LiveStatus struct {
	Path       string      `json:"path"`
	Stream     plan.Stream `json:"-"`
	Protocol   string      `json:"protocol"`
	RemoteAddr string      `json:"remoteAddr,omitempty"`
	Since      time.Time   `json:"since"`
	Recordings []int64     `json:"recordings"`
	Why        string      `json:"why"`
	Discarded  uint64      `json:"discarded,omitempty"` // units that MediaMTX dropped before us
}

// publish makes the outputs' status readable by others. Called by the
// recording's goroutine.
func (rec *recording) publish() {
	out := make([]OutputStatus, len(rec.outputs))
	for i, o := range rec.outputs {
		out[i] = o.Status()
	}
	rec.shown.Store(&out)
}

// discarded counts the units of a recording's publication that the host dropped
// because nobody had time to read them.
func (r *Recorder) discarded(rec *recording) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := rec.session; s != nil && s.attached {
		return s.feed.Discarded()
	}
	return 0
}

// Statuses lists all recordings that have not ended.
func (r *Recorder) Statuses() []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Status
	for rec := range r.all {
		s := Status{ID: rec.row.ID, Live: rec.session != nil, Dropped: rec.dropped(), Waiting: rec.q.waiting()}
		if o := rec.shown.Load(); o != nil {
			s.Outputs = *o
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Live lists the publications that are there now.
func (r *Recorder) Live() []LiveStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]LiveStatus, 0, len(r.sessions))
	for _, s := range r.sessions {
		l := LiveStatus{Path: s.pub.Path, Stream: s.stream, Protocol: s.pub.Protocol, RemoteAddr: s.pub.RemoteAddr,
			Since: s.pub.Started, Why: s.why(), Recordings: []int64{}}
		for _, rec := range s.recs {
			l.Recordings = append(l.Recordings, rec.row.ID)
		}
		if s.attached {
			l.Discarded = s.feed.Discarded()
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b LiveStatus) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

// why says in words what was decided when the publication began.
func (s *session) why() string {
	why := "no rule matched when it began"
	switch {
	case s.problem != "":
		why = s.problem
	case s.matched && len(s.plan.Formats()) > 0:
		why = "recorded by " + s.plan.Rule.Where() + " with template " + s.plan.Template.Name
	case s.matched:
		why = s.plan.Rule.Where() + " won when it began, and its template " + s.plan.Template.Name + " has no format: not recorded"
	}
	if s.refused != "" {
		why += "; the domain " + s.refused + " that the publisher claimed is not in `domains`"
	}
	return why
}
