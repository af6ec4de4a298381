package state

import (
	"context"
	"strings"
	"time"
)

// ParkedDeliveries returns deliveries that are parked at one of the given
// endpoints, in the order of their recordings; only = one endpoint, "" = all.
func ParkedDeliveries(ctx context.Context, q Querier, only string, endpoints []string, limit int) ([]Delivery, error) {
	in, args := placeholders(endpoints)
	args = append([]any{string(DeliveryParked)}, args...)
	return deliveries(ctx, q, `WHERE state=? AND endpoint IN (`+in+`) AND (endpoint=? OR ?='')
		ORDER BY recording, sequence LIMIT ?`, append(args, only, only, limit)...)
}

// placeholders makes a list for IN; an empty one holds a value that no row has.
func placeholders(values []string) (string, []any) {
	args := []any{""}
	for _, v := range values {
		args = append(args, v)
	}
	return "?" + strings.Repeat(",?", len(values)), args
}

func ids(ctx context.Context, q Querier, query string, args ...any) ([]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// PruneEvents deletes events that nothing waits for any more, at most limit of
// them: those made before `before`, and the oldest beyond keep events. It
// returns how many went. The newest event of a recording that is not done stays,
// because the next one counts on from it.
func (t *Tx) PruneEvents(before time.Time, keep, limit int) (int, error) {
	var total int
	if err := t.QueryRow(`SELECT COUNT(*) FROM events`).Scan(&total); err != nil {
		return 0, err
	}
	const free = ` AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event=e.id AND d.state='waiting')
		AND NOT (EXISTS (SELECT 1 FROM recordings r WHERE r.id=e.recording AND r.state<>'done')
			AND e.sequence=(SELECT MAX(sequence) FROM events m WHERE m.recording=e.recording))
		ORDER BY e.created LIMIT ?`
	gone, err := t.deleteEvents(`SELECT e.id FROM events e WHERE e.created<?`+free, before.UnixNano(), limit)
	if err != nil || total-gone <= keep {
		return gone, err
	}
	more, err := t.deleteEvents(`SELECT e.id FROM events e WHERE 1=1`+free, min(total-gone-keep, limit))
	return gone + more, err
}

func (t *Tx) deleteEvents(query string, args ...any) (int, error) {
	list, err := ids(context.Background(), t, query, args...)
	if err != nil {
		return 0, err
	}
	for _, id := range list {
		if _, err := t.Exec(`DELETE FROM deliveries WHERE event=?`, id); err != nil {
			return 0, err
		}
		if _, err := t.Exec(`DELETE FROM events WHERE id=?`, id); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// ParkOrphans parks what was queued before `before` for endpoints other than
// those given: nobody will ever try it.
func (t *Tx) ParkOrphans(endpoints []string, before time.Time) (int, error) {
	in, args := placeholders(endpoints)
	args = append([]any{string(DeliveryParked), string(DeliveryWaiting), before.UnixNano()}, args...)
	query := `UPDATE deliveries SET state=?, error='the endpoint is no longer configured'
		WHERE state=? AND queued<? AND endpoint NOT IN (` + in + `)`
	res, err := t.Exec(query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// CallUpLanes gives the first waiting delivery of every lane a due time if it has
// none.
func (t *Tx) CallUpLanes(now time.Time) error {
	_, err := t.Exec(`UPDATE deliveries SET due=? WHERE state='waiting' AND due=? AND NOT EXISTS
		(SELECT 1 FROM deliveries p WHERE p.endpoint=deliveries.endpoint AND p.recording=deliveries.recording
			AND p.state='waiting' AND p.sequence<deliveries.sequence)`, now.UnixNano(), int64(never))
	return err
}
