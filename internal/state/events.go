package state

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// EventKind is what operators choose events by.
type EventKind string

// The kinds of events.
const (
	EventFile     EventKind = "file"
	EventStatus   EventKind = "status"
	EventAbnormal EventKind = "abnormal"
)

// Event is a fact to be told to the operator's endpoints. Once stored it never
// changes.
type Event struct {
	ID        string // X-Event-Id; AddEvent makes a random one if it is empty
	Recording int64  // 0 = of no recording
	Sequence  int64  // 1, 2, 3 … in the recording; AddEvent counts
	Kind      EventKind
	Type      int    // event_type: 100, 332, 341
	Level     string // of abnormal events: info, warning, error
	Domain    string
	App       string
	Stream    string
	Body      []byte    // JSON object without sign and t; secrets are masked
	Created   time.Time // AddEvent takes the current time if it is zero
}

// DeliveryState is where an event's way to one endpoint stands.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting   DeliveryState = "waiting"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryParked    DeliveryState = "parked" // given up until someone asks for it again
)

// Delivery is an event's way to one endpoint.
type Delivery struct {
	Event     string
	Endpoint  string
	Recording int64
	Sequence  int64
	State     DeliveryState
	Attempts  int
	Refused   int // attempts that were answered 4xx
	Queued    time.Time
	Due       time.Time // zero = behind an earlier event of its recording
	Tried     time.Time // the latest attempt, zero = none
	Status    int       // its HTTP status, 0 = no answer
	Error     string    // its failure, empty = none
}

// never is the due time of what waits behind an earlier event of its recording.
const never = math.MaxInt64

const eventColumns = `id, recording, sequence, kind, type, level, domain, app, stream, body, created`

const deliveryColumns = `event, endpoint, recording, sequence, state, attempts, refused, queued, due, tried, status, error`

// AddEvent stores an event and queues it for the given endpoints, in the
// transaction of the fact that it tells. An event whose ID exists already is not
// stored again, which is no error: the step that made it may run twice.
func (t *Tx) AddEvent(e Event, endpoints ...string) error {
	if err := checkEvent(&e); err != nil {
		return err
	}
	if e.ID == "" {
		e.ID = NewEventID()
	}
	var known int
	if err := t.QueryRow(`SELECT COUNT(*) FROM events WHERE id=?`, e.ID).Scan(&known); err != nil || known > 0 {
		return err
	}
	seq, err := t.NextEventSequence(e.Recording)
	if err != nil {
		return err
	}
	e.Sequence = seq
	if e.Created.IsZero() {
		e.Created = time.Now()
	}
	_, err = t.Exec(`INSERT INTO events (`+eventColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?)`,
		e.ID, e.Recording, e.Sequence, string(e.Kind), e.Type, e.Level, e.Domain, e.App, e.Stream, string(e.Body), Nanos(e.Created))
	if err != nil {
		return err
	}
	for _, ep := range endpoints {
		if err := t.queueDelivery(&e, ep, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// NewEventID returns a random id.
func NewEventID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// NextEventSequence is the sequence that the next event of a recording gets.
func (t *Tx) NextEventSequence(recording int64) (int64, error) {
	var n int64
	err := t.QueryRow(`SELECT COALESCE(MAX(sequence), 0) + 1 FROM events WHERE recording=?`, recording).Scan(&n)
	return n, err
}

func checkEvent(e *Event) error {
	switch e.Kind {
	case EventFile, EventStatus, EventAbnormal:
	default:
		return fmt.Errorf("event: unknown kind %q", e.Kind)
	}
	b := bytes.TrimSpace(e.Body)
	if len(b) < 2 || b[0] != '{' || !json.Valid(b) {
		return errors.New("event: the body is no JSON object")
	}
	e.Body = b
	return nil
}

// EventByID returns one event.
func EventByID(ctx context.Context, q Querier, id string) (*Event, error) {
	events, err := Events(ctx, q, "WHERE id=?", id)
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("event %s: %w", id, ErrNotFound)
	}
	return events[0], nil
}

// Events returns the events that a constant SQL tail ("WHERE … ORDER BY … LIMIT")
// selects.
func Events(ctx context.Context, q Querier, tail string, args ...any) ([]*Event, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+eventColumns+` FROM events `+tail, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*Event
	for rows.Next() {
		var e Event
		if err := rows.Scan(e.fields()...); err != nil {
			return nil, err
		}
		out = append(out, &e)
	}
	return out, rows.Err()
}

// fields are the scan targets of eventColumns.
func (e *Event) fields() []any {
	return []any{&e.ID, &e.Recording, &e.Sequence, (*string)(&e.Kind), &e.Type, &e.Level, &e.Domain, &e.App, &e.Stream,
		&e.Body, nanoScanner{&e.Created}}
}

// EventDeliveries returns an event's deliveries in order of their endpoints.
func EventDeliveries(ctx context.Context, q Querier, event string) ([]Delivery, error) {
	return deliveries(ctx, q, `WHERE event=? ORDER BY endpoint`, event)
}

func deliveries(ctx context.Context, q Querier, tail string, args ...any) ([]Delivery, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries `+tail, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Delivery
	for rows.Next() {
		var d Delivery
		if err := rows.Scan(d.fields()...); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// fields are the scan targets of deliveryColumns.
func (d *Delivery) fields() []any {
	return []any{&d.Event, &d.Endpoint, &d.Recording, &d.Sequence, (*string)(&d.State), &d.Attempts, &d.Refused,
		nanoScanner{&d.Queued}, nanoScanner{&d.Due}, nanoScanner{&d.Tried}, &d.Status, &d.Error}
}

// nanoScanner reads a stored time; never becomes the zero time.
type nanoScanner struct{ t *time.Time }

func (s nanoScanner) Scan(v any) error {
	var n sql.NullInt64
	if err := n.Scan(v); err != nil {
		return err
	}
	if n.Int64 == never {
		n.Int64 = 0
	}
	*s.t = Time(n.Int64)
	return nil
}
