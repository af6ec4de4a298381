package cos_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/internal/store/cos"
	"github.com/live-recording/liverecord/internal/store/storetest"
)

// start runs a COS server for one test and returns the store that uses it.
func start(t *testing.T, o cosserver.Options, change func(*config.Store)) (*cosserver.Server, *cos.Store) {
	t.Helper()
	server, err := cosserver.New(o)
	require.NoError(t, err)
	require.NoError(t, server.Start(""))
	t.Cleanup(func() { server.Close() })
	cfg := config.Store{
		Name: "cos", Type: "cos", Bucket: cosserver.DefaultBucket, Region: cosserver.DefaultRegion,
		Endpoint: server.URL(), SecretID: cosserver.DefaultSecretID, SecretKey: cosserver.DefaultSecretKey,
		StorageClass: "STANDARD", PartSize: 5 << 20, Concurrency: 8,
	}
	if change != nil {
		change(&cfg)
	}
	s, err := cos.New(cfg, cos.Options{Stall: 2 * time.Second, CompleteStall: 3 * time.Second})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return server, s
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode, "%s", body)
	return body
}

func TestSuite(t *testing.T) {
	for name, o := range map[string]cosserver.Options{
		"host":         {PublicRead: true},
		"path":         {PublicRead: true, Path: "/rec-1250000000"},
		"strange path": {PublicRead: true, Path: "/a b/c%d"},
		"token":        {PublicRead: true, Token: "temporary/+="},
		"on disk":      {PublicRead: true, Dir: t.TempDir()},
		"without CRC":  {PublicRead: true, NoCRC: true},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := start(t, o, func(c *config.Store) {
				c.SessionToken = o.Token
				if name == "strange path" {
					c.Endpoint = c.Endpoint[:len(c.Endpoint)-len(o.Path)] + "/a%20b/c%25d"
				}
			})
			storetest.Objects(t, s, fetch)
			storetest.Remote(t, s, storetest.Traits{NoCRC: o.NoCRC})
			require.Empty(t, server.Objects(), "the suite cleans up")
			require.Empty(t, server.OpenUploads(), "no upload is left open")
		})
	}
}
