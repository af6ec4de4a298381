package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/lockfile"
	"github.com/live-recording/liverecord/internal/memory"
	"github.com/live-recording/liverecord/internal/metrics"
	"github.com/live-recording/liverecord/internal/mux"
	"github.com/live-recording/liverecord/internal/mux/adts"
	"github.com/live-recording/liverecord/internal/mux/flv"
	"github.com/live-recording/liverecord/internal/mux/fmp4"
	"github.com/live-recording/liverecord/internal/mux/mp4"
	"github.com/live-recording/liverecord/internal/mux/mpegts"
	"github.com/live-recording/liverecord/internal/notify"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/schedule"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/upload"
)

// How long a close waits for what. Whatever hangs, it ends within closeTime and a
// moment; with what Plugin.Close adds, that is less than ten seconds.
const (
	closeTime      = 8750 * time.Millisecond
	recordPatience = 4 * time.Second         // recordings finish their files
	grace          = 5 * time.Second         // uploads under way, and answers of the API
	partPatience   = 500 * time.Millisecond  // other goroutines, beyond the uploads
	lastPatience   = 2000 * time.Millisecond // what is kept for stores, spool and state
	foldersTime    = 600 * time.Millisecond  // of that, stores and spool
	stateTime      = 750 * time.Millisecond  // and the state, which also gets what is left
)

// house is everything that runs on one state.
type house struct {
	log      *slog.Logger
	db       *state.DB
	places   *places
	recorder *recorder.Recorder
	mover    *upload.Mover
	notifier *notify.Notifier
	trouble  *notify.Collector
	schedule *schedule.Schedule
	service  *service // nil without api.address
	metrics  *metrics.Metrics
	memory   *memory.Budget // for all media
	health   *health
	config   atomic.Pointer[config.Config]
	pair     config.Credential // of the command line

	compile               sync.Mutex // one recompile at a time
	rules                 *hang.Question[dynamic]
	callbacks             *hang.Question[[]api.Callback]
	stopMover, stopNotify context.CancelFunc
	running, answering    hang.Group
	cleanups              []func()
	until                 atomic.Int64 // when close has to have ended
}

var formats = map[string]mux.Format{
	string(config.MP4): mp4.Format, string(config.FLV): flv.Format, string(config.AAC): adts.Format,
	state.FormatTS: mpegts.Format{}, state.FormatM4S: fmp4.Format{}, state.FormatInit: fmp4.InitFormat{},
}

// holder is what locks say of this server.
func holder() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("mediamtx, pid %d on %s, since %s", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
}

// openHouse starts everything, or nothing. Stores that can't be opened are no
// reason not to start. broken: the state is known to be so, and is set aside.
func openHouse(ctx context.Context, c *config.Config, log *slog.Logger, broken bool) (_ *house, err error) {
	h := &house{log: log}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	who := holder()
	damage, err := h.openState(c.State, who, broken)
	if err != nil {
		return nil, err
	}
	kept, err := withOldFolders(ctx, h.db, c, log)
	if err != nil {
		return nil, err
	}
	h.places = openPlaces(ctx, kept, who, log)
	h.places.leaveOut(c)
	h.cleanups = append(h.cleanups, h.closePlaces)
	if h.pair, err = credentials(c); err != nil {
		return nil, err
	}
	h.build(c)
	h.cleanups = append(h.cleanups, h.stopParts, h.stopRecorder)
	if err := h.schedule.Apply(ctx); err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	if err := h.recorder.Recover(ctx); err != nil {
		return nil, fmt.Errorf("taking up what an earlier run left in %s: %w", filepath.Dir(c.State), err)
	}
	h.places.late, h.places.wake = h.recorder.RecoverLate, h.mover.Wake
	if _, err := h.mover.Unpark(ctx, ""); err != nil { // a restart is a request to try again
		return nil, fmt.Errorf("parked files: %w", err)
	}
	h.run()
	if damage != nil {
		h.stateBroke(damage)
	}
	if h.service, err = openService(h, c); err != nil { // recording does not need it
		h.log.Error("the API is off", "error", err)
	}
	h.cleanups = append(h.cleanups, h.stopService)
	return h, nil
}

