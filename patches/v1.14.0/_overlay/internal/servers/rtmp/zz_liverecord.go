package rtmp

import "github.com/live-recording/liverecord/patches/source"

type liveRecordState = source.State

var _ source.Describer = (*conn)(nil)

// LiveRecordInfo implements source.Describer. This release does not tell who
// the authenticated user is.
func (c *conn) LiveRecordInfo() source.Info {
	i := source.Info{
		RemoteAddr: c.remoteAddr().String(),
		ServerName: source.ServerName(c.nconn),
	}
	if c.rconn != nil && c.rconn.URL != nil {
		i.Host = c.rconn.URL.Host
	}
	return i
}

// LiveRecordReason implements source.Describer.
func (c *conn) LiveRecordReason() string {
	return c.liveRecord.Ended(c.ctx.Err() != nil)
}
