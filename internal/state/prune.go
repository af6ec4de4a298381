package state

import (
	"context"
	"time"
)

// prunable is a finished recording of which nothing is to be done any more: its
// files are stored (or were deleted in time, or lost, which was reported), none is
// to be deleted by `keep`, and no event of it waits.
const prunable = ` r.state='done' AND r.ended>0 AND r.ended<?
	AND NOT EXISTS (SELECT 1 FROM files f WHERE f.recording=r.id AND (f.state NOT IN ('stored','expired','lost') OR f.expires<>0))
	AND NOT EXISTS (SELECT 1 FROM events e JOIN deliveries d ON d.event=e.id WHERE e.recording=r.id AND d.state='waiting')`

// OldRecordings lists recordings that ended before a time and that nothing is to be
// done for, the oldest first.
func OldRecordings(ctx context.Context, q Querier, before time.Time, limit int) ([]int64, error) {
	return numbers(ctx, q, `SELECT r.id FROM recordings r WHERE`+prunable+` ORDER BY r.ended LIMIT ?`, Nanos(before), limit)
}

// PruneRecording forgets a recording that OldRecordings listed: from here on no
// listing shows it. Its files and events follow by PruneRows, some at a time. A
// recording that is not to be pruned any more is left alone.
func (t *Tx) PruneRecording(id int64, before time.Time) error {
	res, err := t.Exec(`DELETE FROM recordings AS r WHERE r.id=? AND`+prunable, id, Nanos(before))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	_, err = t.Exec(`INSERT INTO pruned (recording) VALUES (?) ON CONFLICT DO NOTHING`, id)
	return err
}

// PrunedRecordings lists recordings that are forgotten and still have rows.
func PrunedRecordings(ctx context.Context, q Querier, limit int) ([]int64, error) {
	return numbers(ctx, q, `SELECT recording FROM pruned ORDER BY recording LIMIT ?`, limit)
}

// PruneRows deletes rows of a forgotten recording, at most limit of each kind, and
// tells whether there are more.
func (t *Tx) PruneRows(recording int64, limit int) (more bool, err error) {
	const some = ` IN (SELECT id FROM files WHERE recording=? LIMIT ?)`
	if _, err := t.Exec(`DELETE FROM parts WHERE file`+some, recording, limit); err != nil {
		return false, err
	}
	files, err := t.Exec(`DELETE FROM files WHERE id`+some, recording, limit)
	if err != nil {
		return false, err
	}
	n, err := files.RowsAffected()
	if err != nil {
		return false, err
	}
	events, err := t.deleteEvents(`SELECT id FROM events WHERE recording=? LIMIT ?`, recording, limit)
	if err != nil {
		return false, err
	}
	if n == int64(limit) || events == limit {
		return true, nil
	}
	_, err = t.Exec(`DELETE FROM pruned WHERE recording=?`, recording)
	return false, err
}

func numbers(ctx context.Context, q Querier, query string, args ...any) ([]int64, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
