// Package plugin is the composition root: it starts, reloads and stops the
// recorder inside its host, and wires its parts to each other. It is never on
// the way of a sample.
//
//	hooks ─▶ recorder ─▶ spool ─▶ upload ─▶ store
//	             └──────▶ state ◀──────┘
//	                        └─▶ notify ─▶ endpoints
//
// The parts know state and spool, not each other; a ring of a bell says that
// there is something to read.
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
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/api"
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

// Options say how the host runs the recorder.
type Options struct {
	ConfigFile string // recording.yml, absolute or relative to the working directory; "" = off
	Logf       func(level slog.Level, msg string)
	Version    string // of the host
}

// grace is how long uploads under way may go on when the server stops.
const grace = 5 * time.Second

// Plugin is the running recorder.
type Plugin struct {
	log  *slog.Logger
	file string

	mu     sync.Mutex // guards house and config
	house  *house     // nil until there is a configuration without errors
	config *config.Config
	gate   gate

	ctx    context.Context
	cancel context.CancelFunc
	watch  sync.WaitGroup
}

// Start starts the recorder. A configuration with errors is reported and
// watched: recording starts as soon as it is mended. An error means that the
// recorder can't run at all.
func Start(o Options) (*Plugin, error) {
	p := &Plugin{log: newLogger(o.Logf), file: o.ConfigFile}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	c, err := config.Load(o.ConfigFile)
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		p.report(err)
		p.log.Error("nothing is recorded until the configuration is mended", "file", o.ConfigFile)
		c = nil
	case err != nil:
		p.cancel()
		return nil, err
	default:
		if err := p.open(c); err != nil {
			p.cancel()
			return nil, err
		}
	}
	p.watch.Go(func() { config.WatchFrom(p.ctx, p.file, c, p.changed) })
	return p, nil
}

// Handler returns what the host tells of its publications.
func (p *Plugin) Handler() hooks.Handler { return &p.gate }

// Reload is called when the host's configuration changed. recording.yml has a
// watcher of its own, so there is nothing to do but to say what needs a restart.
func (p *Plugin) Reload(o Options) {
	if o.ConfigFile != p.file {
		p.log.Warn("liveRecord names another file now: this needs a restart of the server", "now", o.ConfigFile, "in use", p.file)
	}
}

// Close ends the recorder: recordings are finished or wait for the next start,
// uploads under way get a grace period, all else is resumable.
func (p *Plugin) Close() {
	p.cancel()
	p.watch.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate.set(nil)
	if p.house != nil {
		p.house.close()
		p.house = nil
	}
}

