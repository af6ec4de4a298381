package lab

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// Line is one line of the server's log with the time at which it came.
type Line struct {
	At   time.Time
	Text string
}

// logs collects what a server prints.
type logs struct {
	mu    sync.Mutex
	lines []Line
	rest  []byte
}

// Write implements io.Writer.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		l.lines = append(l.lines, Line{now, string(l.rest[:i])})
		l.rest = l.rest[i+1:]
	}
}

func (l *logs) find(from int, parts []string) (Line, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
next:
	for _, line := range l.lines[min(from, len(l.lines)):] {
		for _, p := range parts {
			if !strings.Contains(line.Text, p) {
				continue next
			}
		}
		return line, true
	}
	return Line{}, false
}

// Log returns the lines that contain all parts.
func (s *Server) Log(parts ...string) []Line { return s.LogAfter(0, parts...) }

// LogAfter returns the lines behind a mark that contain all parts.
func (s *Server) LogAfter(mark int, parts ...string) []Line {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	var out []Line
next:
	for _, line := range s.logs.lines[mark:] {
		for _, p := range parts {
			if !strings.Contains(line.Text, p) {
				continue next
			}
		}
		out = append(out, line)
	}
	return out
}

// Mark is a place in the log for WaitLogAfter.
func (s *Server) Mark() int {
	s.logs.mu.Lock()
	defer s.logs.mu.Unlock()
	return len(s.logs.lines)
}

// WaitLog waits for a line that contains all parts.
func (s *Server) WaitLog(t T, parts ...string) Line {
	t.Helper()
	return s.WaitLogAfter(t, 0, parts...)
}

// WaitLogAfter waits for a line behind a mark that contains all parts.
func (s *Server) WaitLogAfter(t T, mark int, parts ...string) Line {
	t.Helper()
	var line Line
	Eventually(t, "a line in the log with "+strings.Join(parts, " … "), func() (ok bool) {
		line, ok = s.logs.find(mark, parts)
		return ok
	})
	return line
}

// Patience is how long tests wait for what must come. It is far longer than
// anything takes on an idle machine: tests judge what happens, not how fast.
const Patience = 2 * time.Minute

// Eventually waits until the condition holds.
func Eventually(t T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s", Patience, what)
		}
	}
}
