// Package host is what the bridges of all releases of MediaMTX share: the life
// of the plugin inside the server (Server), one publication (Session) and the
// handle by which the recorder reads it (feed). It is written against three
// methods of a stream, see Reader; all that differs between releases stays in
// patches/<release>/.
//
// With liveRecord empty no Server holds a plugin, Online returns nil, and
// nothing else of ours runs.
package host

import (
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/plugin"
)

// LogFunc writes one line to the log of the host.
type LogFunc func(level slog.Level, msg string)

// Setting is what mediamtx.yml says about us.
type Setting struct {
	ServerFile string // path of mediamtx.yml; empty if there is none
	LiveRecord string // the key liveRecord; empty = off
}

// ConfigFile returns the path of recording.yml: relative to the folder of
// mediamtx.yml and inside it, since the key can also be set through the
// server's API. Empty if the recorder is off.
func (s Setting) ConfigFile() (string, error) {
	if s.LiveRecord == "" {
		return "", nil
	}
	dir := "."
	if s.ServerFile != "" {
		dir = filepath.Dir(s.ServerFile)
	}
	rel := filepath.Clean(s.LiveRecord)
	if !filepath.IsLocal(rel) || rel == "." {
		return "", fmt.Errorf("liveRecord: %q must be a path relative to mediamtx.yml and inside its folder, "+
			"such as config/recording.yml", s.LiveRecord)
	}
	return filepath.Join(dir, rel), nil
}

// Recorder is *plugin.Plugin, as far as it is used here.
type Recorder interface {
	Handler() hooks.Handler
	Reload(plugin.Options)
	Close()
}

// Server holds the plugin for the life of the host. Start, Reload and Close are
// called by the goroutine that owns the host's configuration; Online by the
// goroutines of the paths, at any time.
type Server struct {
	Version string // of the host

	// StartRecorder is plugin.Start, but in tests.
	StartRecorder func(plugin.Options) (Recorder, error)

	logf atomic.Pointer[LogFunc]

	mu       sync.Mutex
	recorder Recorder // nil = off
	handler  hooks.Handler
	sessions map[*Session]struct{}
}

// New returns a Server that is off.
func New(version string) *Server {
	return &Server{
		Version: version,
		StartRecorder: func(o plugin.Options) (Recorder, error) {
			p, err := plugin.Start(o)
			if err != nil {
				return nil, err
			}
			return p, nil
		},
		sessions: make(map[*Session]struct{}),
	}
}

// SetLog says where to log to. The host replaces its logger at a reload.
func (s *Server) SetLog(f LogFunc) { s.logf.Store(&f) }

func (s *Server) log(level slog.Level, msg string) {
	if f := s.logf.Load(); f != nil {
		(*f)(level, msg)
	}
}

// Start starts the plugin, if the setting names a file.
func (s *Server) Start(set Setting) error {
	file, err := set.ConfigFile()
	if err != nil || file == "" {
		return err
	}
	r, err := s.StartRecorder(s.options(file))
	if err != nil {
		return fmt.Errorf("liveRecord: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recorder, s.handler = r, r.Handler()
	return nil
}

// Reload takes over a changed setting. It never fails: an error at this point
// would end the server, so it is logged, and what runs goes on.
func (s *Server) Reload(set Setting) {
	file, err := set.ConfigFile()
	if err != nil {
		s.log(slog.LevelError, err.Error())
		return
	}
	s.mu.Lock()
	r := s.recorder
	s.mu.Unlock()
	switch {
	case file == "":
		s.Close()
	case r != nil:
		r.Reload(s.options(file))
	default:
		if err := s.Start(set); err != nil {
			s.log(slog.LevelError, err.Error())
		}
	}
}

// Close ends what is being recorded and stops the plugin.
func (s *Server) Close() {
	s.mu.Lock()
	r := s.recorder
	s.recorder, s.handler = nil, nil
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	for _, x := range sessions {
		x.Offline("live recording was switched off")
	}
	if r != nil {
		r.Close()
	}
}

func (s *Server) options(file string) plugin.Options {
	return plugin.Options{ConfigFile: file, Logf: s.log, Version: s.Version}
}

// Online tells the recorder of a publication and returns its session; nil if
// the recorder is off, or s is nil. It fills in p.ID and p.Tracks.
func (s *Server) Online(p *hooks.Publication, r Reader) *Session {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	h := s.handler
	if h == nil {
		s.mu.Unlock()
		return nil
	}
	x := newSession(s, h, p, r)
	s.sessions[x] = struct{}{}
	s.mu.Unlock()

	x.online()
	return x
}

func (s *Server) forget(x *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, x)
}

// guard runs f, which is code of the recorder on a goroutine of the host. A bug
// there must not end the server.
func (s *Server) guard(what, path string, f func()) (ok bool) {
	defer func() {
		if e := recover(); e != nil {
			s.log(slog.LevelError, fmt.Sprintf("[path %s] bug in the recorder, %s: %v\n%s", path, what, e, debug.Stack()))
		}
	}()
	f()
	return true
}
