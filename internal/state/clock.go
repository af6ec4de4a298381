package state

import (
	"context"
	"time"
)

// ClockHigh is the newest time that was believed, of all runs; zero = none yet.
func ClockHigh(ctx context.Context, q Querier) (time.Time, error) {
	rows, err := q.QueryContext(ctx, `SELECT high FROM clock WHERE id=1`)
	if err != nil {
		return time.Time{}, err
	}
	defer rows.Close()
	var high time.Time
	for rows.Next() {
		if err := rows.Scan(nanoScanner{&high}); err != nil {
			return time.Time{}, err
		}
	}
	return high, rows.Err()
}

// SetClockHigh notes the newest time that is believed.
func (t *Tx) SetClockHigh(high time.Time) error {
	_, err := t.Exec(`INSERT INTO clock (id, high) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET high=excluded.high`, Nanos(high))
	return err
}

// ExpiredFiles lists stored files whose time is over, the oldest first.
// The plus keeps SQLite from walking all stored files by their state: few expire.
func ExpiredFiles(ctx context.Context, q Querier, now time.Time, limit int) ([]*FileRow, error) {
	return Files(ctx, q, `WHERE +state=? AND expires>0 AND expires<=? ORDER BY expires LIMIT ?`,
		string(FileStored), Nanos(now), limit)
}

// StartExpiry gives files that were stored while the clock was in doubt the time
// of their deletion, at most limit of them. It returns how many.
func (t *Tx) StartExpiry(now time.Time, limit int) (int64, error) {
	res, err := t.Exec(`UPDATE files SET expires = ? - expires WHERE id IN
		(SELECT id FROM files WHERE expires<0 AND +state=? LIMIT ?)`, Nanos(now), string(FileStored), limit)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// ExpiringFiles lists stored files that are to be deleted after a time, by id from
// behind `behind` on.
func ExpiringFiles(ctx context.Context, q Querier, after time.Time, behind int64, limit int) ([]*FileRow, error) {
	return Files(ctx, q, `WHERE +state=? AND expires>? AND id>? ORDER BY id LIMIT ?`, string(FileStored), Nanos(after), behind, limit)
}

// SetExpiry changes when a stored file is deleted.
func (t *Tx) SetExpiry(id int64, at time.Time) error {
	_, err := t.Exec(`UPDATE files SET expires=? WHERE id=? AND state=?`, Nanos(at), id, string(FileStored))
	return err
}
