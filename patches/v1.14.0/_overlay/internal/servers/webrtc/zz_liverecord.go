package webrtc

import "github.com/live-recording/liverecord/patches/source"

var _ source.Describer = (*session)(nil)

// LiveRecordInfo implements source.Describer.
func (s *session) LiveRecordInfo() source.Info {
	i := source.Info{RemoteAddr: s.req.remoteAddr}
	if s.req.httpRequest != nil {
		i.Host = s.req.httpRequest.Host
		if s.req.httpRequest.TLS != nil {
			i.ServerName = s.req.httpRequest.TLS.ServerName
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
