package plugin

import (
	"sync"

	"github.com/live-recording/liverecord/hooks"
)

// gate hands publications to the recorder, and keeps those that are live while
// there is none: a recorder that starts later (its configuration was mended) is
// told of them.
type gate struct {
	mu   sync.Mutex
	next hooks.Handler
	live map[string]livePublication
}

type livePublication struct {
	pub  *hooks.Publication
	feed hooks.Feed
}

// set puts a handler behind the gate; nil = none.
func (g *gate) set(h hooks.Handler) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = h
	if h == nil {
		return
	}
	for _, l := range g.live {
		h.Online(l.pub, l.feed)
	}
}

// Online implements hooks.Handler.
func (g *gate) Online(p *hooks.Publication, feed hooks.Feed) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live == nil {
		g.live = map[string]livePublication{}
	}
	g.live[p.ID] = livePublication{p, feed}
	if g.next != nil {
		g.next.Online(p, feed)
	}
}

// Offline implements hooks.Handler.
func (g *gate) Offline(p *hooks.Publication, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.live, p.ID)
	if g.next != nil {
		g.next.Offline(p, reason)
	}
}
