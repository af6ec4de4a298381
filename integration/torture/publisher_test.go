package torture

import (
	"sync"
	"testing"
	"time"

	"github.com/live-recording/liverecord/integration/lab"
)

// source is what all publishers send: small pictures that cost little to
// decode, sound that never repeats within a minute.
var source = lab.Kind{
	Video:   "-c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p -sc_threshold 0 -g 25 -bf 2 -b:v 60k",
	Audio:   "-c:a aac -b:a 32k -ar 44100 -ac 1",
	Seconds: 60, Size: "160x90",
}

// session is one publication: when each picture was handed to the network.
type session struct {
	id     int
	sent   []time.Time
	ended  time.Time
	proper bool // said goodbye
}

// sink takes the samples of one publication.
type sink interface {
	Send(x *lab.Sample) error
	Close() // with a goodbye
	Cut()
}

// publisher keeps a stream up: whenever the server hangs up, it comes back as
// soon as it can, as encoders do.
type publisher struct {
	s     *lab.Server
	path  string
	media *lab.Media
	fat   int // bytes added to each picture
	dial  func() (sink, error)
	// stint returns how long the next publication lasts until it says goodbye, and
	// how long the publisher stays away then; nil = until stop.
	stint func() (length, pause time.Duration)

	quit     chan struct{}
	done     sync.WaitGroup
	mu       sync.Mutex
	sessions []*session
}

// publish publishes over RTSP.
func publish(t *testing.T, s *lab.Server, path string, fat int) *publisher {
	t.Helper()
	p := newPublisher(t, s, path, fat)
	p.start(t)
	return p
}

func newPublisher(t *testing.T, s *lab.Server, path string, fat int) *publisher {
	t.Helper()
	p := &publisher{s: s, path: path, media: lab.Samples(t, source.Make(t)), fat: fat, quit: make(chan struct{})}
	p.dial = func() (sink, error) { return s.TryRTSP(p.media, "", path) }
	return p
}

func (p *publisher) start(t *testing.T) {
	p.done.Go(p.run)
	t.Cleanup(p.stop)
}

// stop ends the publication with a goodbye.
func (p *publisher) stop() {
	select {
	case <-p.quit:
	default:
		close(p.quit)
	}
	p.done.Wait()
}

func (p *publisher) stopped() bool {
	select {
	case <-p.quit:
		return true
	default:
		return false
	}
}

func (p *publisher) run() {
	for !p.stopped() {
		length, pause := time.Duration(0), time.Duration(0)
		if p.stint != nil {
			length, pause = p.stint()
		}
		c, err := p.dial()
		if err != nil {
			time.Sleep(30 * time.Millisecond)
			continue
		}
		p.mu.Lock()
		ses := &session{id: len(p.sessions)}
		p.sessions = append(p.sessions, ses)
		p.mu.Unlock()
		if err = p.play(c, ses, length); err == nil {
			c.Close()
		} else {
			c.Cut()
		}
		p.mu.Lock()
		ses.ended, ses.proper = time.Now(), err == nil
		p.mu.Unlock()
		select {
		case <-p.quit:
		case <-time.After(pause):
		}
	}
}

// play sends the media, again and again, until an error or stop, or for so long
// (0 = for ever).
func (p *publisher) play(c sink, ses *session, limit time.Duration) error {
	start := time.Now()
	length := int64(source.Seconds) * 90000
	first := p.media.Samples[0].DTS
	for round := int64(0); ; round++ {
		for _, x := range p.media.Samples {
			// a second at least: of less ffmpeg may not find out what it is
			if p.stopped() && time.Since(start) > time.Second || limit > 0 && time.Since(start) > limit {
				return nil
			}
			x.DTS += round * length
			x.PTS += round * length
			due := time.Duration(x.DTS-first) * time.Second / 90000
			time.Sleep(time.Until(start.Add(due)))
			if err := p.send(c, ses, &x); err != nil {
				return err
			}
		}
	}
}

func (p *publisher) send(c sink, ses *session, x *lab.Sample) error {
	if p.media.Tracks[x.Track].Codec != "h264" {
		return c.Send(x)
	}
	x.Data = marked(x.Data, mark{ses.id, len(ses.sent)}, p.fat)
	if err := c.Send(x); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ses.sent = append(ses.sent, time.Now())
	return nil
}

// killed returns when the server was killed under the session; zero if it was not.
func (ses *session) killed(kills []time.Time) (at time.Time) {
	for _, k := range kills {
		if len(ses.sent) > 0 && k.After(ses.sent[0]) && k.Before(ses.ended) && (at.IsZero() || k.Before(at)) {
			at = k
		}
	}
	return at
}

// owed counts the pictures of a session that must be in the store: all of them
// after a goodbye, else those that were sent slack or more before the server
// was killed.
func (ses *session) owed(kills []time.Time, slack time.Duration) int {
	if ses.proper {
		return len(ses.sent)
	}
	limit := ses.killed(kills)
	if limit.IsZero() {
		limit = ses.ended
	}
	count := 0
	for _, at := range ses.sent {
		if !at.After(limit.Add(-slack)) {
			count++
		}
	}
	return count
}
