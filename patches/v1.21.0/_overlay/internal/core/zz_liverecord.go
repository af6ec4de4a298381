package core

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/bluenviron/mediamtx/internal/conf"
	"github.com/bluenviron/mediamtx/internal/defs"
	"github.com/bluenviron/mediamtx/internal/logger"
	"github.com/bluenviron/mediamtx/liverecord/bridge"

	"github.com/live-recording/liverecord/patches/host"
)

type (
	liveRecordServer  = host.Server
	liveRecordSession = host.Session
)

// startLiveRecord starts the recorder, or tells it that the configuration
// changed. An error is returned at the start only: at a reload it would end the
// server.
func (p *Core) startLiveRecord(initial bool) error {
	if p.liveRecord == nil {
		p.liveRecord = host.New(string(version))
	}
	p.liveRecord.SetLog(bridge.Log(p.logger))
	set := host.Setting{ServerFile: p.confPath, LiveRecord: p.conf.Load().LiveRecord}
	if initial {
		return p.liveRecord.Start(set)
	}
	p.liveRecord.Reload(set)
	return nil
}

// closeLiveRecord stops the recorder with the server, after all paths have gone
// offline.
func (p *Core) closeLiveRecord(newConf *conf.Conf) {
	if newConf == nil && p.liveRecord != nil {
		p.liveRecord.Close()
	}
}

// liveRecordOnline is called when the source is set and has not got its
// sub-stream yet.
func (pa *path) liveRecordOnline(source defs.Source, query string) {
	pm, ok := pa.parent.(*pathManager)
	if !ok {
		return
	}
	p, ok := pm.parent.(*Core)
	if !ok {
		return
	}
	pa.liveRecord.Offline("")
	pa.liveRecord = bridge.Online(p.liveRecord, bridge.Path{
		Name:   pa.name,
		Query:  query,
		Conf:   pa.conf,
		Source: source,
		Stream: pa.stream,
		Log:    pa,
	})
}

// liveRecordOffline is called while the stream is still open.
func (pa *path) liveRecordOffline() {
	if pa.liveRecord != nil {
		pa.liveRecord.Offline(host.Reason(pa.source))
		pa.liveRecord = nil
	}
}

// liveRecordHelp adds our command to what --help prints.
func liveRecordHelp() kong.Option {
	return kong.Help(func(o kong.HelpOptions, ctx *kong.Context) error {
		if err := kong.DefaultHelpPrinter(o, ctx); err != nil {
			return err
		}
		_, err := fmt.Fprint(ctx.Stdout, host.Help+host.HelpUpgrade)
		return err
	})
}

// liveRecordNoUpgrade ends the process: --upgrade would replace the server by
// one that records nothing.
func liveRecordNoUpgrade() {
	fmt.Fprint(os.Stderr, host.NoUpgrade)
	os.Exit(1)
}

type liveRecordSilent struct{}

func (liveRecordSilent) Log(logger.Level, string, ...any) {}

// liveRecordValidate checks recording.yml with --validate-conf.
func liveRecordValidate(confPath string) bool {
	c, _, err := conf.Load(confPath, nil, liveRecordSilent{}) // its warnings were printed before
	if err != nil {
		return false
	}
	return host.Setting{ServerFile: confPath, LiveRecord: c.LiveRecord}.Validate(os.Stdout)
}