// openState locks and opens the state. One that is broken is set aside, and a new
// one made: what is in the spool is taken up by its own headers. The error by
// which it was found broken is returned as damage.
func (h *house) openState(path, who string, broken bool) (damage, err error) {
	lock, err := state.AcquireLock(path, who)
	if errors.Is(err, lockfile.ErrUnsupported) {
		h.log.Warn("the state can't be locked: make sure that no other server uses it", "state", path, "error", err)
	} else if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Release()
		}
	}()
	damage = errors.New("it was found damaged when it was read")
	if !broken {
		if h.db, err = state.Open(path); err != nil {
			damage = err
		}
	}
	if broken || state.IsBroken(err) {
		aside, e := state.SetAside(path, time.Now())
		if e != nil {
			return nil, fmt.Errorf("the state is broken (%w), and can't be set aside: %w", damage, e)
		}
		h.log.Error("THE STATE WAS BROKEN: it was set aside, and a new one was made. Media are taken up from the spool; what only the state knew "+
			"(templates, rules and tasks of the API, events not yet sent, the list of recordings) is in the old file",
			"state", path, "aside", aside, "error", damage)
		h.db, err = state.Open(path)
	} else {
		damage = nil
	}
	if err != nil {
		return nil, err
	}
	h.db.Own(lock)
	h.cleanups = append(h.cleanups, func() { h.closeState(path) })
	return damage, nil
}

func (h *house) closeState(path string) {
	h.answering.Wait(h.left() - stateTime)
	if err := h.db.CloseWithin(max(h.left(), stateTime)); err != nil {
		h.log.Error("the state was not closed; the next start takes up what is in it", "state", path, "error", err)
	}
	h.running.Wait(stateTime / 3) // who waited for the state does no more
}

// build makes the parts and wires them.
func (h *house) build(c *config.Config) {
	h.notifier = notify.New(h.db, notify.FromConfig(c.Callbacks), notify.Options{Log: h.log, UserAgent: "liverecord"})
	h.trouble = notify.NewCollector(h.notifier)
	h.db.OnDamage(func(err error) { go h.stateBroke(err) }) // the writer must not wait for itself
	ev := &events{emit: h.notifier.Emit, report: h.trouble.Report, places: h.places, secret: linkSecret(h.pair)}
	h.mover = upload.New(upload.Options{
		DB: h.db, Log: h.log, Events: ev, Formats: formats, Target: h.places.target, Stored: h.notifier.Wake,
		History: func() time.Duration { return h.config.Load().History },
	})
	named := map[config.FormatName]mux.Format{config.MP4: mp4.Format, config.FLV: flv.Format, config.AAC: adts.Format}
	h.memory = memory.New(memoryLimit(c))
	h.recorder = recorder.New(recorder.Options{
		Memory: h.memory, DB: h.db, Log: h.log, Events: ev, Formats: named, Place: h.places.place, Stores: h.places.names, Wake: h.mover.Wake, Grew: h.mover.Grew,
	})
	h.schedule = h.newSchedule()
	h.metrics = h.newMetrics()
	h.health = newHealth(h)
	h.rules = hang.Ask(h.readRules)
	h.callbacks = hang.Ask(func() ([]api.Callback, error) { return api.Callbacks(context.Background(), h.db) })
	h.config.Store(c)
	h.recompile()
	h.setEndpoints()
}

// dynamic is what the API made of rules and templates.
type dynamic struct {
	made     plan.Dynamic
	warnings []string
}

// statePatience is how long the state may take to be read before what was read
// last has to do.
const statePatience = 3 * time.Second

// memoryLimit is the budget for media in bytes.
func memoryLimit(c *config.Config) int64 {
	if c.Memory > 0 {
		return c.Memory
	}
	return memory.Default()
}

// recompile puts rules and templates into force: of the configuration and of
// the API. It returns false if the latter could not be read, and are old.
func (h *house) recompile() bool {
	h.compile.Lock()
	defer h.compile.Unlock()
	c := h.config.Load()
	a, hangs := h.rules.Get(0, statePatience)
	if hangs > 0 {
		a.Err = hang.ErrNoAnswer
	}
	if a.Err != nil {
		h.log.Error("the API's rules can't be read; those that were read last are in force", "error", a.Err)
	}
	for _, w := range a.Value.warnings {
		h.log.Warn(w)
	}
	table, shadows := plan.Compile(c, a.Value.made)
	for _, s := range shadows {
		h.log.Warn("a rule can never win", "rule", s.Rule.Where(), "reason", s.Reason)
	}
	h.recorder.SetPlan(&recorder.Current{Config: c, Table: table})
	return a.Err == nil
}

