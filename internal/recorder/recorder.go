// Package recorder records publications.
//
// A Recorder is told by the host which publications begin and end (it is a
// hooks.Handler). For each it asks the plan what is to be recorded and starts
// or resumes recordings. A recording is one rule or task applied to one stream;
// it has a goroutine of its own and owns all of its state:
//
//	host ─WriteUnit─▶ queue ─▶ timeline ─▶ outputs ─▶ muxer ─▶ spool file
//
// The queue is where the host's time ends: it never blocks and is bounded in
// bytes. An output is one format; it cuts files by interval, and starts a new
// one where parameters change. A file that has ended is marked so in the state
// and belongs to package upload from there on.
//
// When a publication ends, outputs with a splice window wait for the next one
// (see states.go); a restart of the server is an end, too (see resume.go).
package recorder

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/memory"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder/output"
	"github.com/live-recording/liverecord/internal/state"
)

// Current is the configuration in force.
type Current struct {
	Config *config.Config
	Table  *plan.Table
}

// Options are what a Recorder needs from the rest of the house.
type Options struct {
	DB      *state.DB
	Log     *slog.Logger
	Events  Events
	Formats map[config.FormatName]mux.Format // mp4, flv, aac
	// Place returns where the files of a store grow. It must not block; the error
	// says why the store can't be used now.
	Place func(store string) (Place, error)
	// Stores names all stores.
	Stores func() []string
	// Memory is the budget for all media in memory; nil = no limit.
	Memory *memory.Budget
	// Wake tells package upload that files have ended; Grew that one has grown.
	Wake func()
	Grew func(file int64, store string, size int64)
}

// Recorder implements hooks.Handler.
type Recorder struct {
	o       Options
	current atomic.Pointer[Current]

	mu       sync.Mutex
	tasks    []Task
	sessions map[string]*session // live publications by ID
	byPath   map[string][]*recording
	all      map[*recording]struct{}
	closed   bool
	quit     chan struct{} // closed by Close
	running  hang.Group
	again    again

	// Of a Recorder that takes up one file, see takeUpFile.
	only   int64
	report func(leftover, error)
}

// New returns a Recorder that records nothing until SetPlan.
func New(o Options) *Recorder {
	if o.Memory == nil {
		o.Memory = memory.New(0)
	}
	r := &Recorder{o: o, quit: make(chan struct{}), sessions: map[string]*session{}, byPath: map[string][]*recording{}, all: map[*recording]struct{}{}}
	r.current.Store(&Current{Config: &config.Config{}, Table: mustEmptyTable()})
	return r
}

func mustEmptyTable() *plan.Table {
	t, _ := plan.Compile(&config.Config{}, plan.Dynamic{})
	return t
}

// SetPlan puts a configuration into force, for publications that begin later.
func (r *Recorder) SetPlan(c *Current) { r.current.Store(c) }

// Plan returns what is in force.
func (r *Recorder) Plan() *Current { return r.current.Load() }

// session is a live publication.
type session struct {
	pub      *hooks.Publication
	feed     hooks.Feed
	stream   plan.Stream
	refused  string // the claimed domain that is not in `domains`
	plan     plan.Plan
	matched  bool
	problem  string // why the rule's recording could not start
	sinks    atomic.Pointer[[]*queue]
	recs     []*recording
	attached bool
}

// WriteUnit implements hooks.Sink: one read of the stream feeds all recordings.
func (s *session) WriteUnit(u hooks.Unit) {
	if qs := s.sinks.Load(); qs != nil {
		for _, q := range *qs {
			q.WriteUnit(u)
		}
	}
}

// setSinks publishes the queues of the session's recordings. Called with the
// recorder's lock.
func (s *session) setSinks() {
	qs := make([]*queue, len(s.recs))
	for i, rec := range s.recs {
		qs[i] = rec.q
	}
	s.sinks.Store(&qs)
}

// Online implements hooks.Handler. Neither it nor Offline does, or waits for,
// anything that a disk could hold up: r.mu is never held while something is read
// or written.
func (r *Recorder) Online(p *hooks.Publication, feed hooks.Feed) {
	cur := r.current.Load()
	s := &session{pub: p, feed: feed}
	s.stream, s.refused = plan.Identify(p, cur.Config)
	s.plan, s.matched = cur.Table.Match(s.stream)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.sessions[p.ID] = s
	r.start(cur, s)
}

