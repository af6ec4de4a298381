package moq

import "github.com/live-recording/liverecord/patches/source"

type liveRecordState = source.State

var _ source.Describer = (*session)(nil)

// LiveRecordInfo implements source.Describer.
func (s *session) LiveRecordInfo() source.Info {
	i := source.Info{RemoteAddr: s.conn.RemoteAddr().String()}
	switch c := s.conn.(type) {
	case *connQUIC:
		i.ServerName = c.conn.ConnectionState().TLS.ServerName
	case *connWebTransport:
		i.ServerName = c.session.SessionState().ConnectionState.TLS.ServerName
	}
	return i
}

// LiveRecordReason implements source.Describer.
func (s *session) LiveRecordReason() string {
	return s.liveRecord.Ended(false)
}
