package moq

import (
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
