package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/recorder"
	"github.com/live-recording/liverecord/internal/spool"
	"github.com/live-recording/liverecord/internal/store/local"
	"github.com/live-recording/liverecord/internal/upload"
)

const (
	// openPatience is how long a start or a reload waits for stores to open. Those
	// that take longer come when their disk answers.
	openPatience = 5 * time.Second
	// openEvery is how often it is tried to open what can't be used.
	openEvery = 10 * time.Second
)

// spoolName stands for the spool among the names of stores, which are not empty.
const spoolName = ""

// places are the stores with the folders in which their files grow. Each is
// opened on a goroutine of its own (see opening.go): one that can't be opened, or
// whose disk hangs, is away; the others work, and it is tried again. A store that
// a reload removes stays known, for what is still on its way there.
type places struct {
	log     *slog.Logger
	holder  string // of the locks, in words
	config  config.Spool
	opened  chan *opened // what openers have to hand over
	quit    chan struct{}
	closing hang.Group

	// Of attend's goroutine, before that of the one that starts the house.
	late func(context.Context, map[string]recorder.Place) error // nil until the recorder has recovered
	wake func()

	mu      sync.Mutex // never held while a disk is asked for anything: Online may wait for it
	spool   *spool.Dir // of all remote stores; nil while it is away
	wanted  map[string]config.Store
	targets map[string]*upload.Target
	away    map[string]error         // why a store, or the spool, can't be used
	opening map[string]chan struct{} // closed when the opener's result was taken in
	leftOut map[string]string        // by name the type of stores that are not used until the next restart
	inUse   []*opened
}

// openPlaces opens what can be opened. It waits for at most openPatience.
func openPlaces(ctx context.Context, c *config.Config, holder string, log *slog.Logger) *places {
	p := &places{log: log, holder: holder, config: c.Spool, opened: make(chan *opened), quit: make(chan struct{}),
		wanted: maps.Clone(c.Stores), targets: map[string]*upload.Target{}, away: map[string]error{}, opening: map[string]chan struct{}{}}
	p.reconcile()
	t := time.NewTimer(openPatience)
	defer t.Stop()
	for p.busy() {
		select {
		case o := <-p.opened:
			p.take(ctx, o)
			continue
		case <-t.C:
		}
		break
	}
	p.silent()
	return p
}

func (p *places) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.opening) > 0
}

// silent notes the stores whose disk has not answered yet.
func (p *places) silent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.opening {
		if p.targets[name] == nil && (name != spoolName || p.spool == nil) {
			p.isAway(name, hang.ErrNoAnswer)
		}
	}
}

// isAway notes why a store can't be used. Called with the lock.
func (p *places) isAway(name string, err error) {
	if old := p.away[name]; old == nil || old.Error() != err.Error() {
		p.log.Error("a store can't be used; it is tried again", "store", shownName(name), "error", err)
	}
	p.away[name] = err
}

func shownName(name string) string {
	if name == spoolName {
		return "the spool of all remote stores"
	}
	return name
}

// attend opens what was away, until ctx ends.
func (p *places) attend(ctx context.Context) {
	t := time.NewTicker(openEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.reconcile()
		case o := <-p.opened:
			p.take(ctx, o)
		}
	}
}

// reconcile begins to open what is wanted and not in use as wanted.
func (p *places) reconcile() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spool == nil {
		p.begin(spoolName, p.openSpool)
	}
	for name, s := range p.wanted {
		old := p.targets[name]
		switch {
		case old != nil && reflect.DeepEqual(old.Config, s):
		case s.Type == "local":
			p.begin(name, func() *opened { return p.openLocal(s, old) })
		case p.spool != nil:
			dir := p.spool
			p.begin(name, func() *opened { return openRemote(s, dir) })
		}
	}
}

// begin runs an opener, unless one runs. Called with the lock.
func (p *places) begin(name string, open func() *opened) {
	if p.opening[name] != nil {
		return
	}
	p.opening[name] = make(chan struct{})
	go func() {
		o := guarded(open)
		o.name = name
		select {
		case p.opened <- o:
		case <-p.quit:
			o.close()
			o.release()
		}
	}()
}

// take puts to use what an opener brought.
func (p *places) take(ctx context.Context, o *opened) {
	if o.err == nil && o.dir != nil && p.late != nil {
		if err := p.late(ctx, p.placesIn(o)); err != nil {
			p.log.Error("what an earlier run left in a store stays there until the next start", "store", shownName(o.name), "error", err)
		}
	}
	p.use(o)
	switch {
	case o.err != nil: // attend tries again, in a while
	case o.name == spoolName:
		p.reconcile() // its stores
	case p.wake != nil:
		p.wake()
	}
}

