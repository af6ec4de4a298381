package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// RecordingState is where a recording stands; package recorder holds the table
// of transitions.
type RecordingState string

// The states of a recording.
const (
	Recording   RecordingState = "recording"
	Interrupted RecordingState = "interrupted" // waits for the publisher until Deadline
	Finalizing  RecordingState = "finalizing"  // over; its files are not all stored yet
	Done        RecordingState = "done"
)

// RecordingRow is one rule or task applied to one stream.
type RecordingRow struct {
	ID                  int64
	Path                string
	Domain, App, Stream string
	Task                string // TaskId, empty if a rule made it
	Rule                string
	Template            string
	TemplateID          int64
	Plan                json.RawMessage
	State               RecordingState
	Deadline            time.Time
	Started, Ended      time.Time
	Joins               int
	Publication         PublicationInfo
	Reason              string
}

// PublicationInfo is what events and listings tell of the latest publication.
// Secrets in Query are masked before it comes here.
type PublicationInfo struct {
	ID         string `json:"id"`
	Protocol   string `json:"protocol"`
	RemoteAddr string `json:"remoteAddr,omitempty"`
	User       string `json:"user,omitempty"`
	Query      string `json:"query,omitempty"`
}

// ErrNotFound tells that no such row exists.
var ErrNotFound = errors.New("not found")

const recordingColumns = `id, path, domain, app, stream, task, rule, template, template_id, plan, state,
	deadline, started, ended, joins, publication, reason`

// InsertRecording adds a recording.
func (t *Tx) InsertRecording(r *RecordingRow) error {
	pub, err := json.Marshal(r.Publication)
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO recordings (`+recordingColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		r.ID, r.Path, r.Domain, r.App, r.Stream, r.Task, r.Rule, r.Template, r.TemplateID, string(r.Plan), string(r.State),
		Nanos(r.Deadline), Nanos(r.Started), Nanos(r.Ended), r.Joins, string(pub), r.Reason)
	return err
}

// UpdateRecording writes what changes in the life of a recording: state,
// deadline, end, joins, publication and reason.
func (t *Tx) UpdateRecording(r *RecordingRow) error {
	pub, err := json.Marshal(r.Publication)
	if err != nil {
		return err
	}
	return t.one(`UPDATE recordings SET state=?, deadline=?, ended=?, joins=?, publication=?, reason=? WHERE id=?`,
		string(r.State), Nanos(r.Deadline), Nanos(r.Ended), r.Joins, string(pub), r.Reason, r.ID)
}

// SetRecordingDoneIfStored moves a finalizing recording to done when none of
// its files is on the way any more.
func (t *Tx) SetRecordingDoneIfStored(id int64) (done bool, err error) {
	res, err := t.Exec(`UPDATE recordings SET state=? WHERE id=? AND state=? AND NOT EXISTS
		(SELECT 1 FROM files WHERE recording=? AND state IN (?,?,?,?))`,
		string(Done), id, string(Finalizing), id,
		string(FileOpen), string(FileWaiting), string(FileEnded), string(FileParked))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// one runs a statement that must touch exactly one row.
func (t *Tx) one(query string, args ...any) error {
	res, err := t.Exec(query, args...)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return ErrNotFound
}

// Querier is what both a transaction and the read connections offer.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// RecordingByID returns one recording.
func RecordingByID(ctx context.Context, q Querier, id int64) (*RecordingRow, error) {
	rows, err := Recordings(ctx, q, "WHERE id=?", id)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("recording %d: %w", id, ErrNotFound)
	}
	return rows[0], nil
}

// Recordings returns the rows that a constant SQL tail ("WHERE … ORDER BY …") selects.
func Recordings(ctx context.Context, q Querier, tail string, args ...any) ([]*RecordingRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+recordingColumns+` FROM recordings `+tail, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*RecordingRow
	for rows.Next() {
		r, err := scanRecording(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func scanRecording(rows *sql.Rows) (*RecordingRow, error) {
	var r RecordingRow
	var plan, pub string
	var deadline, started, ended int64
	err := rows.Scan(&r.ID, &r.Path, &r.Domain, &r.App, &r.Stream, &r.Task, &r.Rule, &r.Template, &r.TemplateID,
		&plan, (*string)(&r.State), &deadline, &started, &ended, &r.Joins, &pub, &r.Reason)
	if err != nil {
		return nil, err
	}
	r.Plan = json.RawMessage(plan)
	r.Deadline, r.Started, r.Ended = Time(deadline), Time(started), Time(ended)
	if err := json.Unmarshal([]byte(pub), &r.Publication); err != nil {
		return nil, fmt.Errorf("recording %d: publication: %w", r.ID, err)
	}
	return &r, nil
}

// Nanos is the stored form of a time: Unix nanoseconds, 0 for the zero time.
func Nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Time is the inverse of Nanos.
func Time(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
