// Package source is what the protocol servers of MediaMTX tell about a
// publisher. Small files inside those packages (patches/<release>/_overlay)
// implement Describer where an unexported field must be read; the bridge asks
// for it. The package imports nothing of the recorder, so that a protocol
// server that imports it stays as light as it was.
package source

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
)

// Info describes a publisher. Host, User and ServerName were typed by a
// stranger.
type Info struct {
	RemoteAddr string // host:port
	Host       string // as typed, may carry a port; empty if the protocol has none
	User       string // authenticated user
	ServerName string // TLS server name
}

// Describer is implemented by the publishers of MediaMTX.
type Describer interface {
	// LiveRecordInfo is called when the publisher goes online, on the
	// goroutine of its path, while the publisher waits for the answer.
	LiveRecordInfo() Info

	// LiveRecordReason is called at the end of the publication. It says why it
	// ended, for people; empty if not known.
	LiveRecordReason() string
}

// State is what a publisher keeps for its description: one field in its
// struct. Host and User are set by the publisher's own goroutine before it
// goes online; the end may be noted at any time.
type State struct {
	Host string
	User string

	reason atomic.Pointer[string]
}

// End notes why the publication ends. The first note counts; nil is ignored.
func (s *State) End(err error) {
	if err == nil {
		return
	}
	r := Reason(err)
	s.reason.CompareAndSwap(nil, &r)
}

// Ended returns the reason that End noted. If none was, and the server itself
// has told the publisher to go (closing), it says that.
func (s *State) Ended(closing bool) string {
	if r := s.reason.Load(); r != nil {
		return *r
	}
	if closing {
		return reasonServer
	}
	return ""
}

const (
	reasonPublisher = "the publisher closed the connection"
	reasonSilence   = "nothing was received for too long (readTimeout)"
	reasonServer    = "closed by the server"
)

// Reason words the error that ended a publication.
func Reason(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded), strings.HasSuffix(err.Error(), "timeout"):
		return reasonSilence
	case errors.Is(err, net.ErrClosed), err.Error() == "terminated":
		return reasonServer
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.HasPrefix(err.Error(), "torn down by "):
		return reasonPublisher
	}
	return err.Error()
}

// ServerName returns the TLS server name of a connection; empty if it isn't a
// TLS connection, or one that is wrapped.
func ServerName(conn net.Conn) string {
	c, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return ""
	}
	return c.ConnectionState().ServerName
}

// SRTHost returns the host of an SRT stream id in the standard syntax
// (#!::h=host,r=path,m=publish; SRT Access Control, "General Syntax").
func SRTHost(streamID string) string {
	rest, ok := strings.CutPrefix(streamID, "#!::")
	if !ok {
		return ""
	}
	for kv := range strings.SplitSeq(rest, ",") {
		if v, ok := strings.CutPrefix(kv, "h="); ok {
			return v
		}
	}
	return ""
}
