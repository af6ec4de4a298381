package plugin

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/local"
	"github.com/live-recording/liverecord/internal/upload"
)

// places are the stores with the folders in which their files grow. A store
// that a reload removes stays known, for what is still on its way there.
type places struct {
	log *slog.Logger

	mu      sync.Mutex
	spool   *spool.Dir // of all remote stores
	targets map[string]*upload.Target
	minFree int64
	leftOut map[string]string // by name the type of stores that are not used until the next restart
	closers []func()
}

func openPlaces(c *config.Config, log *slog.Logger) (*places, error) {
	p := &places{log: log, targets: map[string]*upload.Target{}, minFree: c.Spool.MinFree}
	var err error
	if p.spool, err = p.openDir(c.Spool.Dir, c.Spool.MaxSize, c.Spool.MinFree); err != nil {
		return nil, err
	}
	for name, s := range c.Stores {
		if err := p.open(name, s); err != nil {
			p.close()
			return nil, fmt.Errorf("stores.%s: %w", name, err)
		}
	}
	return p, nil
}

func (p *places) openDir(path string, max, minFree int64) (*spool.Dir, error) {
	d, err := spool.Open(path, max, minFree, func(err error) { p.log.Error("sync to disk failed", "error", err) })
	if err == nil {
		p.closers = append(p.closers, func() { _ = d.Close() })
	}
	return d, err
}

// open makes or replaces a store. Called with the lock, or before anyone else knows p.
func (p *places) open(name string, s config.Store) error {
	if old := p.targets[name]; old != nil && reflect.DeepEqual(old.Config, s) {
		return nil
	}
	if old := p.targets[name]; old != nil && (old.Config.Type != s.Type || old.Config.Dir != s.Dir) {
		// What grows or waits there would be looked for in the new place, and given up.
		return errors.New("type and dir can't change while the server runs: give the new place a name of its own")
	}
	t := &upload.Target{Config: s, Dir: p.spool}
	if s.Type == "cos" {
		remote, err := cos.New(s, cos.Options{})
		if err != nil {
			return err
		}
		t.Remote = remote
		p.targets[name] = t
		return nil
	}
	l, err := local.New(s, p.minFree)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() { _ = l.Close() })
	t.Local = l
	if old := p.targets[name]; old != nil && old.Local != nil && old.Local.Dir() == l.Dir() {
		t.Dir = old.Dir
	} else if t.Dir, err = p.openDir(l.GrowDir(), 0, p.minFree); err != nil {
		return err
	}
	p.targets[name] = t
	return nil
}

// leaveOut notes the stores of the configuration that were not opened: with the
// type that they have, they stay so.
func (p *places) leaveOut(c *config.Config) {
	p.leftOut = map[string]string{}
	for name, s := range c.Stores {
		if p.targets[name] == nil {
			p.leftOut[name] = s.Type
		}
	}
}

// reload opens stores that are new or changed; those that can't be opened stay
// as they were.
func (p *places) reload(c *config.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, s := range c.Stores {
		if p.leftOut[name] == s.Type {
			continue
		}
		if err := p.open(name, s); err != nil {
			p.log.Error("a store can't be opened", "store", name, "error", err)
		}
	}
}

func (p *places) target(name string) (*upload.Target, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.targets[name]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no store %q in the configuration (put it back under `stores`, with its data)", name)
}

// names lists the stores that are known.
func (p *places) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.targets))
}

func (p *places) place(name string) (recorder.Place, error) {
	t, err := p.target(name)
	if err != nil {
		return recorder.Place{}, err
	}
	out := recorder.Place{Dir: t.Dir}
	if t.Local != nil {
		out.Room = local.Room
	}
	return out, nil
}

func (p *places) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		p.closers[i]()
	}
}

// locals lists the local stores.
func (p *places) locals() []*local.Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*local.Store
	for _, t := range p.targets {
		if t.Local != nil {
			out = append(out, t.Local)
		}
	}
	return out
}

// problems lists disks and budgets that are at their limit.
func (p *places) problems() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[*spool.Dir]bool{}
	for _, t := range p.targets {
		if seen[t.Dir] {
			continue
		}
		seen[t.Dir] = true
		if err := t.Dir.Room(); err != nil {
			out = append(out, t.Dir.Path()+": "+err.Error())
		}
	}
	return out
}
