package plugin

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/live-recording/liverecord/internal/hang"
	"github.com/live-recording/liverecord/internal/notify/event"
	"github.com/live-recording/liverecord/internal/state"
)

const (
	// healthFresh is how old what is shown of the state may be.
	healthFresh = time.Second
	// healthPatience is how long whoever asks for health or metrics waits for a disk.
	healthPatience = 2 * time.Second
)

// health tells what keeps recordings from being made or stored. Whoever asks
// needs no sign-in and may come often: however long the disks hang, at most one
// question is under way.
type health struct {
	house *house
	state *hang.Question[[]string]
}

func newHealth(h *house) *health {
	out := &health{house: h}
	out.state = hang.Ask(out.ofState)
	return out
}

// problems lists what keeps recordings from being made or stored now.
func (h *health) problems() []string {
	out := []string{}
	a, hangs := h.state.Get(healthFresh, healthPatience)
	if hangs > 0 {
		out = append(out, fmt.Sprintf("the state's disk has not answered for %s", hangs.Round(time.Second)))
	}
	if a.Err != nil {
		out = append(out, "the state can't be read: "+a.Err.Error())
	}
	if err := h.house.db.Damage(); err != nil {
		out = append(out, "the state is broken: "+err.Error()+"; restart the server, which sets the file aside")
	}
	return append(append(out, a.Value...), h.house.places.problems()...)
}

// ofState reads what the state and its folder say.
func (h *health) ofState() (out []string, err error) {
	ctx := context.Background() // it could not break off what hangs
	parked, err := state.ParkedFiles(ctx, h.house.db.Reader())
	if err != nil {
		return nil, err
	}
	if parked > 0 {
		out = append(out, fmt.Sprintf("%d files are parked: see `record list`", parked))
	}
	aside, err := state.Aside(h.house.config.Load().State)
	if err != nil {
		return out, err
	}
	for _, name := range aside {
		out = append(out, fmt.Sprintf("the state was broken and began from nothing; the old one is %s: take out of it what you need, "+
			"and move it elsewhere", filepath.Base(name)))
	}
	return out, nil
}

// stateBroke tells that the state is, or was, broken.
func (h *house) stateBroke(err error) {
	if h.db.Damage() != nil {
		h.log.Error("THE STATE IS BROKEN: changes can't be stored; restart the server, which sets the file aside and makes a new one", "error", err)
	}
	h.trouble.Report(event.AbnormalFacts{Type: event.WriteFailed, Level: event.Severe, Desc: "the state is broken: " + err.Error(), Occurs: 1, Time: time.Now()})
}
