package bridge

import (
	"log/slog"

	"github.com/bluenviron/mediamtx/internal/conf"
	"github.com/bluenviron/mediamtx/internal/defs"
	"github.com/bluenviron/mediamtx/internal/logger"
	"github.com/bluenviron/mediamtx/internal/stream"

	"github.com/live-recording/liverecord/patches/host"
)

// Path is what a path tells when its source goes online.
type Path struct {
	Name   string
	Query  string // of the publisher
	Conf   *conf.Path
	Source defs.Source
	Stream *stream.Stream
	Log    logger.Writer
}

// Online tells the recorder of a publication; nil if the recorder is off. It
// is called before the publisher gets its sub-stream, so that no unit is missed.
func Online(s *host.Server, p Path) *host.Session {
	if s == nil || p.Stream == nil {
		return nil
	}
	pub := host.Publisher{
		Path:   p.Name,
		Query:  p.Query,
		Source: p.Source,
	}
	if p.Conf != nil {
		pub.HostRecords = p.Conf.Record
	}
	if p.Source != nil {
		if d := p.Source.APISourceDescribe(); d != nil {
			pub.Type, pub.ID = string(d.Type), d.ID
		}
	}
	return s.Online(pub.Publication(), &Reader{Stream: p.Stream, Parent: p.Log})
}

// Log writes the recorder's lines to the logger of the server.
func Log(l logger.Writer) host.LogFunc {
	return func(level slog.Level, msg string) {
		l.Log(logLevel(level), "[liveRecord] %s", msg)
	}
}

func logLevel(l slog.Level) logger.Level {
	switch {
	case l < slog.LevelInfo:
		return logger.Debug
	case l < slog.LevelWarn:
		return logger.Info
	case l < slog.LevelError:
		return logger.Warn
	default:
		return logger.Error
	}
}
