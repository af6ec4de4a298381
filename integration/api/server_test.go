package api

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/api"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

const (
	secretID  = "AKIDEXAMPLE"
	secretKey = "only-for-tests"
)

// fixture is a server of its own on a free port, and what it would record.
type fixture struct {
	t    *testing.T
	addr string
	db   *state.DB
	c    *config.Config

	ahead atomic.Int64 // by how much its clock is wrong, ns
}

func serve(t *testing.T) *fixture {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	f := &fixture{t: t, db: db, c: &config.Config{
		DefaultDomain: "default", DefaultApp: "live", DefaultStore: "local",
		API: config.API{Address: "127.0.0.1:0"},
		Stores: map[string]config.Store{
			"local": {Name: "local", Type: "local"},
			"cos":   {Name: "cos", Type: "cos", Bucket: "rec-1250000000", Region: "ap-guangzhou"},
		},
		Templates: []config.Template{{Name: "yaml", Line: 3, Formats: []config.Format{{Name: config.MP4, Store: "local", Path: config.DefaultPath}}}},
		Rules:     []config.Rule{{Domain: "yaml.example.com", Template: "yaml", Line: 5}},
		Callbacks: []config.Callback{{URL: "https://ops.example.com/x", Events: []string{"file"}, Domain: "yaml.example.com", App: "live"}},
		Limits:    config.Limits{Templates: 4, Rules: 2},
	}}
	s := api.New(api.Options{DB: db, Config: func() *config.Config { return f.c }, HostAllowed: api.HostPolicy(f.c),
		Credentials: []config.Credential{{SecretID: secretID, SecretKey: secretKey}},
		Now:         func() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) },
		Log:         slog.New(slog.DiscardHandler)})
	l, err := api.Listen(f.c.API, s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	f.addr = l.Addr.(*net.TCPAddr).String()
	t.Cleanup(func() {
		require.NoError(t, l.Close(context.Background()))
		require.NoError(t, db.Close())
	})
	return f
}

// table is what would be recorded now.
func (f *fixture) table() *plan.Table {
	f.t.Helper()
	d, warnings, err := api.Dynamic(context.Background(), f.db, f.c)
	require.NoError(f.t, err)
	require.Empty(f.t, warnings)
	t, _ := plan.Compile(f.c, d)
	return t
}
