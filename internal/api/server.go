package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

// Options says what a Server works with. DB and Config are needed.
type Options struct {
	DB *state.DB

	// Config returns the current configuration; it is asked in each request.
	Config func() *config.Config

	// Credentials are the pairs that may call, for the life of the server: those
	// of the configuration and the one of EnsureCredentials.
	Credentials []config.Credential

	// URLChecker tells why an address must not become a callback; nil = no reason.
	// Its text is shown to the caller. Without one, only https is allowed.
	URLChecker func(url string) error

	// HostAllowed tells whether a Host header is one of ours; see HostPolicy.
	// Without it any is.
	HostAllowed func(host string) bool

	// Operator serves the command line's actions; without it they are not supported.
	Operator Operator

	// These are called after a change was stored and before it is answered.
	Changed          func() // templates or rules: compile the plan anew
	CallbacksChanged func() // callback templates or rules
	TasksChanged     func() // tasks

	Log *slog.Logger     // nil = slog.Default()
	Now func() time.Time // nil = time.Now
}

// Server is the handler of the API and of what is mounted beside it. It is safe
// for concurrent use, but for Handle.
type Server struct {
	opt     Options
	keys    map[string]string // SecretId → SecretKey
	mux     *http.ServeMux
	limiter limiter
	bodies  bodies
	log     *slog.Logger
	now     func() time.Time
	stats   struct{ requests, errors, authFailures, limited atomic.Uint64 }
}

// Stats counts since the start of the server.
type Stats struct {
	Requests     uint64 // to the API
	Errors       uint64 // of these: answered with an error
	AuthFailures uint64 // of these: for key, time or signature
	Limited      uint64 // of these: failed after too many failures; not among AuthFailures
}

// New makes a server.
func New(opt Options) *Server {
	s := &Server{opt: opt, keys: map[string]string{}, mux: http.NewServeMux(), log: opt.Log, now: opt.Now}
	for _, c := range opt.Credentials {
		if c.SecretID != "" && c.SecretKey != "" {
			s.keys[c.SecretID] = c.SecretKey
		}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, f := range []*func(){&s.opt.Changed, &s.opt.CallbacksChanged, &s.opt.TasksChanged} {
		if *f == nil {
			*f = func() {}
		}
	}
	s.mux.HandleFunc("/{$}", s.serveAPI)
	return s
}

// Handle mounts a handler beside the API, before the server serves: pattern as
// in http.ServeMux, such as "/console/".
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Stats returns the counters.
func (s *Server) Stats() Stats {
	return Stats{s.stats.requests.Load(), s.stats.errors.Load(), s.stats.authFailures.Load(), s.stats.limited.Load()}
}

// ServeHTTP serves the API at "/" and what was mounted.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value
			panic(p)
		}
		s.log.Error("api: panic in a handler", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		panic(http.ErrAbortHandler) // the answer may have begun: break it off
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.opt.HostAllowed != nil && !s.opt.HostAllowed(r.Host) {
		s.refuseHost(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// refuseHost answers a request that a browser was tricked into sending here
// under another site's name.
func (s *Server) refuseHost(w http.ResponseWriter, r *http.Request) {
	const why = "This server is not known under that host name."
	if r.URL.Path == "/" {
		s.answer(w, newRequestID(), nil, Errorf(codeInvalidRequest, why))
		return
	}
	http.Error(w, why, http.StatusMisdirectedRequest)
}

// Operator is what command line and console ask a running server. An error is
// shown if it is an *Error, is ResourceNotFound if it wraps state.ErrNotFound, and
// else is logged.
type Operator interface {
	List(ctx context.Context, q ListQuery) ([]view.Recording, error)
	Show(ctx context.Context, recordingID string) (*view.Recording, error)
	Events(ctx context.Context, q EventsQuery) ([]view.Event, error)
	Resend(ctx context.Context, eventID string) (*view.Resent, error)
	Explain(ctx context.Context, q ExplainQuery) (*view.Explanation, error)

	// Stop ends a recording, or, if the id is empty, all of a stream, also those
	// that wait for their publisher. It returns the ids of those that it ended.
	Stop(ctx context.Context, recordingID string, s plan.Stream) ([]string, error)
}

// ListQuery selects recordings. Empty values are any; Limit is never 0.
type ListQuery struct {
	State               string
	Domain, App, Stream string
	Limit               int
}

// EventsQuery selects events, newest first. Zero values are any; Limit is never 0.
type EventsQuery struct {
	Recording string
	State     string // of the delivery: waiting, delivered, parked
	Limit     int
}

// ExplainQuery asks what would be recorded of a stream.
type ExplainQuery struct{ Domain, App, Stream string }
