package state

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A lane is the queue of one recording's events to one endpoint. The rule that
// every function here keeps: of the waiting deliveries of a lane the one with
// the lowest sequence has a due time, the others have none (never). So "what is
// due" is one index range, however much waits behind.

// queueDelivery puts e at the end of its lane.
func (t *Tx) queueDelivery(e *Event, endpoint string, now time.Time) error {
	held, err := t.held(endpoint, e.Recording, e.Sequence)
	if err != nil {
		return err
	}
	due := now.UnixNano()
	if held {
		due = never
	}
	_, err = t.Exec(`INSERT INTO deliveries (event, endpoint, recording, sequence, state, queued, due) VALUES (?,?,?,?,?,?,?)
		ON CONFLICT (event, endpoint) DO UPDATE SET state=excluded.state, queued=excluded.queued, due=excluded.due, attempts=0, refused=0`,
		e.ID, endpoint, e.Recording, e.Sequence, string(DeliveryWaiting), now.UnixNano(), due)
	return err
}

// held tells whether an earlier event of the lane waits.
func (t *Tx) held(endpoint string, recording, sequence int64) (bool, error) {
	var n int
	err := t.QueryRow(`SELECT 1 FROM deliveries WHERE endpoint=? AND recording=? AND state=? AND sequence<? LIMIT 1`,
		endpoint, recording, string(DeliveryWaiting), sequence).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return n > 0, err
}

// SettleDelivery writes the outcome of an attempt: state, attempts, refused,
// due, tried, status and error. What waits behind a delivery that is over is
// called up. A delivery that was pruned meanwhile is no error.
func (t *Tx) SettleDelivery(d Delivery) error {
	due := Nanos(d.Due)
	if d.State == DeliveryWaiting {
		held, err := t.held(d.Endpoint, d.Recording, d.Sequence)
		if err != nil {
			return err
		}
		if held { // something earlier was asked for again meanwhile
			due = never
		}
	}
	_, err := t.Exec(`UPDATE deliveries SET state=?, attempts=?, refused=?, due=?, tried=?, status=?, error=?
		WHERE event=? AND endpoint=?`,
		string(d.State), d.Attempts, d.Refused, due, Nanos(d.Tried), d.Status, d.Error, d.Event, d.Endpoint)
	if err != nil || d.State == DeliveryWaiting {
		return err
	}
	return t.callUp(d.Endpoint, d.Recording, d.Tried)
}

// callUp gives the first waiting delivery of a lane a due time if it has none.
func (t *Tx) callUp(endpoint string, recording int64, now time.Time) error {
	_, err := t.Exec(`UPDATE deliveries SET due=? WHERE endpoint=? AND recording=? AND state=? AND due=? AND sequence=
		(SELECT MIN(sequence) FROM deliveries WHERE endpoint=? AND recording=? AND state=?)`,
		now.UnixNano(), endpoint, recording, string(DeliveryWaiting), int64(never),
		endpoint, recording, string(DeliveryWaiting))
	return err
}

// RequeueEvent queues a stored event (anew) for the given endpoints, whatever
// became of it before. It keeps the event's place before later ones that wait.
func (t *Tx) RequeueEvent(id string, endpoints []string, now time.Time) error {
	e, err := EventByID(context.Background(), t, id)
	if err != nil {
		return err
	}
	for _, ep := range endpoints {
		if err := t.queueDelivery(e, ep, now); err != nil {
			return err
		}
		if _, err := t.Exec(`UPDATE deliveries SET due=? WHERE endpoint=? AND recording=? AND state=? AND sequence>?`,
			int64(never), ep, e.Recording, string(DeliveryWaiting), e.Sequence); err != nil {
			return err
		}
	}
	return nil
}

// DueLanes returns the recordings whose next event may go to the endpoint now,
// longest due first. A time after far is later than any pause ends: it is of a
// clock that was ahead, and counts as come.
func DueLanes(ctx context.Context, q Querier, endpoint string, now, far time.Time, limit int) ([]int64, error) {
	rows, err := q.QueryContext(ctx, `SELECT recording FROM deliveries WHERE state=? AND endpoint=? AND (due<=? OR due>? AND due<?)
		ORDER BY due LIMIT ?`, string(DeliveryWaiting), endpoint, now.UnixNano(), far.UnixNano(), int64(never), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var r int64
		if err := rows.Scan(&r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// NextDue returns when the next event for the endpoint becomes due after now;
// zero = nothing waits for a time.
func NextDue(ctx context.Context, q Querier, endpoint string, now time.Time) (time.Time, error) {
	rows, err := q.QueryContext(ctx, `SELECT MIN(due) FROM deliveries WHERE state=? AND endpoint=? AND due>?`,
		string(DeliveryWaiting), endpoint, now.UnixNano())
	if err != nil {
		return time.Time{}, err
	}
	defer rows.Close()
	var due time.Time
	for rows.Next() {
		if err := rows.Scan(nanoScanner{&due}); err != nil {
			return time.Time{}, err
		}
	}
	return due, rows.Err()
}

// Outgoing is an event with its delivery to one endpoint.
type Outgoing struct {
	Event    Event
	Delivery Delivery
}

// Lane returns the first waiting events of a lane in their order.
func Lane(ctx context.Context, q Querier, endpoint string, recording int64, limit int) ([]Outgoing, error) {
	rows, err := q.QueryContext(ctx, `SELECT e.id, e.recording, e.sequence, e.kind, e.type, e.level, e.domain, e.app, e.stream,
		e.body, e.created, d.event, d.endpoint, d.recording, d.sequence, d.state, d.attempts, d.refused, d.queued, d.due, d.tried,
		d.status, d.error FROM deliveries d JOIN events e ON e.id=d.event
		WHERE d.endpoint=? AND d.recording=? AND d.state=? ORDER BY d.sequence LIMIT ?`,
		endpoint, recording, string(DeliveryWaiting), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Outgoing
	for rows.Next() {
		var o Outgoing
		if err := rows.Scan(append(o.Event.fields(), o.Delivery.fields()...)...); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// EndpointQueue is how much waits for an endpoint or was parked.
type EndpointQueue struct {
	Endpoint string
	Waiting  int
	Parked   int
	Oldest   time.Time // when the oldest waiting one was queued
}

// EndpointQueues returns the queues of all endpoints for which something waits
// or is parked.
func EndpointQueues(ctx context.Context, q Querier) ([]EndpointQueue, error) {
	rows, err := q.QueryContext(ctx, `SELECT endpoint, SUM(CASE WHEN state=? THEN 1 ELSE 0 END),
		SUM(CASE WHEN state=? THEN 1 ELSE 0 END), MIN(CASE WHEN state=? THEN queued END)
		FROM deliveries WHERE state IN (?,?) GROUP BY endpoint ORDER BY endpoint`,
		string(DeliveryWaiting), string(DeliveryParked), string(DeliveryWaiting), string(DeliveryWaiting), string(DeliveryParked))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []EndpointQueue
	for rows.Next() {
		var e EndpointQueue
		if err := rows.Scan(&e.Endpoint, &e.Waiting, &e.Parked, nanoScanner{&e.Oldest}); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}
