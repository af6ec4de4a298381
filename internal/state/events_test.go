package state

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func addEvent(t *testing.T, db *DB, e Event, endpoints ...string) {
	t.Helper()
	if e.Kind == "" {
		e.Kind, e.Type = EventFile, 100
	}
	if e.Body == nil {
		e.Body = []byte(`{"a":1}`)
	}
	require.NoError(t, db.Update(context.Background(), func(tx *Tx) error { return tx.AddEvent(e, endpoints...) }))
}

func settle(t *testing.T, db *DB, d Delivery) {
	t.Helper()
	require.NoError(t, db.Update(context.Background(), func(tx *Tx) error { return tx.SettleDelivery(d) }))
}

func lanes(t *testing.T, db *DB, endpoint string, now time.Time) []int64 {
	t.Helper()
	got, err := DueLanes(context.Background(), db.Reader(), endpoint, now, now.Add(2*time.Hour), 10)
	require.NoError(t, err)
	return got
}

func TestEventRoundTripSequenceAndIdentity(t *testing.T) {
	db, ctx := open(t), context.Background()
	e := Event{ID: "one", Recording: 5, Kind: EventAbnormal, Type: 341, Level: "error", Domain: "d", App: "a", Stream: "s",
		Body: []byte(`{"x":"é&"}`), Created: time.Unix(3, 4)}
	addEvent(t, db, e, "a", "b", "a")
	again := e
	again.Body = []byte(`{"other":1}`)
	addEvent(t, db, again, "c")
	addEvent(t, db, Event{ID: "two", Recording: 5})
	addEvent(t, db, Event{Recording: 6})
	e.Sequence = 1
	got, err := EventByID(ctx, db.Reader(), "one")
	require.NoError(t, err)
	require.Equal(t, &e, got)
	two, err := EventByID(ctx, db.Reader(), "two")
	require.NoError(t, err)
	require.EqualValues(t, 2, two.Sequence)
	ds, err := EventDeliveries(ctx, db.Reader(), "one")
	require.NoError(t, err)
	require.Len(t, ds, 2)
	random, err := Events(ctx, db.Reader(), "WHERE recording=6")
	require.NoError(t, err)
	require.Regexp(t, `^[0-9a-f]{32}$`, random[0].ID)

	for _, bad := range []Event{{Kind: "x", Body: []byte(`{}`)}, {Kind: EventFile, Body: []byte(`[]`)}, {Kind: EventFile, Body: []byte(`{`)}} {
		require.Error(t, db.Update(ctx, func(tx *Tx) error { return tx.AddEvent(bad) }))
	}
}

func TestEventGoesWithItsFact(t *testing.T) {
	db, ctx := open(t), context.Background()
	bad := errors.New("bad")
	require.ErrorIs(t, db.Update(ctx, func(tx *Tx) error {
		if err := tx.AddEvent(Event{Kind: EventFile, Body: []byte(`{}`)}, "a"); err != nil {
			return err
		}
		return bad
	}), bad)
	all, err := Events(ctx, db.Reader(), "")
	require.NoError(t, err)
	require.Empty(t, all)
	require.Empty(t, lanes(t, db, "a", time.Now()))
}

// Only the head of a lane is ever due, whatever happens in which order.
func TestLaneKeepsOrder(t *testing.T) {
	db, ctx := open(t), context.Background()
	for i := range 3 {
		addEvent(t, db, Event{ID: fmt.Sprint("x", i), Recording: 1}, "a")
	}
	addEvent(t, db, Event{ID: "y", Recording: 2}, "a", "b")
	now := time.Now()
	require.Equal(t, []int64{1, 2}, lanes(t, db, "a", now))
	require.Equal(t, []int64{2}, lanes(t, db, "b", now))

	lane, err := Lane(ctx, db.Reader(), "a", 1, 10)
	require.NoError(t, err)
	require.Len(t, lane, 3)
	require.Equal(t, "x0", lane[0].Event.ID)
	require.False(t, lane[0].Delivery.Due.IsZero())
	require.True(t, lane[1].Delivery.Due.IsZero())

	d := lane[0].Delivery // fails
	d.Attempts, d.Status, d.Error, d.Tried, d.Due = 1, 500, "answered 500", now, now.Add(time.Minute)
	settle(t, db, d)
	require.Equal(t, []int64{2}, lanes(t, db, "a", now), "what is behind x0 waits with it")
	due, err := NextDue(ctx, db.Reader(), "a", now)
	require.NoError(t, err)
	require.True(t, due.Equal(d.Due))

	d.State, d.Tried = DeliveryDelivered, now.Add(time.Minute)
	settle(t, db, d)
	require.Equal(t, []int64{2, 1}, lanes(t, db, "a", now.Add(time.Minute)))

	// x0 is asked for again while x1 is under way, and x1 fails.
	require.NoError(t, db.Update(ctx, func(tx *Tx) error { return tx.RequeueEvent("x0", []string{"a"}, now) }))
	x1 := lane[1].Delivery
	x1.Attempts, x1.Due = 1, now
	settle(t, db, x1)
	lane, err = Lane(ctx, db.Reader(), "a", 1, 10)
	require.NoError(t, err)
	require.Len(t, lane, 3)
	require.Equal(t, "x0", lane[0].Event.ID)
	require.Zero(t, lane[0].Delivery.Attempts)
	require.True(t, lane[1].Delivery.Due.IsZero(), "x1 waits behind x0 again")
	for i := range lane {
		require.Contains(t, lanes(t, db, "a", now.Add(time.Hour)), int64(1))
		lane[i].Delivery.State, lane[i].Delivery.Tried = DeliveryParked, now
		settle(t, db, lane[i].Delivery)
	}
	require.Equal(t, []int64{2}, lanes(t, db, "a", now.Add(time.Hour)))
	q, err := EndpointQueues(ctx, db.Reader())
	require.NoError(t, err)
	require.Len(t, q, 2)
	require.Equal(t, 1, q[0].Waiting)
	require.Equal(t, 3, q[0].Parked)
	require.False(t, q[0].Oldest.IsZero())
}

