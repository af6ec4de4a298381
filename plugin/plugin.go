// Package plugin is the composition root: it starts, reloads and stops the
// recorder inside its host.
package plugin

import (
	"log/slog"

	"github.com/live-recording/liverecord/hooks"
)

// Options say how the host runs the recorder.
type Options struct {
	ConfigFile string // recording.yml, absolute or relative to the working directory; "" = off
	Logf       func(level slog.Level, msg string)
	Version    string // of the host
}

// Plugin is the running recorder.
type Plugin struct{ o Options }

// Start starts the recorder.
func Start(o Options) (*Plugin, error) { return &Plugin{o: o}, nil }

// Handler returns what the host tells of its publications.
func (p *Plugin) Handler() hooks.Handler { return p }

// Reload is called when the host's configuration changed.
func (p *Plugin) Reload(o Options) { p.o = o }

// Close ends the recorder.
func (p *Plugin) Close() {}

// Online implements hooks.Handler.
func (p *Plugin) Online(*hooks.Publication, hooks.Feed) {}

// Offline implements hooks.Handler.
func (p *Plugin) Offline(*hooks.Publication, string) {}

// Command runs `mediamtx record …`; args are the arguments without the program.
func Command(args []string) (handled bool, exit int) { return false, 0 }
