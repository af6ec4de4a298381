package lab

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/live-recording/liverecord/integration/cosserver"
)

// Options of a server.
type Options struct {
	// Release names the binary: "" = bin/mediamtx, else e.g. "mediamtx-v1.14.0".
	Release string
	// Recording is the text of recording.yml; templates and rules by default
	// record MP4 of everything. What it says of stores, state, spool and the API
	// is added, see config.go.
	Recording string
	// Spool are the keys of the spool besides dir; "" = maxSize: 20GB, minFree: 10MB.
	Spool string
	// Stores are more lines below `stores:`.
	Stores string
	// COS adds the store "cos".
	COS *cosserver.Server
	// Off leaves liveRecord empty.
	Off bool
	// API is the listener of the recorder's API and console.
	API bool
	// Config are more lines of mediamtx.yml; Paths are the lines below `paths:`.
	Config, Paths string
	// TLS adds listeners for RTSPS and RTMPS.
	TLS bool
	// Env are more variables of the environment, NAME=value.
	Env []string
	// Dir is the working directory; "" = a new one.
	Dir string
}

// Server is a running (or stopped) server and its folder.
type Server struct {
	Dir string // working directory: data/ is below it
	o   Options

	rtsp, rtmp, srt, webrtc, api, record, rtsps, rtmps, udp int

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	logs logs
}

// Start starts a server and waits until it listens. It is stopped when the
// test ends.
func Start(t T, o Options) *Server {
	t.Helper()
	s := &Server{Dir: o.Dir, o: o}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	for _, p := range []*int{&s.rtsp, &s.rtmp, &s.srt, &s.webrtc, &s.api, &s.record, &s.rtsps, &s.rtmps, &s.udp} {
		*p = freePort(t)
	}
	s.writeConfig(t)
	t.Cleanup(func() {
		s.end(syscall.SIGKILL)
		if t.Failed() {
			s.print(t)
		}
	})
	s.Run(t)
	return s
}

func (s *Server) print(t T) {
	var b strings.Builder
	for _, l := range s.Log(" ") {
		if !strings.HasPrefix(l.Text, "20") { // bodies of HTTP messages
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", l.At.Format("05.000"), l.Text)
	}
	t.Logf("log of the server:\n%s", b.String())
}

// Run starts the process (again) and waits until it listens.
func (s *Server) Run(t T) {
	t.Helper()
	s.Spawn(t)
	Eventually(t, "the server to listen", func() bool {
		if !s.Running() {
			t.Fatalf("the server has ended")
		}
		return s.Listening()
	})
}

// Spawn starts the process (again) and does not wait.
func (s *Server) Spawn(t T) {
	t.Helper()
	name := s.o.Release
	if name == "" {
		name = "mediamtx"
	}
	s.cmd = exec.Command(Binary(t, name), "mediamtx.yml")
	s.cmd.Dir = s.Dir
	s.cmd.Stdout, s.cmd.Stderr = &s.logs, &s.logs
	s.cmd.Env = append(os.Environ(), s.o.Env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting the server: %v", err)
	}
	s.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) {
		cmd.Wait() //nolint:errcheck // how it ended stands in its log
		close(done)
	}(s.cmd, s.done)
}

// Listening tells whether the server answers.
func (s *Server) Listening() bool {
	r, err := http.Get(s.hostAPI("paths/list"))
	if err != nil {
		return false
	}
	r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// Running tells whether the process lives.
func (s *Server) Running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// PID is the process id of the server.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop asks the server to end and waits for it.
func (s *Server) Stop(t T) {
	t.Helper()
	if !s.end(syscall.SIGTERM) {
		t.Fatalf("the server did not end")
	}
}

// Kill ends the server without a warning.
func (s *Server) Kill(t T) {
	t.Helper()
	if !s.end(syscall.SIGKILL) {
		t.Fatalf("the server did not die")
	}
}

// Signal sends a signal to the server.
func (s *Server) Signal(sig os.Signal) error { return s.cmd.Process.Signal(sig) }

func (s *Server) end(sig syscall.Signal) bool {
	if s.cmd == nil || s.done == nil {
		return true
	}
	s.cmd.Process.Signal(sig) //nolint:errcheck // it may have ended already
	select {
	case <-s.done:
		return true
	case <-time.After(Patience):
		return false
	}
}

func (s *Server) write(t T, name, text string) {
	t.Helper()
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatalf("%v", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("%v", err)
	}
}
