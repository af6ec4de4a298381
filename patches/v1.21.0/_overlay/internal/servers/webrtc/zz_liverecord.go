package webrtc

import "github.com/live-recording/liverecord/patches/source"

var _ source.Describer = (*session)(nil)

// LiveRecordInfo implements source.Describer.
func (s *session) LiveRecordInfo() source.Info {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	i := source.Info{RemoteAddr: s.remoteAddr, User: s.user}
	if s.httpRequest != nil {
		i.Host = s.httpRequest.Host
		if s.httpRequest.TLS != nil {
			i.ServerName = s.httpRequest.TLS.ServerName
		}
	}
	return i
}

// LiveRecordReason implements source.Describer. The session's context ends by
// the DELETE request of the publisher, by the API or by another publisher.
func (s *session) LiveRecordReason() string {
	if s.ctx.Err() != nil {
		return "the session was closed"
	}
	return "the peer connection was closed or lost"
}
