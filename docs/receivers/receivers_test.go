package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/notify"
	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

// runReceiver starts a receiver and returns its address.
func runReceiver(t *testing.T, keys string, command ...string) (address string, stop func()) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "CALLBACK_KEY="+keys)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start(), "install %s", command[0])
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), stop
}

// lines are the events in a receiver's file.
func lines(t *testing.T, file string) (out []record) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, l := range bytes.Fields(bytes.ReplaceAll(data, []byte(" "), nil)) {
		var r record
		if json.Unmarshal(l, &r) == nil {
			out = append(out, r)
		}
	}
	return out
}

// sender is the product's own.
func sender(t *testing.T, endpoint notify.Endpoint) (*notify.Notifier, *state.DB) {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	n := notify.New(db, []notify.Endpoint{endpoint}, notify.Options{})
	done := make(chan struct{})
	go func() { defer close(done); n.Run(context.Background()) }()
	t.Cleanup(func() { n.Close(); <-done; db.Close() })
	return n, db
}

func TestReceivers(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "receiver")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	python, err := exec.LookPath("python3")
	require.NoError(t, err, "install python3")
	for name, command := range map[string]func(file string) []string{
		"go":     func(file string) []string { return []string{binary, "-listen", "127.0.0.1:0", "-log", file} },
		"python": func(file string) []string { return []string{python, "receiver.py", "127.0.0.1:0", file} },
	} {
		t.Run(name, func(t *testing.T) { testReceiver(t, command) })
	}
}

func testReceiver(t *testing.T, command func(file string) []string) {
	file := filepath.Join(t.TempDir(), "events.jsonl")
	address, stop := runReceiver(t, "new,old", command(file)...)
	endpoint := notify.Endpoint{URL: "http://" + address + "/", Keys: []string{"newest", "old"}, AllowPrivate: true}
	n, db := sender(t, endpoint)

	// The receiver does not know the newest key yet: X-Signature has the old one
	// too, but sign can't. So it refuses, until the operator gives it the key.
	require.NoError(t, db.Update(context.Background(), func(tx *state.Tx) error { return n.Emit(tx, fileEvent(1)) }))
	waitFor(t, func() bool { return stats(t, n).Failed > 0 })
	require.Empty(t, lines(t, file))
	endpoint.Keys = []string{"new", "old"}
	n.SetEndpoints([]notify.Endpoint{endpoint})
	for i := range int64(20) {
		require.NoError(t, db.Update(context.Background(), func(tx *state.Tx) error { return n.Emit(tx, fileEvent(i+1)) }))
	}
	waitFor(t, func() bool { return stats(t, n).Delivered == 20 })
	got := lines(t, file)
	require.Len(t, got, 20)
	for i, r := range got {
		require.EqualValues(t, i+1, r.Sequence)
		require.Equal(t, fileEvent(int64(i+1)).ID, r.ID)
		require.Contains(t, string(r.Body), fmt.Sprintf(`"video_url":"http://store/%d.mp4"`, i+1))
	}

	// The same event again is answered, and not taken twice; also after a restart.
	require.NoError(t, n.Resend(context.Background(), got[7].ID))
	waitFor(t, func() bool { return stats(t, n).Delivered == 21 })
	stop()
	address, _ = runReceiver(t, "new", command(file)...)
	endpoint.URL = "http://" + address + "/"
	n.SetEndpoints([]notify.Endpoint{endpoint})
	require.NoError(t, n.Resend(context.Background(), got[8].ID))
	waitFor(t, func() bool { return stats(t, n).Delivered == 1 })
	require.Len(t, lines(t, file), 20)

	for _, signature := range []string{"", "t=1,v1=00", fmt.Sprintf("t=%d,v1=%064d", time.Now().Unix(), 0), "t=x"} {
		req, err := http.NewRequest(http.MethodPost, endpoint.URL, strings.NewReader(`{"t":99999999999,"sign":"x"}`))
		require.NoError(t, err)
		req.Header.Set("X-Signature", signature)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	}
	require.Len(t, lines(t, file), 20)
}

func fileEvent(i int64) state.Event {
	return event.File(event.FileFacts{Subject: event.Subject{Recording: 1, Domain: "d", App: "live", Stream: "s"}, File: i,
		Format: "mp4", URL: fmt.Sprintf("http://store/%d.mp4", i), Query: "a=1&token=secret"})
}

func stats(t *testing.T, n *notify.Notifier) notify.EndpointStats {
	t.Helper()
	s, err := n.Snapshot(context.Background())
	require.NoError(t, err)
	return s[0]
}

func waitFor(t *testing.T, f func() bool) {
	t.Helper()
	require.Eventually(t, f, time.Minute, 10*time.Millisecond)
}