func (h *house) readRules() (d dynamic, err error) {
	d.made, d.warnings, err = api.Dynamic(context.Background(), h.db, h.config.Load())
	return d, err
}

// rulesChanged puts rules and templates into force, also those that running
// tasks name: for their next publication.
func (h *house) rulesChanged() {
	h.recompile()
	h.schedule.Changed()
}

func (h *house) run() {
	var move, tell context.Context
	move, h.stopMover = context.WithCancel(context.Background())
	tell, h.stopNotify = context.WithCancel(context.Background())
	h.keep(move, "upload", func(ctx context.Context) { h.mover.Run(ctx, h.uploadGrace) })
	h.keep(tell, "notify", h.notifier.Run)
	h.keep(tell, "abnormal events", h.trouble.Run)
	h.keep(move, "tasks", h.schedule.Run)
	h.keep(move, "memory", h.memory.Warden)
	h.keep(move, "stores", h.places.attend)
}

// keep runs a part until ctx ends. A bug in it must not take the server down: it
// is logged, and the part restarts from the state.
func (h *house) keep(ctx context.Context, name string, run func(context.Context)) {
	h.running.Go(func() {
		for h.survives(name, func() { run(ctx) }); ctx.Err() == nil; h.survives(name, func() { run(ctx) }) {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
}

func (h *house) survives(name string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("a part of the recorder failed and restarts", "part", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// reload takes over what may change while running. Rules and stores are in force
// within ten seconds also while disks hang; what needs the state's disk waits for it.
func (h *house) reload(c *config.Config) {
	h.config.Store(c)
	h.memory.SetLimit(memoryLimit(c))
	h.places.reload(c)
	known := h.recompile()
	h.setEndpoints()
	h.log.Info("the configuration was reloaded", "rules", len(c.Rules), "templates", len(c.Templates))
	h.schedule.Reloaded()
	if n, err := h.mover.Unpark(context.Background(), ""); err != nil {
		h.log.Error("parked files", "error", err)
	} else if n > 0 {
		h.log.Info("parked files are tried again", "files", n)
	}
	if !known { // the state answers again
		h.recompile()
		h.setEndpoints()
	}
}

// close undoes what was opened, in reverse, also after a half start. What a disk
// that hangs holds up is left to the next start.
func (h *house) close() {
	h.until.Store(time.Now().Add(closeTime).UnixNano())
	for i := len(h.cleanups) - 1; i >= 0; i-- {
		h.cleanups[i]()
	}
	h.cleanups = nil
}

// left is the time that is left for close.
func (h *house) left() time.Duration { return time.Until(time.Unix(0, h.until.Load())) }

// uploadGrace is how long uploads may go on when the server stops.
func (h *house) uploadGrace() time.Duration {
	return max(min(grace, h.left()-lastPatience-partPatience), 0)
}

func (h *house) stopService() {
	if h.service != nil {
		h.answering.Go(h.service.close)
	}
}

func (h *house) stopRecorder() {
	if n := h.recorder.Close(recordPatience); n > 0 {
		h.log.Error("recordings are left to the next start: a disk does not answer", "recordings", n)
	}
}

func (h *house) stopParts() {
	if h.stopMover == nil { // it never ran
		return
	}
	h.stopMover()
	h.mover.Wake()
	h.stopNotify()
	if !h.running.Wait(h.left() - lastPatience) {
		h.log.Error("not everything has ended: a disk does not answer; the next start goes on with it")
	}
}

// closePlaces lets go of stores and spool. Their locks stay until nobody writes
// there any more, so that no other server takes up files that a write is still on
// its way to.
func (h *house) closePlaces() {
	h.places.close()
	if h.recorder == nil {
		h.places.release()
		return
	}
	h.recorder.Ended(func() { h.mover.Ended(h.places.release) })
}