// start gives a new session its recordings. Called with the lock.
func (r *Recorder) start(cur *Current, s *session) {
	if s.matched && len(s.plan.Formats()) > 0 {
		r.warnHost(s)
		r.attach(cur, s, ruleJob(s.plan), true)
	} else {
		r.endChain(s.pub.Path, "", "the stream is no longer to be recorded")
	}
	r.startTasks(cur, s)
	r.read(s)
}

// read attaches the session to its publication if somebody wants its units.
func (r *Recorder) read(s *session) {
	if len(s.recs) > 0 && !s.attached {
		s.attached = true
		s.feed.Attach(s)
	}
}

func (r *Recorder) warnHost(s *session) {
	if s.pub.HostRecords {
		r.o.Log.Warn("MediaMTX's own recorder is on for this path too; `record: no` saves its cost", "path", s.pub.Path)
	}
}

// job is what a recording is made for: a rule or a task, with its template.
type job struct {
	task     string
	rule     string
	template plan.Template
	window   window
}

func ruleJob(p plan.Plan) job {
	return job{rule: p.Rule.Domain + "/" + p.Rule.App + "/" + p.Rule.Stream, template: p.Template}
}

// attach resumes the recording that waits for this publication, or starts one.
func (r *Recorder) attach(cur *Current, s *session, j job, fromStart bool) {
	rec := r.waiting(s, j)
	if rec == nil {
		r.endChain(s.pub.Path, j.task, "another publication took its place")
		if limit := cur.Config.MaxRecordings; limit > 0 && len(r.all) >= limit {
			s.problem = fmt.Sprintf("not recorded: maxRecordings (%d) was reached when it began", limit)
			r.o.Log.Error("not recorded: maxRecordings is reached", "path", s.pub.Path, "maxRecordings", limit)
			return
		}
		rec = r.begin(cur, s, j)
		r.launch(rec)
	}
	rec.session = s
	s.recs = append(s.recs, rec)
	rec.q.control(message{kind: msgBegin, begin: &beginning{pub: s.pub, tracks: s.feed.Tracks(), fromStart: fromStart}})
	s.setSinks()
}

// waiting finds the chain that the publication continues: same path, same rule
// or task, same template, same claimed domain. Called with the lock.
func (r *Recorder) waiting(s *session, j job) *recording {
	for _, rec := range r.byPath[s.pub.Path] {
		if rec.session == nil && rec.splices() && rec.id.task == j.task && rec.id.stream == s.stream && !rec.stopping &&
			(j.task != "" || rec.id.rule == j.rule) && rec.id.template == j.template.Hash() {
			return rec
		}
	}
	return nil
}

// splices tells whether any format waits for a publisher to return.
func (rec *recording) splices() bool {
	return slices.ContainsFunc(rec.plan.Formats, func(f config.Format) bool { return f.Splice > 0 })
}

// endChain stops the recordings of that path and task that wait for a
// publication. Called with the lock.
func (r *Recorder) endChain(path, task, reason string) {
	for _, rec := range r.byPath[path] {
		if rec.session == nil && rec.id.task == task {
			r.stopOne(rec, reason)
		}
	}
}

// returning tells whether a publication waits for the recording to go on.
func (r *Recorder) returning(rec *recording) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return rec.session != nil
}

// retire makes sure that no publication is given to the recording any more;
// false if one was, in the last instant.
func (r *Recorder) retire(rec *recording) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec.session != nil && !r.closed { // closed: nothing of it is recorded any more
		return false
	}
	rec.stopping = true
	return true
}

func (r *Recorder) launch(rec *recording) {
	rec.q.open(r.o.Memory)
	r.all[rec] = struct{}{}
	r.byPath[rec.row.Path] = append(r.byPath[rec.row.Path], rec)
	r.running.Go(rec.run)
}

