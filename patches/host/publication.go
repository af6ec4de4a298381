package host

import (
	"strings"
	"time"

	"github.com/live-recording/liverecord/hooks"
	"github.com/live-recording/liverecord/patches/source"
)

// Publisher is what a path knows of its source.
type Publisher struct {
	Path        string
	Query       string
	Source      any    // the publisher; implements source.Describer, or not
	Type        string // as in the server's API: rtmpConn, rtspsSession, rtspSource, …
	ID          string // as in the server's API
	HostRecords bool
}

// Publication describes the publisher to the recorder, but for the tracks.
func (p Publisher) Publication() *hooks.Publication {
	pub := &hooks.Publication{
		Path:        p.Path,
		Query:       p.Query,
		Protocol:    Protocol(p.Type),
		SourceID:    p.ID,
		HostRecords: p.HostRecords,
		Started:     time.Now(),
	}
	if d, ok := p.Source.(source.Describer); ok {
		info := d.LiveRecordInfo()
		pub.RemoteAddr = info.RemoteAddr
		pub.Host = info.Host
		pub.User = info.User
		pub.ServerName = info.ServerName
	}
	return pub
}

// Reason returns why the source ended; empty if it can't tell.
func Reason(src any) string {
	if d, ok := src.(source.Describer); ok {
		return d.LiveRecordReason()
	}
	return ""
}

// Protocol maps a source type of the server's API to the name of the protocol:
// rtmpConn → rtmp, rtspsSession → rtsps, webRTCSession → webrtc. A source that
// the server pulls itself (rtspSource, …) is "static".
func Protocol(sourceType string) string {
	if strings.HasSuffix(sourceType, "Source") {
		return "static"
	}
	name := strings.TrimSuffix(strings.TrimSuffix(sourceType, "Conn"), "Session")
	return strings.ToLower(name)
}
