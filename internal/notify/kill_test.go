package notify

import (
	"context"
	"encoding/json"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

const (
	killDir = "NOTIFY_TEST_KILL_DIR" // set in the process that is killed
	killURL = "NOTIFY_TEST_KILL_URL"
	kills   = "NOTIFY_TEST_KILLS" // how often; 15 if unset
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		victim(dir, os.Getenv(killURL))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// victim stores files with their events, and sends them, until it is killed.
func victim(dir, url string) {
	db, err := state.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		panic(err)
	}
	n := New(db, []Endpoint{all(url)}, Options{})
	go n.Run(context.Background())
	for id := time.Now().UnixNano(); ; id++ {
		if err := db.Update(context.Background(), func(tx *state.Tx) error { return storeFile(tx, n, id) }); err != nil {
			panic(err)
		}
		if id%3 == 0 {
			time.Sleep(time.Duration(rand.Intn(30)) * time.Millisecond) //nolint:gosec // a test
		}
	}
}

// storeFile writes a fact and its event.
func storeFile(tx *state.Tx, n *Notifier, id int64) error {
	recording := id%7 + 1
	f := &state.FileRow{ID: id, Recording: recording, Format: "mp4", Store: "s", Object: strconv.FormatInt(id, 10), State: state.FileStored}
	if err := tx.InsertFile(f); err != nil {
		return err
	}
	s := subject(recording)
	s.Recording = recording
	return n.Emit(tx, event.File(event.FileFacts{Subject: s, File: id, Format: "mp4", URL: f.Object}))
}

// collecting is a receiver that now and then fails after it took an event.
func collecting(t *testing.T) (*receiver, *httptest.Server) {
	v := newReceiver(func(_ string, nth int, w http.ResponseWriter, _ *http.Request) bool {
		if nth == 1 && rand.Intn(20) == 0 { //nolint:gosec // a test
			w.WriteHeader(500)
		}
		return true
	})
	srv := httptest.NewServer(v)
	t.Cleanup(srv.Close)
	return v, srv
}

func TestKilledAtAnyInstantFactsAndEventsAreTheSameSet(t *testing.T) {
	times := 15
	if s := os.Getenv(kills); s != "" {
		var err error
		times, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	v, srv := collecting(t)
	dir := t.TempDir()
	for range times {
		cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
		cmd.Env = append(os.Environ(), killDir+"="+dir, killURL+"="+srv.URL)
		cmd.Stderr = os.Stderr
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(30+rand.Intn(250)) * time.Millisecond) //nolint:gosec // a test
		require.NoError(t, cmd.Process.Kill())
		require.EqualError(t, cmd.Wait(), "signal: killed")
	}

	db, err := state.Open(filepath.Join(dir, "state.db"))
	require.NoError(t, err)
	defer db.Close()
	files, err := state.Files(context.Background(), db.Reader(), "")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	run(t, New(db, []Endpoint{all(srv.URL)}, Options{}))
	require.Eventually(t, func() bool { return v.taken() == len(files) }, time.Minute, 20*time.Millisecond,
		"%d files", len(files))
	t.Logf("%d kills, %d files", times, len(files))
	v.requireAll(t, len(files))
	facts, told := map[string]bool{}, map[string]bool{}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range files {
		facts[f.Object] = true
	}
	for _, b := range v.bodies {
		var m struct {
			URL string `json:"video_url"`
		}
		require.NoError(t, json.Unmarshal([]byte(b), &m))
		told[m.URL] = true
	}
	require.Equal(t, facts, told)
}