// Offline implements hooks.Handler.
func (r *Recorder) Offline(p *hooks.Publication, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sessions[p.ID]
	if s == nil {
		return
	}
	delete(r.sessions, p.ID)
	if reason == "" {
		reason = "the publication ended"
	}
	for _, rec := range s.recs {
		rec.session = nil
		rec.q.control(message{kind: msgEnd, reason: reason})
	}
	s.recs = nil
	s.setSinks()
}

// ended forgets a recording whose goroutine has ended. A publication that nobody
// records any more is not read any more; a task that begins just then attaches
// to it after that.
func (r *Recorder) ended(rec *recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.forget(rec); s != nil {
		s.feed.Detach()
	}
}

// forget returns the session if it was left without recordings. Called with the
// lock.
func (r *Recorder) forget(rec *recording) (idle *session) {
	delete(r.all, rec)
	list := r.byPath[rec.row.Path]
	for i, x := range list {
		if x == rec {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(r.byPath, rec.row.Path)
	} else {
		r.byPath[rec.row.Path] = list
	}
	if s := rec.session; s != nil {
		rec.session = nil
		for i, x := range s.recs {
			if x == rec {
				s.recs = append(s.recs[:i:i], s.recs[i+1:]...)
				s.setSinks()
				break
			}
		}
		if len(s.recs) == 0 && s.attached {
			s.attached = false
			return s
		}
	}
	return nil
}

// Close ends all recordings: those with a splice window wait for the next
// start, the others are finished. It returns when all is in the state. A
// recording whose disk does not answer within patience is left to the next
// start, which must not come before Ended. Close returns the number of those.
func (r *Recorder) Close(patience time.Duration) (abandoned int) {
	r.mu.Lock()
	if !r.closed {
		close(r.quit)
	}
	r.closed = true
	for rec := range r.all {
		rec.q.control(message{kind: msgShutdown})
	}
	r.mu.Unlock()
	if r.running.Wait(patience) {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// Ended calls f once no recording runs any more; see hang.Group.
func (r *Recorder) Ended(f func()) { r.running.Then(f) }

// begin makes a recording of the session's publication; it is not running yet.
func (r *Recorder) begin(cur *Current, s *session, j job) *recording {
	now := time.Now()
	zone := cur.Config.Timezone
	if zone == nil {
		zone = time.UTC
	}
	pinned := plan.Pinned{Formats: j.template.Formats, Zone: zone.String(), Template: j.template.Hash()}
	rec := r.newRecording(state.RecordingRow{
		ID: plan.NewRecordID(now), Path: s.pub.Path, Domain: s.stream.Domain, App: s.stream.App, Stream: s.stream.Name,
		Task: j.task, Rule: j.rule, Template: j.template.Name, TemplateID: j.template.ID, Plan: pinned.Encode(),
		State: state.Recording, Started: now, Publication: publicationInfo(s.pub),
	}, pinned, j.window)
	rec.shared.Zone = zone
	rec.new = true
	for _, f := range pinned.Formats {
		rec.outputs = append(rec.outputs, output.New(&rec.shared, f))
	}
	return rec
}

// newRecording makes a recording of a row, without outputs.
func (r *Recorder) newRecording(row state.RecordingRow, pinned plan.Pinned, w window) *recording {
	if pinned.Template == "" {
		pinned.Template = plan.TemplateHash(row.Template, pinned.Formats)
	}
	zone, err := time.LoadLocation(pinned.Zone)
	if err != nil {
		zone = time.UTC
	}
	log := r.o.Log.With("recording", row.ID, "path", row.Path)
	stream := plan.Stream{Domain: row.Domain, App: row.App, Name: row.Stream}
	rec := &recording{r: r, log: log, q: newQueue(queueBytes), ledger: &ledger{log: log, quit: r.quit},
		row: row, plan: pinned, window: w, told: map[config.FormatName]bool{}, done: make(chan struct{}),
		id: identity{task: row.Task, rule: row.Rule, template: pinned.Template, stream: stream}}
	rec.shared = output.Recording{
		ID: row.ID, Stream: stream, Zone: zone, Log: log, Ledger: files{rec}, Reporter: reporter{rec},
		Place: r.o.Place, Formats: r.o.Formats, Now: time.Now(), RandomID: plan.NewRandomID(), End: -1,
	}
	return rec
}