// changed is told by the watcher that recording.yml has another content.
func (p *Plugin) changed(c *config.Config, err error) {
	if err != nil {
		p.report(err)
		p.log.Error("the configuration has errors: nothing changes", "file", p.file)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.house == nil {
		if err := p.open(c); err != nil {
			p.log.Error("recording can't start", "error", err)
		}
		return
	}
	if keys := c.RestartKeys(p.config); len(keys) > 0 {
		p.log.Warn("changes of these keys need a restart of the server", "keys", keys)
	}
	p.config = c
	p.house.reload(c)
	p.log.Info("the configuration was reloaded", "file", p.file, "rules", len(c.Rules), "templates", len(c.Templates))
}

// open builds the house on a configuration. Called by Start or with the lock.
func (p *Plugin) open(c *config.Config) error {
	p.warn(c)
	h, err := openHouse(c, p.log)
	if err != nil {
		return err
	}
	p.house, p.config = h, c
	p.gate.set(h.recorder)
	p.log.Info("live recording is on", "file", p.file, "rules", len(c.Rules), "templates", len(c.Templates), "stores", len(c.Stores))
	return nil
}

func (p *Plugin) warn(c *config.Config) {
	for _, w := range c.Warnings {
		p.log.Warn(w.Error())
	}
}

func (p *Plugin) report(err error) {
	var problems config.Problems
	if !errors.As(err, &problems) {
		p.log.Error(err.Error())
		return
	}
	for _, x := range problems {
		p.log.Error(x.Error())
	}
}

// house is everything that runs on one state.
type house struct {
	log      *slog.Logger
	lock     *state.Lock
	db       *state.DB
	places   *places
	recorder *recorder.Recorder
	mover    *upload.Mover
	notifier *notify.Notifier
	trouble  *notify.Collector
	schedule *schedule.Schedule
	service  *service // nil without api.address
	metrics  *metrics.Metrics
	config   atomic.Pointer[config.Config]
	pair     config.Credential // of the command line

	compile               sync.Mutex // one recompile at a time
	stopMover, stopNotify context.CancelFunc
	running               sync.WaitGroup
	cleanups              []func()
}

var formats = map[string]mux.Format{
	string(config.MP4): mp4.Format, string(config.FLV): flv.Format, string(config.AAC): adts.Format,
	state.FormatTS: mpegts.Format{}, state.FormatM4S: fmp4.Format{}, state.FormatInit: fmp4.Format{},
}

// openHouse starts everything, or nothing.
func openHouse(c *config.Config, log *slog.Logger) (_ *house, err error) {
	h := &house{log: log}
	defer func() {
		if err != nil {
			h.cleanup()
		}
	}()
	host, _ := os.Hostname()
	holder := fmt.Sprintf("mediamtx, pid %d on %s, since %s", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	if h.lock, err = state.AcquireLock(c.State, holder); err != nil {
		return nil, err
	}
	h.cleanups = append(h.cleanups, func() { _ = h.lock.Release() })
	if h.db, err = state.Open(c.State); err != nil {
		return nil, err
	}
	h.cleanups = append(h.cleanups, func() { _ = h.db.Close() })
	kept, err := withOldFolders(context.Background(), h.db, c, log)
	if err != nil {
		return nil, err
	}
	if h.places, err = openPlaces(kept, log); err != nil {
		return nil, err
	}
	h.places.leaveOut(c)
	h.cleanups = append(h.cleanups, h.places.close)
	if h.pair, err = credentials(c); err != nil {
		return nil, err
	}
	h.build(c)
	if err := h.schedule.Apply(context.Background()); err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	if err := h.recorder.Recover(context.Background()); err != nil {
		return nil, fmt.Errorf("taking up what an earlier run left in %s: %w", filepath.Dir(c.State), err)
	}
	if _, err := h.mover.Unpark(context.Background(), ""); err != nil { // a restart is a request to try again
		return nil, fmt.Errorf("parked files: %w", err)
	}
	h.run()
	if h.service, err = openService(h, c); err != nil { // recording does not need it
		h.log.Error("the API is off", "error", err)
	}
	return h, nil
}

// build makes the parts and wires them.
func (h *house) build(c *config.Config) {
	h.notifier = notify.New(h.db, notify.FromConfig(c.Callbacks), notify.Options{Log: h.log, UserAgent: "liverecord"})
	h.trouble = notify.NewCollector(h.notifier)
	ev := &events{emit: h.notifier.Emit, report: h.trouble.Report, places: h.places, secret: linkSecret(h.pair)}
	h.mover = upload.New(upload.Options{
		DB: h.db, Log: h.log, Events: ev, Formats: formats, Target: h.places.target, Stored: h.notifier.Wake,
	})
	named := map[config.FormatName]mux.Format{config.MP4: mp4.Format, config.FLV: flv.Format, config.AAC: adts.Format}
	h.recorder = recorder.New(recorder.Options{
		DB: h.db, Log: h.log, Events: ev, Formats: named, Place: h.places.place, Stores: h.places.names, Wake: h.mover.Wake, Grew: h.mover.Grew,
	})
	h.schedule = h.newSchedule()
	h.metrics = h.newMetrics()
	h.config.Store(c)
	h.recompile()
	h.setEndpoints()
}

// recompile puts rules and templates into force: of the configuration and of
// the API.
func (h *house) recompile() {
	h.compile.Lock()
	defer h.compile.Unlock()
	c := h.config.Load()
	made, warnings, err := api.Dynamic(context.Background(), h.db, c)
	if err != nil {
		h.log.Error("the API's rules can't be read", "error", err)
	}
	for _, w := range warnings {
		h.log.Warn(w)
	}
	table, shadows := plan.Compile(c, made)
	for _, s := range shadows {
		h.log.Warn("a rule can never win", "rule", s.Rule.Where(), "reason", s.Reason)
	}
	h.recorder.SetPlan(&recorder.Current{Config: c, Table: table})
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
	h.keep(move, "upload", func(ctx context.Context) { h.mover.Run(ctx, grace) })
	h.keep(tell, "notify", h.notifier.Run)
	h.keep(tell, "abnormal events", h.trouble.Run)
	h.keep(move, "tasks", h.schedule.Run)
}

// keep runs a part until ctx ends. A bug in it must not take the server down: it
// is told, and the part begins anew from the state.
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
			h.log.Error("a part of the recorder failed and begins anew", "part", name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	f()
}

// reload takes over what may change while running.
func (h *house) reload(c *config.Config) {
	h.config.Store(c)
	h.places.reload(c)
	h.rulesChanged()
	h.setEndpoints()
	if n, err := h.mover.Unpark(context.Background(), ""); err != nil {
		h.log.Error("parked files", "error", err)
	} else if n > 0 {
		h.log.Info("parked files are tried again", "files", n)
	}
}

func (h *house) close() {
	if h.service != nil {
		h.service.close()
	}
	h.recorder.Close()
	h.stopMover()
	h.mover.Wake()
	h.stopNotify()
	h.running.Wait()
	h.cleanup()
}

// cleanup undoes what was opened, in reverse.
func (h *house) cleanup() {
	for i := len(h.cleanups) - 1; i >= 0; i-- {
		h.cleanups[i]()
	}
	h.cleanups = nil
}
