package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

const (
	janitorPause = time.Hour
	pruneStep    = 500 // events in one transaction
	resendStep   = 100 // events in one transaction
)

// Resend queues an event anew for every endpoint that wants it now, also if it was
// delivered before. It works without Run too: a server that runs beside finds it
// within half a minute.
func (n *Notifier) Resend(ctx context.Context, id string) error {
	e, err := state.EventByID(ctx, n.db.Reader(), id)
	if err != nil {
		return err
	}
	endpoints := n.router.Load().match(e)
	if len(endpoints) == 0 {
		return fmt.Errorf("event %s: no endpoint under callbacks wants an event of kind %s for %s/%s/%s",
			id, e.Kind, e.Domain, e.App, e.Stream)
	}
	if err := n.db.Update(ctx, func(tx *state.Tx) error { return tx.RequeueEvent(id, endpoints, time.Now()) }); err != nil {
		return err
	}
	n.Wake()
	return nil
}

// ResendParked queues anew all that was parked until now for an endpoint (by its
// ID), or for all with "". It returns how many deliveries that were.
func (n *Notifier) ResendParked(ctx context.Context, endpoint string) (int, error) {
	now, total := time.Now(), 0
	for {
		list, err := state.ParkedDeliveries(ctx, n.db.Reader(), endpoint, n.router.Load().ids(), resendStep)
		if err != nil || len(list) == 0 {
			return total, err
		}
		err = n.db.Update(ctx, func(tx *state.Tx) error {
			for _, d := range list {
				if err := tx.RequeueEvent(d.Event, []string{d.Endpoint}, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += len(list)
		n.Wake()
	}
}

// janitor keeps the history bounded and lanes moving.
func (n *Notifier) janitor(ctx context.Context) {
	for {
		if err := n.clean(ctx); err != nil && ctx.Err() == nil {
			n.opt.Log.Error("events: the history can't be cleaned", "error", err)
		}
		if !sleep(ctx, janitorPause) {
			return
		}
	}
}

func (n *Notifier) clean(ctx context.Context) error {
	now := time.Now()
	err := n.db.Update(ctx, func(tx *state.Tx) error {
		if _, err := tx.ParkOrphans(n.router.Load().ids(), now.Add(-patience)); err != nil {
			return err
		}
		return tx.CallUpLanes(now)
	})
	for gone := pruneStep; err == nil && gone >= pruneStep && ctx.Err() == nil; {
		err = n.db.Update(ctx, func(tx *state.Tx) (err error) {
			gone, err = tx.PruneEvents(now.Add(-n.opt.History), n.opt.MaxEvents, pruneStep)
			return err
		})
	}
	n.Wake()
	return err
}
