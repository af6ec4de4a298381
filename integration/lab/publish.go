package lab

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Push is a running publisher.
type Push struct {
	cmd  *exec.Cmd
	what string
	in   io.Closer
	done chan struct{}
	mu   sync.Mutex
	msg  bytes.Buffer
	err  error
}

// Publish sends a file with ffmpeg, unchanged and in real time, to an address
// of any protocol. args stand before the output.
func (s *Server) Publish(t T, file, address string, args ...string) *Push {
	t.Helper()
	all := []string{"-re", "-i", file, "-map", "0", "-c", "copy"}
	all = append(all, args...)
	return RunFFmpeg(t, append(append(all, muxerFor(address)...), address)...)
}

func muxerFor(address string) []string {
	scheme, _, _ := strings.Cut(address, ":")
	switch scheme {
	case "rtmp", "rtmps":
		return []string{"-f", "flv", "-flvflags", "no_duration_filesize"}
	case "rtsp", "rtsps":
		return []string{"-f", "rtsp", "-rtsp_transport", "tcp"}
	default:
		return []string{"-f", "mpegts"}
	}
}

// RunFFmpeg starts ffmpeg; it is killed when the test ends.
func RunFFmpeg(t T, args ...string) *Push {
	t.Helper()
	needFFmpeg(t)
	args = append([]string{"-nostats", "-v", "error", "-y"}, args...)
	p := &Push{cmd: exec.Command("ffmpeg", args...), what: "ffmpeg " + strings.Join(args, " "), done: make(chan struct{})}
	p.cmd.Stderr = p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatalf("%v", err)
	}
	p.in = in
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", p.what, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended
		<-p.done
	})
	return p
}

// Write implements io.Writer for what ffmpeg prints.
func (p *Push) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.msg.Write(b)
}

// Messages is what ffmpeg printed.
func (p *Push) Messages() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.msg.String()
}

// Wait waits until the publisher has sent everything.
func (p *Push) Wait(t T) {
	t.Helper()
	<-p.done
	if p.err != nil {
		t.Fatalf("%s: %v\n%s", p.what, p.err, p.Messages())
	}
}

// End waits until the publisher has ended, however.
func (p *Push) End() { <-p.done }

// Running tells whether the publisher still sends.
func (p *Push) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Quit ends the publisher as the key q does: it says goodbye.
func (p *Push) Quit(t T) {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGINT) //nolint:errcheck // it may have ended
	select {
	case <-p.done:
	case <-time.After(Patience):
		t.Fatalf("%s: does not end", p.what)
	}
}

// Cut kills the publisher: the connection just ends.
func (p *Push) Cut() {
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-p.done
}
