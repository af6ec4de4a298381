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
	"runtime/debug"
	"sync"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/state"
)

// Options say how the host runs the recorder.
type Options struct {
	ConfigFile string // recording.yml, absolute or relative to the working directory; "" = off
	Logf       func(level slog.Level, msg string)
	Version    string // of the host
}

const (
	// startPatience is how long Start waits for state and stores.
	startPatience = 10 * time.Second
	// retryEvery is how often a start that failed is tried again.
	retryEvery = 10 * time.Second
)

// Plugin is the running recorder.
type Plugin struct {
	log     *slog.Logger
	file    string
	gate    gate
	configs chan *config.Config // the latest one that is not in force yet

	ctx     context.Context
	cancel  context.CancelFunc
	running hang.Group

	mu     sync.Mutex // never held while a disk is asked for anything
	house  *house     // nil until there is a configuration without errors, and a state
	closed bool
}

// Start starts the recorder. It fails for no reason that has to do with the
// content of the configuration, with disks or with the state: these are reported,
// and recording starts as soon as they are well (docs/decisions/0005). It waits
// for at most startPatience.
func Start(o Options) (*Plugin, error) {
	p := &Plugin{log: newLogger(o.Logf), file: o.ConfigFile, configs: make(chan *config.Config, 1)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	c, err := config.Load(o.ConfigFile)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		p.cancel()
		return nil, err
	}
	if err != nil {
		p.report(err)
		p.log.Error("nothing is recorded until the configuration is fixed", "file", o.ConfigFile)
		c = nil
	}
	tried := make(chan struct{})
	p.running.Go(func() { p.manage(c, tried) })
	p.running.Go(func() { config.WatchFrom(p.ctx, p.file, c, p.changed) })
	t := time.NewTimer(startPatience)
	defer t.Stop()
	select {
	case <-tried:
	case <-t.C:
		p.log.Error("nothing is recorded until the disk of the state answers; the server goes on", "state", c.State)
	}
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
// uploads under way get a grace period, all else is resumable. It returns within
// ten seconds also while disks hang.
func (p *Plugin) Close() {
	const patience = 250 * time.Millisecond
	p.cancel()
	p.running.Wait(patience)
	p.mu.Lock()
	h := p.house
	p.closed, p.house = true, nil
	p.gate.set(nil)
	p.mu.Unlock()
	if h != nil {
		h.close()
	}
	if !p.running.Wait(patience) {
		p.log.Error("a disk does not answer: the recorder ends without it", "doing", "opening or reloading")
	}
}

// changed is told by the watcher that recording.yml has another content.
func (p *Plugin) changed(c *config.Config, err error) {
	if err != nil {
		p.report(err)
		p.log.Error("the configuration has errors: nothing changes", "file", p.file)
		return
	}
	select {
	case <-p.configs: // nobody has looked at the one before
	default:
	}
	p.configs <- c // we are the only ones who send
}

// manage opens the house, as often as it takes, and reloads it.
func (p *Plugin) manage(c *config.Config, tried chan<- struct{}) {
	var inForce *config.Config // nil while there is no house
	var told string
	p.warn(c)
	for {
		if c != nil && inForce == nil {
			if err := p.open(c); err == nil {
				inForce = c
			} else if told != err.Error() && p.ctx.Err() == nil {
				told = err.Error()
				p.log.Error("nothing is recorded: recording can't start; it is tried again", "every", retryEvery, "error", err)
			}
		}
		if tried != nil {
			close(tried)
			tried = nil
		}
		var again <-chan time.Time
		if c != nil && inForce == nil {
			again = time.After(retryEvery)
		}
		select {
		case <-p.ctx.Done():
			return
		case <-again:
		case c = <-p.configs:
			if inForce != nil {
				p.reload(inForce, c)
				inForce = c
			} else {
				p.warn(c)
			}
		}
	}
}

// open builds the house on a configuration.
func (p *Plugin) open(c *config.Config) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("internal error: %v\n%s", x, debug.Stack())
		}
	}()
	h, err := openHouse(p.ctx, c, p.log, false)
	if state.IsBroken(err) { // it was found out only when it was read
		h, err = openHouse(p.ctx, c, p.log, true)
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	late := p.closed
	if !late {
		p.house = h
		p.gate.set(h.recorder)
	}
	p.mu.Unlock()
	if late {
		h.close()
		return nil
	}
	p.log.Info("live recording is on", "file", p.file, "rules", len(c.Rules), "templates", len(c.Templates), "stores", len(c.Stores))
	return nil
}

// reload puts another configuration into force.
func (p *Plugin) reload(old, c *config.Config) {
	defer func() {
		if x := recover(); x != nil {
			p.log.Error("a reload failed", "panic", fmt.Sprint(x), "stack", string(debug.Stack()))
		}
	}()
	if keys := c.RestartKeys(old); len(keys) > 0 {
		p.log.Warn("changes of these keys need a restart of the server", "keys", keys)
	}
	p.mu.Lock()
	h := p.house
	p.mu.Unlock()
	if h == nil { // closed
		return
	}
	h.reload(c)
}

func (p *Plugin) warn(c *config.Config) {
	if c == nil {
		return
	}
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
