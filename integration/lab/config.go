package lab

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/live-recording/liverecord/integration/cosserver"
)

// RecordAll records MP4 of everything; the default of Options.Recording.
const RecordAll = `templates: {all: {mp4: {}}}
rules: [{template: all}]
`

func (s *Server) writeConfig(t T) {
	t.Helper()
	s.write(t, "mediamtx.yml", s.hostConfig(t))
	if !s.o.Off {
		text := s.o.Recording
		if text == "" {
			text = RecordAll
		}
		s.SetRecording(t, text)
	}
}

// SetRecording writes recording.yml: text, and what keeps servers of several
// tests apart. A running server takes it over within a second.
func (s *Server) SetRecording(t T, text string) {
	t.Helper()
	s.write(t, "config/recording.yml", s.common()+text)
}

// common are the keys of recording.yml that the laboratory sets.
func (s *Server) common() string {
	var b strings.Builder
	address := ""
	if s.o.API {
		address = fmt.Sprintf("127.0.0.1:%d", s.record)
	}
	fmt.Fprintf(&b, "api: {address: %q}\n", address)
	fmt.Fprintf(&b, "spool: {dir: data/spool, %s}\n", cmp.Or(s.o.Spool, "maxSize: 20GB, minFree: 10MB"))
	b.WriteString("stores:\n  local: {type: local, dir: data/recordings}\n")
	if s.o.COS != nil {
		fmt.Fprintf(&b, "  cos: {type: cos, bucket: %s, region: %s, endpoint: %q, secretID: %s, secretKey: %s, partSize: 1MB}\n",
			cosserver.DefaultBucket, cosserver.DefaultRegion, s.o.COS.URL(), cosserver.DefaultSecretID, cosserver.DefaultSecretKey)
	}
	b.WriteString(s.o.Stores)
	return b.String()
}

func (s *Server) hostConfig(t T) string {
	t.Helper()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	if !s.o.Off {
		line("liveRecord: config/recording.yml")
	}
	line("logLevel: debug")
	line("api: yes\napiAddress: 127.0.0.1:%d", s.api)
	line("rtsp: yes\nrtspAddress: 127.0.0.1:%d\nrtspTransports: [tcp]", s.rtsp)
	line("rtmp: yes\nrtmpAddress: 127.0.0.1:%d", s.rtmp)
	line("srt: yes\nsrtAddress: 127.0.0.1:%d", s.srt)
	line("hls: no")
	line("webrtc: yes\nwebrtcAddress: 127.0.0.1:%d\nwebrtcLocalUDPAddress: 127.0.0.1:%d", s.webrtc, s.udp)
	line("webrtcIPsFromInterfaces: no\nwebrtcAdditionalHosts: [127.0.0.1]")
	if !strings.Contains(s.o.Release, "v1.14.0") {
		line("moq: no")
	}
	if s.o.TLS {
		cert, key := Certificate(t)
		line("rtspEncryption: \"optional\"\nrtspsAddress: 127.0.0.1:%d\nrtspServerCert: %s\nrtspServerKey: %s", s.rtsps, cert, key)
		line("rtmpEncryption: \"optional\"\nrtmpsAddress: 127.0.0.1:%d\nrtmpServerCert: %s\nrtmpServerKey: %s", s.rtmps, cert, key)
	}
	b.WriteString(s.o.Config)
	line("paths:")
	if s.o.Paths == "" {
		line("  all_others:")
	}
	b.WriteString(s.o.Paths)
	return b.String()
}
