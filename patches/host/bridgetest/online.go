package bridgetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/patches/host"
	"github.com/live-recording/liverecord/patches/source"
	"github.com/live-recording/liverecord/plugin"
)

// Describer is what a Described source says of itself.
type Describer struct{}

// LiveRecordInfo implements source.Describer.
func (Describer) LiveRecordInfo() source.Info {
	return source.Info{RemoteAddr: "192.0.2.1:4", Host: "push.example.com:1935", User: "anna"}
}

// LiveRecordReason implements source.Describer.
func (Describer) LiveRecordReason() string { return "done" }

// Recorder takes the place of the plugin: it notes all that it is told, and
// attaches itself to each publication.
type Recorder struct {
	Pubs []*hooks.Publication
	Ends []string

	mu    sync.Mutex
	units []hooks.Unit
}

// Handler implements host.Recorder.
func (r *Recorder) Handler() hooks.Handler { return r }

// Reload implements host.Recorder.
func (r *Recorder) Reload(plugin.Options) {}

// Close implements host.Recorder.
func (r *Recorder) Close() {}

// Online implements hooks.Handler.
func (r *Recorder) Online(p *hooks.Publication, f hooks.Feed) {
	r.Pubs = append(r.Pubs, p)
	f.Attach(r)
}

// Offline implements hooks.Handler.
func (r *Recorder) Offline(_ *hooks.Publication, reason string) { r.Ends = append(r.Ends, reason) }

// WriteUnit implements hooks.Sink.
func (r *Recorder) WriteUnit(u hooks.Unit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.units = append(r.units, u)
}

// Units returns what came so far.
func (r *Recorder) Units() []hooks.Unit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.units)
}

// Server returns a server with this recorder.
func (r *Recorder) Server(t *testing.T) *host.Server {
	t.Helper()
	s := host.New("v0")
	s.StartRecorder = func(plugin.Options) (host.Recorder, error) { return r, nil }
	if err := s.Start(host.Setting{LiveRecord: "recording.yml"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func online(t *testing.T, d Driver) {
	rec := &Recorder{}
	s := d.Open(t, 512, d.Media[Opus].Format)
	session := d.Online(rec.Server(t), s, Path{Name: "live/a", Query: "k=v", Record: true}, Described)
	for i := range 300 {
		s.Write(0, int64(i), d.Media[OpusUnit].Payload)
	}
	session.Offline("done")
	if units := rec.Units(); len(units) != 300 || units[299].PTS != 299 {
		t.Errorf("%d units before the end, want 300", len(units))
	}
	s.Write(0, 300, d.Media[OpusUnit].Payload)
	p := rec.Pubs[0]
	if p.Path != "live/a" || p.Query != "k=v" || p.Protocol != "rtmps" || p.SourceID != "7" || !p.HostRecords ||
		p.Host != "push.example.com:1935" || p.RemoteAddr != "192.0.2.1:4" || p.User != "anna" || p.ID == "" || len(p.Tracks) != 1 {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(rec.Ends, []string{"done"}) {
		t.Errorf("ends %q", rec.Ends)
	}
}

func onlineWithLittle(t *testing.T, d Driver) {
	rec := &Recorder{}
	srv := rec.Server(t)
	s := d.Open(t, 8, d.Media[Opus].Format)
	for _, source := range []Source{None, Silent} {
		d.Online(srv, s, Path{Name: "a"}, source).Offline("")
	}
	if len(rec.Pubs) != 2 {
		t.Errorf("%d publications", len(rec.Pubs))
	}
	if d.Online(srv, nil, Path{Name: "a"}, None) != nil || d.Online(nil, s, Path{}, None) != nil || d.Online(host.New(""), s, Path{}, None) != nil {
		t.Error("a session of nothing")
	}
}
