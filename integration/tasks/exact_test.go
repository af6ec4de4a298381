package tasks

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"github.com/live-recording/liverecord/integration/lab"
)

// frameTime is how long a picture of tiny lasts.
const frameTime = 40 * time.Millisecond

// clocks are when each picture was sent, and when a reader had it: the server
// got it in between.
type clocks struct {
	mu        sync.Mutex
	sent, got []time.Time
}

// send plays the pictures of m in real time and notes when.
func (c *clocks) send(pub *lab.RTSPClient, m *lab.Media) error {
	start := time.Now()
	for i := range m.Samples {
		x := &m.Samples[i]
		time.Sleep(time.Until(start.Add(time.Duration(x.DTS-m.Samples[0].DTS) * time.Second / 90000)))
		c.mu.Lock()
		c.sent[i] = time.Now()
		c.mu.Unlock()
		if err := pub.Send(x); err != nil {
			return err
		}
	}
	return nil
}

// watch reads the stream as a viewer does and notes when each picture came.
func (c *clocks) watch(t *testing.T, address string, m *lab.Media) {
	t.Helper()
	number := map[string]int{}
	for i := range m.Samples {
		au := m.Samples[i].Data
		number[string(au[len(au)-1])] = i
	}
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatalf("%v", err)
	}
	tcp := gortsplib.TransportTCP
	r := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Transport: &tcp}
	if err := r.Start2(); err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(r.Close)
	desc, _, err := r.Describe(u)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if err := r.SetupAll(desc.BaseURL, desc.Medias); err != nil {
		t.Fatalf("%v", err)
	}
	var f *format.H264
	media := desc.FindFormat(&f)
	d, err := f.CreateDecoder()
	if err != nil {
		t.Fatalf("%v", err)
	}
	r.OnPacketRTP(media, f, func(p *rtp.Packet) {
		at := time.Now()
		au, err := d.Decode(p)
		if err != nil {
			return // more packets are needed
		}
		if i, ok := number[string(au[len(au)-1])]; ok {
			c.mu.Lock()
			c.got[i] = at
			c.mu.Unlock()
		}
	})
	if _, err := r.Play(nil); err != nil {
		t.Fatalf("%v", err)
	}
}

// lag is the longest that a picture was on its way.
func (c *clocks) lag() (most time.Duration) {
	for i := range c.got {
		if !c.got[i].IsZero() {
			most = max(most, c.got[i].Sub(c.sent[i]))
		}
	}
	return most
}

// check compares what was recorded, the pictures first to last, with the window.
// The server's clock decides when a picture arrives, between sent and got. So the
// judgement is exact but for the time that a busy machine takes to hand a picture
// from one program to the next, which is measured.
func (c *clocks) check(t *testing.T, s span, first, last int) {
	t.Helper()
	slack := frameTime + c.lag()
	after := func(what string, at, than time.Time) {
		t.Helper()
		if !at.IsZero() && at.Add(slack).Before(than) {
			t.Errorf("%s: at %s, %s too early", what, at.Format("05.000"), than.Sub(at))
		}
	}
	after("the first picture came to a viewer", c.got[first], s.from)
	if first >= 10 {
		after("the key frame before it, left out although it was sent in the window", s.from, c.sent[first-10])
	}
	after("the last picture, sent behind the end", s.to, c.sent[last])
	if last+1 < len(c.got) {
		after("the picture behind the last, left out although it came in the window", c.got[last+1], s.to)
	}
	ms := func(a, b time.Time) float64 { return float64(a.Sub(b).Microseconds()) / 1000 }
	t.Logf("window %s to %s: key frame before %+.1f ms, first %+.1f ms; last %+.1f ms, next %+.1f ms",
		s.from.Format("05"), s.to.Format("05"), ms(c.sent[max(first-10, 0)], s.from), ms(c.sent[first], s.from),
		ms(c.sent[last], s.to), ms(c.sent[min(last+1, len(c.sent)-1)], s.to))
}

// A task records from the first key frame at or after its start to the last
// picture before its end, by the clock of the server.
func TestStartAndEndToOneFrame(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {both: {mp4: {}, flv: {}}}\n")
	kind := tiny.Long(20)
	kind.Audio = ""
	source := kind.Make(t)
	m := lab.Samples(t, source)
	c := &clocks{sent: make([]time.Time, len(m.Samples)), got: make([]time.Time, len(m.Samples))}
	pub := w.DialRTSP(t, m, "", "live/x")
	done := make(chan error, 1)
	go func() { done <- c.send(pub, m) }()
	w.WaitLog(t, "is publishing to path 'live/x'")
	c.watch(t, w.RTSP("live/x"), m)

	spans := map[string]span{}
	for _, x := range []struct{ wait, length time.Duration }{{2, 3}, {2, 7}, {3, 4}, {4, 1}, {5, 8}, {7, 5}} {
		s := in(x.wait*time.Second, x.length*time.Second)
		spans["task "+w.task("x", s, w.template("both"))] = s
	}
	if err := <-done; err != nil {
		t.Fatalf("%v", err)
	}
	list := w.waitDone("x", len(spans))
	pub.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Logf("a picture was on its way for %s at most", c.lag())
	for _, r := range list {
		files := w.paths(r)
		if len(files) != 2 {
			t.Fatalf("files %v", files)
		}
		first, last := pieceOf(t, source, files[0])
		c.check(t, spans[r.By], first, last)
		if !slices.Equal(hashes(t, files[0]), hashes(t, files[1])) {
			t.Errorf("mp4 and flv differ: %v", files)
		}
	}
}
