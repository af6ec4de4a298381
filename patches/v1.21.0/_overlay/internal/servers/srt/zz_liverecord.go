package srt

import "github.com/live-recording/liverecord/patches/source"

type liveRecordState = source.State

var _ source.Describer = (*conn)(nil)

// LiveRecordInfo implements source.Describer.
func (c *conn) LiveRecordInfo() source.Info {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return source.Info{
		RemoteAddr: c.connReq.RemoteAddr().String(),
		Host:       source.SRTHost(c.connReq.StreamId()),
		User:       c.user,
	}
}

// LiveRecordReason implements source.Describer.
func (c *conn) LiveRecordReason() string {
	return c.liveRecord.Ended(c.ctx.Err() != nil)
}