func (p *places) use(o *opened) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.opening[o.name])
	delete(p.opening, o.name)
	if o.err != nil && p.targets[o.name] != nil { // changed by a reload: what was in force stays so
		p.log.Error("a store can't be opened", "store", o.name, "error", o.err)
		return
	}
	if o.err != nil {
		p.isAway(o.name, o.err)
		return
	}
	p.inUse = append(p.inUse, o)
	if p.away[o.name] != nil {
		p.log.Info("the store can be used now", "store", shownName(o.name))
		delete(p.away, o.name)
	}
	if o.name == spoolName {
		p.spool = o.dir
	} else {
		p.targets[o.name] = o.target
	}
}

// placesIn are the stores whose files grow in a folder that was just opened.
func (p *places) placesIn(o *opened) map[string]recorder.Place {
	if o.name != spoolName {
		return map[string]recorder.Place{o.name: placeOf(o.target)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]recorder.Place{}
	for name, s := range p.wanted {
		if s.Type != "local" {
			out[name] = recorder.Place{Dir: o.dir}
		}
	}
	return out
}

// leaveOut notes the stores of the configuration that are not used: with the
// type that they have, they stay so.
func (p *places) leaveOut(c *config.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leftOut = map[string]string{}
	for name, s := range c.Stores {
		if _, ok := p.wanted[name]; !ok {
			p.leftOut[name] = s.Type
		}
	}
}

// reload opens stores that are new or changed; those that can't be opened stay
// as they were. It waits for at most openPatience.
func (p *places) reload(c *config.Config) {
	p.want(c)
	p.reconcile()
	p.mu.Lock()
	waits := slices.Collect(maps.Values(p.opening))
	p.mu.Unlock()
	t := time.NewTimer(openPatience)
	defer t.Stop()
	for _, taken := range waits {
		select {
		case <-taken:
		case <-t.C:
			p.silent()
			return
		case <-p.quit:
			return
		}
	}
}

// want takes over which stores the configuration wants.
func (p *places) want(c *config.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.wanted {
		if _, ok := c.Stores[name]; !ok && p.targets[name] == nil {
			delete(p.wanted, name)
			delete(p.away, name)
		}
	}
	for name, s := range c.Stores {
		old, known := p.wanted[name]
		switch {
		case p.leftOut[name] == s.Type:
		case known && (old.Type != s.Type || old.Dir != s.Dir):
			// What grows or waits there would be looked for in the new place, and given up.
			p.log.Error("a store can't be opened", "store", name,
				"error", errors.New("type and dir can't change while the server runs: give the new place a name of its own"))
		default:
			p.wanted[name] = s
		}
	}
}

// target returns a store that can be used. It never waits for a disk.
func (p *places) target(name string) (*upload.Target, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.targets[name]; t != nil {
		return t, nil
	}
	s, ok := p.wanted[name]
	if !ok {
		return nil, fmt.Errorf("no store %q in the configuration (put it back under `stores`, with its data)", name)
	}
	why := p.away[name]
	if s.Type != "local" && p.spool == nil {
		why = p.away[spoolName]
	}
	if why == nil {
		why = errors.New("it is being opened")
	}
	return nil, fmt.Errorf("store %s: %w: %w", name, upload.ErrAway, why)
}

// names lists the stores that can be used.
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
	return placeOf(t), nil
}

func placeOf(t *upload.Target) recorder.Place {
	out := recorder.Place{Dir: t.Dir}
	if t.Local != nil {
		out.Room = local.Room
	}
	return out
}

// locals lists the local stores that can be used.
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

// absent says why stores can't be used, by their names.
func (p *places) absent() map[string]error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.away)
}

// dirs lists the folders in which files grow.
func (p *places) dirs() (out []*spool.Dir) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.inUse {
		if o.dir != nil {
			out = append(out, o.dir)
		}
	}
	return out
}

// problems lists stores that can't be used, and disks and budgets that are at
// their limit.
func (p *places) problems() (out []string) {
	away := p.absent()
	for _, name := range slices.Sorted(maps.Keys(away)) {
		out = append(out, fmt.Sprintf("%s can't be used: %s", shownName(name), away[name]))
	}
	for _, d := range p.dirs() {
		if err := d.Room(); err != nil {
			out = append(out, d.Path()+": "+err.Error())
		}
	}
	return out
}

// close lets go of all folders, but not of their locks. A disk that hangs is
// waited for for half a second.
func (p *places) close() {
	close(p.quit)
	p.mu.Lock()
	list := p.inUse
	p.mu.Unlock()
	for _, o := range list {
		p.closing.Go(o.close)
	}
	p.closing.Wait(foldersTime)
}

// release gives the locks back, once nobody writes in the folders any more.
func (p *places) release() {
	p.closing.Then(func() {
		p.mu.Lock()
		list := p.inUse
		p.inUse = nil
		p.mu.Unlock()
		for _, o := range list {
			o.release()
		}
	})
}
