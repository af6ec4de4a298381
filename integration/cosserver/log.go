package cosserver

import (
	"sync"
	"time"
)

// Request is one entry of the log.
type Request struct {
	Start    time.Time
	Took     time.Duration
	Method   string
	Op       string // put, head, get, delete, initiate, part, complete, abort, list-parts, list-uploads, list, tagging, lifecycle
	Key      string
	UploadID string
	Part     int
	Size     int64  // bytes of body that came in
	Status   int    // 0 if the connection was dropped
	Code     string // of the error, "" if there was none
	Fault    string // the kind of the fault that struck, "" if none did
}

// maxLog is how many entries are kept; the oldest go first.
const maxLog = 1 << 20

type requestLog struct {
	tell func(Request)
	mu   sync.Mutex
	list []Request
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	if len(l.list) >= maxLog {
		l.list = append(l.list[:0], l.list[maxLog/2:]...)
	}
	l.list = append(l.list, r)
	l.mu.Unlock()
	if l.tell != nil {
		l.tell(r)
	}
}

// Log returns all requests that ended, in the order of their ends.
func (s *Server) Log() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return append([]Request(nil), s.log.list...)
}

// ClearLog forgets the log.
func (s *Server) ClearLog() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.list = nil
}
