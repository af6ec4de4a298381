package moq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"

	"github.com/bluenviron/mediamtx/internal/protocols/moq"

	"github.com/live-recording/liverecord/patches/source"
)

type liveRecordState = source.State

var _ source.Describer = (*session)(nil)

// LiveRecordInfo implements source.Describer.
func (s *session) LiveRecordInfo() source.Info {
	i := source.Info{RemoteAddr: s.conn.RemoteAddr().String()}
	switch c := s.conn.(type) {
	case *moq.ConnQUIC:
		i.ServerName = c.Conn.ConnectionState().TLS.ServerName
	case *moq.ConnWebTransport:
		i.ServerName = c.Session.SessionState().ConnectionState.TLS.ServerName
	}
	return i
}

// LiveRecordReason implements source.Describer.
func (s *session) LiveRecordReason() string {
	return s.liveRecord.Ended(false)
}

// liveRecordEnd notes why the session ends. When a connection is lost, each of
// its streams fails, and err is of the first; the connection knows the cause.
func (s *session) liveRecordEnd(err error) {
	var ctx context.Context
	switch c := s.conn.(type) {
	case *moq.ConnQUIC:
		ctx = c.Conn.Context()
	case *moq.ConnWebTransport:
		ctx = c.Session.Context()
	}
	cause := err
	if ctx != nil {
		if e := context.Cause(ctx); e != nil && !errors.Is(e, context.Canceled) && !liveRecordLocal(e) {
			cause = e
		}
	}
	s.liveRecord.End(liveRecordReason(cause))
}

// liveRecordLocal tells that this side closed the connection, after an error.
func liveRecordLocal(err error) bool {
	var app *quic.ApplicationError
	return errors.As(err, &app) && !app.Remote
}

// liveRecordReason translates the errors of QUIC and WebTransport, whoever
// closed: all of QUIC's unwrap to net.ErrClosed, which is the server's own
// closing elsewhere.
func liveRecordReason(err error) error {
	var (
		app  *quic.ApplicationError
		idle *quic.IdleTimeoutError
		wt   *webtransport.SessionError
	)
	switch {
	case errors.As(err, &wt) && wt.Remote:
		return liveRecordPublisher(wt.Message)
	case errors.As(err, &app) && app.Remote:
		return liveRecordPublisher(app.ErrorMessage)
	case errors.As(err, &idle):
		return os.ErrDeadlineExceeded
	case err != nil && strings.HasPrefix(err.Error(), "PUBLISH ") && strings.HasSuffix(err.Error(), " stream closed"):
		return io.EOF // the publisher ended a track, or all
	case errors.Is(err, net.ErrClosed) && !liveRecordLocal(err):
		return errors.New(err.Error())
	}
	return err
}

func liveRecordPublisher(message string) error {
	if message == "" {
		return io.EOF
	}
	return fmt.Errorf("the publisher closed the connection: %s", message)
}
