package host

import (
	"crypto/rand"
	"sync"

	"github.com/live-recording/liverecord/hooks"
)

// Session is one publication while it is online.
type Session struct {
	server  *Server
	handler hooks.Handler
	pub     *hooks.Publication
	feed    *feed

	// announced is closed when Handler.Online has returned: a Close of the
	// server may come from another goroutine in the meantime.
	announced chan struct{}
	end       sync.Once
}

func newSession(s *Server, h hooks.Handler, p *hooks.Publication, r Reader) *Session {
	p.ID = rand.Text()
	p.Tracks = r.Tracks()
	return &Session{
		server: s, handler: h, pub: p,
		feed:      &feed{server: s, path: p.Path, reader: r},
		announced: make(chan struct{}),
	}
}

func (x *Session) online() {
	defer close(x.announced)
	x.server.guard("start of a publication", x.pub.Path, func() {
		x.handler.Online(x.pub, x.feed)
	})
}

// Offline tells the recorder that the publication has ended, after it got all
// units that the server had taken. Calls after the first, and calls on nil, do
// nothing.
func (x *Session) Offline(reason string) {
	if x == nil {
		return
	}
	x.end.Do(func() {
		<-x.announced
		x.feed.close()
		x.server.forget(x)
		x.server.guard("end of a publication", x.pub.Path, func() {
			x.handler.Offline(x.pub, reason)
		})
	})
}
