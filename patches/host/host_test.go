package host

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/patches/source"
	"github.com/live-recording/liverecord/plugin"
)

func TestConfigFile(t *testing.T) {
	for _, c := range []struct {
		set  Setting
		want string
		err  bool
	}{
		{Setting{"", ""}, "", false},
		{Setting{"mediamtx.yml", "config/recording.yml"}, "config/recording.yml", false},
		{Setting{"/etc/mtx/mediamtx.yml", "./a/../recording.yml"}, "/etc/mtx/recording.yml", false},
		{Setting{"", "recording.yml"}, "recording.yml", false},
		{Setting{"/etc/mtx/mediamtx.yml", "../passwd"}, "", true},
		{Setting{"/etc/mtx/mediamtx.yml", "a/../../passwd"}, "", true},
		{Setting{"/etc/mtx/mediamtx.yml", "/etc/passwd"}, "", true},
		{Setting{"mediamtx.yml", "."}, "", true},
	} {
		got, err := c.set.ConfigFile()
		if got != filepath.FromSlash(c.want) || (err != nil) != c.err {
			t.Errorf("%+v: %q, %v", c.set, got, err)
		}
	}
}

func TestProtocol(t *testing.T) {
	for in, want := range map[string]string{
		"rtmpConn": "rtmp", "rtmpsConn": "rtmps", "rtspSession": "rtsp", "rtspsSession": "rtsps",
		"srtConn": "srt", "webRTCSession": "webrtc", "moqSession": "moq",
		"rtspSource": "static", "rpiCameraSource": "static", "": "",
	} {
		if got := Protocol(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

type describer struct{ source.State }

func (d *describer) LiveRecordInfo() source.Info {
	return source.Info{RemoteAddr: "10.0.0.1:5", Host: "Push.example.com:1935", User: "u", ServerName: "sni"}
}
func (d *describer) LiveRecordReason() string { return d.Ended(false) }

func TestPublication(t *testing.T) {
	d := &describer{}
	p := Publisher{Path: "live/a", Query: "k=v", Source: d, Type: "rtmpConn", ID: "7"}.Publication()
	if p.RemoteAddr != "10.0.0.1:5" || p.Host != "Push.example.com:1935" || p.User != "u" || p.ServerName != "sni" ||
		p.Protocol != "rtmp" || p.Path != "live/a" || p.Query != "k=v" || p.SourceID != "7" || p.Started.IsZero() {
		t.Errorf("%+v", p)
	}
	if p := (Publisher{Path: "x", Source: nil}).Publication(); p.Path != "x" || p.Host != "" {
		t.Errorf("%+v", p)
	}
	if Reason(nil) != "" || Reason(d) != "" {
		t.Error("a reason from nothing")
	}
}

// queue is a Reader with a ring of its own, like a stream's.
type queue struct {
	ch        chan func()
	done      chan struct{}
	discarded atomic.Uint64
	deliver   func(hooks.Unit)
}

func (q *queue) Tracks() []hooks.Track { return []hooks.Track{{Codec: hooks.Opus, ClockRate: 48000}} }

func (q *queue) Start(deliver func(hooks.Unit)) {
	q.deliver = deliver
	q.ch = make(chan func(), 4)
	q.done = make(chan struct{})
	ch, done := q.ch, q.done
	go func() {
		defer close(done)
		for f := range ch {
			if f == nil {
				return
			}
			f()
		}
	}()
}

func (q *queue) Mark(f func()) bool {
	select {
	case q.ch <- f:
		return true
	default:
		return false
	}
}

func (q *queue) push(u hooks.Unit) {
	if !q.Mark(func() { q.deliver(u) }) {
		q.discarded.Add(1)
	}
}

func (q *queue) Stop() {
	for { // what is pending is lost
		select {
		case <-q.ch:
			continue
		default:
		}
		break
	}
	q.ch <- nil
	<-q.done
}

func (q *queue) Discarded() uint64 { return q.discarded.Load() }

// fake is a plugin that attaches a sink to all publications.
type fake struct {
	mu      sync.Mutex
	events  []string
	options []plugin.Options
	closed  int
	onUnit  func(hooks.Unit)
	attach  bool
	panics  bool
	feed    hooks.Feed
}

func (f *fake) note(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, s)
}

func (f *fake) Handler() hooks.Handler  { return f }
func (f *fake) Reload(o plugin.Options) { f.options = append(f.options, o) }
func (f *fake) Close()                  { f.closed++; f.note("close") }

func (f *fake) Online(p *hooks.Publication, feed hooks.Feed) {
	f.note("online " + p.Path)
	f.feed = feed
	if f.panics {
		panic("online")
	}
	if f.attach {
		feed.Attach(f)
	}
}

func (f *fake) Offline(p *hooks.Publication, reason string) {
	f.note("offline " + p.Path + " " + reason)
}
func (f *fake) WriteUnit(u hooks.Unit) { f.onUnit(u) }

func started(t *testing.T, f *fake) *Server {
	t.Helper()
	s := New("v0")
	s.StartRecorder = func(o plugin.Options) (Recorder, error) {
		f.options = append(f.options, o)
		return f, nil
	}
	if err := s.Start(Setting{"mediamtx.yml", "r.yml"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOffMeansNothing(t *testing.T) {
	var none *Server
	if none.Online(&hooks.Publication{}, &queue{}) != nil {
		t.Error("a session without a server")
	}
	s := New("v0")
	s.StartRecorder = func(plugin.Options) (Recorder, error) { t.Error("started"); return nil, nil }
	if err := s.Start(Setting{"mediamtx.yml", ""}); err != nil {
		t.Fatal(err)
	}
	x := s.Online(&hooks.Publication{}, &queue{})
	if x != nil {
		t.Error("a session while off")
	}
	x.Offline("")
	s.Reload(Setting{"mediamtx.yml", ""})
	s.Close()
}

func TestTailIsDeliveredBeforeOffline(t *testing.T) {
	var got []int64
	f := &fake{attach: true}
	f.onUnit = func(u hooks.Unit) { got = append(got, u.PTS) }
	s := started(t, f)
	q := &queue{}
	x := s.Online(&hooks.Publication{Path: "a"}, q)
	gate := make(chan struct{})
	q.Mark(func() { <-gate })
	for i := range 3 {
		q.push(hooks.Unit{PTS: int64(i)})
	}
	go close(gate)
	x.Offline("bye")
	x.Offline("again")
	if !slices.Equal(got, []int64{0, 1, 2}) {
		t.Errorf("units %v", got)
	}
	if want := []string{"online a", "offline a bye"}; !slices.Equal(f.events, want) {
		t.Errorf("events %v", f.events)
	}
	f.feed.Attach(f) // after the end: nothing
	if f.feed.(*feed).running {
		t.Error("attached after the end")
	}
}

func TestStuckSinkHoldsUpTheEndForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{attach: true}
		release := make(chan struct{})
		f.onUnit = func(hooks.Unit) { <-release }
		s := started(t, f)
		q := &queue{}
		x := s.Online(&hooks.Publication{Path: "a"}, q)
		for range 10 {
			q.push(hooks.Unit{})
		}
		drained := make(chan struct{})
		go func() { x.feed.drain(); close(drained) }()
		<-drained
		if f.feed.Discarded() == 0 {
			t.Error("nothing counted as discarded")
		}
		close(release)
		x.Offline("")
	})
}

func TestPanicsStayInTheRecorder(t *testing.T) {
	f := &fake{attach: true}
	var units int
	f.onUnit = func(hooks.Unit) { units++; panic("sink") }
	s := started(t, f)
	var mu sync.Mutex
	var lines []string
	s.SetLog(func(_ slog.Level, msg string) { mu.Lock(); lines = append(lines, msg); mu.Unlock() })
	q := &queue{}
	x := s.Online(&hooks.Publication{Path: "a"}, q)
	q.push(hooks.Unit{})
	q.push(hooks.Unit{})
	x.Offline("")
	f.panics = true
	s.Online(&hooks.Publication{Path: "b"}, &queue{}).Offline("")
	if units != 1 {
		t.Errorf("a broken sink got %d units", units)
	}
	if len(lines) != 2 || !strings.Contains(lines[0], "sink") || !strings.Contains(lines[1], "online") {
		t.Errorf("log: %q", lines)
	}
}

func TestReload(t *testing.T) {
	f := &fake{}
	s := started(t, f)
	x := s.Online(&hooks.Publication{Path: "a"}, &queue{})
	s.Reload(Setting{"mediamtx.yml", "other.yml"})
	s.Reload(Setting{"mediamtx.yml", "../bad.yml"})
	if len(f.options) != 2 || f.options[1].ConfigFile != "other.yml" || f.options[1].Version != "v0" {
		t.Errorf("options %+v", f.options)
	}
	s.Reload(Setting{"mediamtx.yml", ""})
	x.Offline("later")
	want := []string{"online a", "offline a live recording was switched off", "close"}
	if !slices.Equal(f.events, want) {
		t.Errorf("events %v", f.events)
	}
	s.Reload(Setting{"mediamtx.yml", "r.yml"})
	if y := s.Online(&hooks.Publication{Path: "b"}, &queue{}); y == nil {
		t.Error("not started again")
	}
	s.Close()
	if f.closed != 2 {
		t.Errorf("closed %d times", f.closed)
	}
}

func TestDetachAndAttachAgain(t *testing.T) {
	var got []int64
	f := &fake{}
	f.onUnit = func(u hooks.Unit) { got = append(got, u.PTS) }
	s := started(t, f)
	q := &queue{}
	x := s.Online(&hooks.Publication{Path: "a"}, q)
	for i := range 3 {
		f.feed.Attach(f)
		q.push(hooks.Unit{PTS: int64(i)})
		x.feed.drain()
		f.feed.Detach()
		f.feed.Detach()
	}
	x.Offline("")
	if !slices.Equal(got, []int64{0, 1, 2}) {
		t.Errorf("units %v", got)
	}
}
