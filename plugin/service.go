package plugin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/fileserver"
	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/notify"
	"github.com/live-recording/liverecord/internal/state"
)

// service is what listens at api.address: the API, and what is served beside it.
type service struct {
	house  *house
	api    *api.Server
	listen *api.Listener
}

// linkSecret signs links to recordings. It follows from the pair of the command
// line, so that links stay good over a restart.
func linkSecret(pair config.Credential) []byte {
	m := hmac.New(sha256.New, []byte(pair.SecretKey))
	m.Write([]byte("links to recordings"))
	return m.Sum(nil)
}

// openService starts to listen. Without an address there is no service.
func openService(h *house, c *config.Config) (*service, error) {
	if c.API.Address == "" {
		return nil, nil
	}
	s := &service{house: h}
	s.api = api.New(api.Options{
		DB: h.db, Config: h.config.Load, Credentials: append([]config.Credential{h.pair}, c.API.Credentials...),
		URLChecker: h.checkCallback, HostAllowed: api.HostPolicy(c), Operator: &operator{h},
		Changed: h.rulesChanged, CallbacksChanged: h.setEndpoints, TasksChanged: h.schedule.Changed, Log: h.log,
	})
	s.api.Handle("/healthz", http.HandlerFunc(s.healthz))
	s.api.Handle("/readyz", http.HandlerFunc(s.readyz))
	s.api.Handle("/metrics", h.metrics.Handler())
	s.api.Handle("/recordings/", &fileserver.Handler{Stores: h.places.locals,
		Pairs: append([]config.Credential{h.pair}, c.API.Credentials...), Secret: linkSecret(h.pair)})
	var err error
	if s.listen, err = api.Listen(c.API, s.api, h.log); err != nil {
		return nil, err
	}
	h.log.Info("the API listens", "address", s.listen.Addr.String())
	return s, nil
}

func (s *service) close() {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = s.listen.Close(ctx) // what is broken off was told by its own connection
}

// healthz: the process answers.
func (s *service) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

// readyz: the state can be read, and the disks have room.
func (s *service) readyz(w http.ResponseWriter, _ *http.Request) {
	problems := s.house.health.problems()
	w.Header().Set("Content-Type", "application/json")
	if len(problems) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": problems})
}

// checkCallback refuses callback addresses by which a caller of the API would
// reach what only this server may reach.
func (h *house) checkCallback(url string) error {
	return notify.Endpoint{URL: url, AllowPrivate: notify.NamedHost(h.config.Load().Callbacks, url)}.Check()
}

// setEndpoints tells the notifier where events go: YAML's endpoints and the API's.
func (h *house) setEndpoints() {
	c := h.config.Load()
	endpoints := notify.FromConfig(c.Callbacks)
	a, hangs := h.callbacks.Get(0, statePatience)
	if hangs > 0 {
		a.Err = hang.ErrNoAnswer
	}
	if a.Err != nil {
		h.log.Error("the API's callbacks can't be read; those that were read last are in force", "error", a.Err)
	}
	for _, m := range a.Value {
		e := notify.Endpoint{URL: m.URL, Levels: m.Levels, Domain: m.Domain, App: m.App,
			AllowPrivate: notify.NamedHost(c.Callbacks, m.URL)}
		if m.Key != "" {
			e.Keys = []string{m.Key}
		}
		for _, k := range m.Kinds {
			e.Kinds = append(e.Kinds, state.EventKind(k))
		}
		endpoints = append(endpoints, e)
	}
	h.notifier.SetEndpoints(endpoints)
}

// credentials returns the command line's pair, which lies beside the state.
func credentials(c *config.Config) (config.Credential, error) {
	return api.EnsureCredentials(filepath.Dir(c.State))
}
