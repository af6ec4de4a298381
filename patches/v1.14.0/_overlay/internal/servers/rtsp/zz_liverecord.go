package rtsp

import (
	"github.com/bluenviron/gortsplib/v4"

	"github.com/live-recording/liverecord/patches/source"
)

type liveRecordState = source.State

var _ source.Describer = (*session)(nil)

// liveRecordAnnounce notes the host of the ANNOUNCE URL.
func (s *session) liveRecordAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) {
	if ctx.Request != nil && ctx.Request.URL != nil {
		s.liveRecord.Host = ctx.Request.URL.Host
	}
}

// LiveRecordInfo implements source.Describer.
func (s *session) LiveRecordInfo() source.Info {
	return source.Info{
		RemoteAddr: s.remoteAddr().String(),
		Host:       s.liveRecord.Host,
		ServerName: source.ServerName(s.rconn.NetConn()),
	}
}

// LiveRecordReason implements source.Describer.
func (s *session) LiveRecordReason() string {
	return s.liveRecord.Ended(false)
}
