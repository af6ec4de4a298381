package view

import (
	"context"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// Event is an event with its way to the endpoints.
type Event struct {
	ID         string     `json:"id"`
	Recording  string     `json:"recording"`
	Sequence   int64      `json:"sequence"`
	Kind       string     `json:"kind"`
	Type       int        `json:"type"`
	Created    time.Time  `json:"created"`
	Body       string     `json:"body"`
	Deliveries []Delivery `json:"deliveries"`
}

// Delivery is the way of an event to one endpoint.
type Delivery struct {
	Endpoint string    `json:"endpoint"`
	State    string    `json:"state"`
	Attempts int       `json:"attempts"`
	Due      time.Time `json:"due,omitzero"`
	Error    string    `json:"error,omitempty"`
}

// EventFilter chooses events; zero fields choose all.
type EventFilter struct {
	Recording int64
	State     state.DeliveryState // has a delivery in this state
	Limit     int                 // 100 if 0
}

// Events returns events with their deliveries, latest first.
func Events(ctx context.Context, q state.Querier, f EventFilter) ([]Event, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	rows, err := state.Events(ctx, q, `WHERE (recording=? OR ?=0) AND
		(?='' OR EXISTS (SELECT 1 FROM deliveries d WHERE d.event=events.id AND d.state=?))
		ORDER BY created DESC, recording DESC, sequence DESC LIMIT ?`, f.Recording, f.Recording, string(f.State), string(f.State), limit)
	if err != nil {
		return nil, err
	}
	out := make([]Event, 0, len(rows))
	for _, e := range rows {
		v := Event{ID: e.ID, Recording: ID(e.Recording), Sequence: e.Sequence, Kind: string(e.Kind), Type: e.Type,
			Created: e.Created, Body: string(e.Body), Deliveries: []Delivery{}}
		ways, err := state.EventDeliveries(ctx, q, e.ID)
		if err != nil {
			return nil, err
		}
		for _, d := range ways {
			v.Deliveries = append(v.Deliveries, Delivery{Endpoint: d.Endpoint, State: string(d.State), Attempts: d.Attempts,
				Due: d.Due, Error: d.Error})
		}
		out = append(out, v)
	}
	return out, nil
}