func TestOrphansAreParkedAndTheirLanesMove(t *testing.T) {
	db, ctx := open(t), context.Background()
	addEvent(t, db, Event{ID: "old", Recording: 1}, "gone", "here")
	middle := time.Now()
	addEvent(t, db, Event{ID: "new", Recording: 1}, "gone", "here")
	require.NoError(t, db.Update(ctx, func(tx *Tx) error {
		n, err := tx.ParkOrphans([]string{"here"}, middle)
		require.Equal(t, 1, n)
		return errors.Join(err, tx.CallUpLanes(middle))
	}))
	lane, err := Lane(ctx, db.Reader(), "gone", 1, 10)
	require.NoError(t, err)
	require.Len(t, lane, 1)
	require.Equal(t, "new", lane[0].Event.ID)
	require.True(t, lane[0].Delivery.Due.Equal(middle))
	parked, err := ParkedDeliveries(ctx, db.Reader(), "", []string{"gone", "here"}, 10)
	require.NoError(t, err)
	require.Len(t, parked, 1)
	parked, err = ParkedDeliveries(ctx, db.Reader(), "", nil, 10)
	require.NoError(t, err)
	require.Empty(t, parked)
}

func TestPruneKeepsWhatWaitsAndTheCount(t *testing.T) {
	db, ctx := open(t), context.Background()
	live := row(1)
	require.NoError(t, db.Update(ctx, func(tx *Tx) error { return tx.InsertRecording(live) }))
	old := time.Unix(1000, 0)
	for i := range 10 {
		addEvent(t, db, Event{Recording: 1, Created: old.Add(time.Duration(i))})
		addEvent(t, db, Event{Recording: 2, Created: old.Add(time.Duration(i))})
	}
	addEvent(t, db, Event{ID: "waits", Recording: 3, Created: old}, "a")
	prune := func(before time.Time, keep int) (n int) {
		require.NoError(t, db.Update(ctx, func(tx *Tx) (err error) { n, err = tx.PruneEvents(before, keep, 100); return err }))
		return n
	}
	require.Zero(t, prune(old, 100))
	require.Equal(t, 6, prune(old, 15), "the oldest beyond the count")
	require.Equal(t, 13, prune(time.Now(), 15), "all but the newest of the live recording, and what waits")
	addEvent(t, db, Event{ID: "next", Recording: 1})
	e, err := EventByID(ctx, db.Reader(), "next")
	require.NoError(t, err)
	require.EqualValues(t, 11, e.Sequence)
	_, err = EventByID(ctx, db.Reader(), "waits")
	require.NoError(t, err)
}

// A delivery that is due later than any pause ends waited on a clock that was
// ahead: it is due. What waits behind another one is not.
func TestDueTooFarIsDue(t *testing.T) {
	db, now := open(t), time.Now()
	for n, due := range []time.Duration{5 * time.Hour, time.Hour} {
		id := string(rune('a' + n))
		addEvent(t, db, Event{ID: id, Recording: int64(n)}, "e")
		addEvent(t, db, Event{ID: id + "2", Recording: int64(n)}, "e")
		settle(t, db, Delivery{Event: id, Endpoint: "e", Recording: int64(n), Sequence: 1, State: DeliveryWaiting, Due: now.Add(due)})
	}
	require.Equal(t, []int64{0}, lanes(t, db, "e", now))
	require.Equal(t, []int64{1, 0}, lanes(t, db, "e", now.Add(5*time.Hour)))
}
