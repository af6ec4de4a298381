package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Task records one stream in a window of time: from Start (inclusive) to End
// (exclusive), by the server's clock.
type Task struct {
	ID                  string
	Domain, App, Stream string
	Start, End          time.Time
	TemplateID          int64 // 0 or unknown = the default recording of tasks
	StreamType          int   // 0 push, 1 mix under its own path; recorded alike
	Created             time.Time
	Stopped             time.Time // zero = never; from then on it records nothing
	Deleted             time.Time // zero = never; see Applies
}

// Over tells whether everything that the task records must be at its end: its
// window has passed or it was stopped. A task that was only deleted isn't over:
// what it records goes on.
func (t *Task) Over(now time.Time) bool { return !t.Stopped.IsZero() || !now.Before(t.End) }

// Applies tells whether a publication that is there now, or begins now, is to
// be recorded by the task if it isn't yet.
func (t *Task) Applies(now time.Time) bool {
	return !now.Before(t.Start) && !t.Over(now) && t.Deleted.IsZero()
}

// TaskKept is how long a task is kept after its end, as in the original.
const TaskKept = 90 * 24 * time.Hour

// Tasks of one class are no longer than 4^class seconds. So the tasks that run at
// a moment began, for each class, within a known time before it: an index finds
// them among any number of waiting and past ones.
const taskClasses = 17 // up to 4^16 s, 136 years

func taskClass(length time.Duration) int {
	class, span := 0, time.Second
	for span < length && class < taskClasses-1 {
		class++
		span *= 4
	}
	return class
}

// classSpans is a table of all classes, for a join.
var classSpans = func() string {
	var rows []string
	span := time.Second
	for class := range taskClasses {
		rows = append(rows, fmt.Sprintf("(%d,%d)", class, span))
		span *= 4
	}
	return "WITH spans(class, span) AS (VALUES " + strings.Join(rows, ",") + ") "
}()

const taskColumns = `t.id, t.domain, t.app, t.stream, t.starts, t.ends, t.template, t.stream_type, t.created, t.stopped, t.deleted`

// InsertTask stores a task. It may not last longer than 136 years from now.
func (t *Tx) InsertTask(k *Task) error {
	opens := k.Start
	if k.Created.After(opens) {
		opens = k.Created
	}
	length := k.End.Sub(opens)
	_, err := t.Exec(`INSERT INTO tasks (id, domain, app, stream, starts, ends, template, stream_type, created, class, opens, closes)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`,
		k.ID, k.Domain, k.App, k.Stream, Nanos(k.Start), Nanos(k.End), k.TemplateID, k.StreamType, Nanos(k.Created),
		taskClass(length), Nanos(opens), Nanos(k.End))
	return err
}

// StopTask ends a task early. A task that is over stays as it is; ErrNotFound.
func (t *Tx) StopTask(id string, now time.Time) error {
	return t.one(`UPDATE tasks SET
		stopped = CASE WHEN closes > ? THEN ? ELSE stopped END,
		opens   = CASE WHEN closes > ? THEN 0 ELSE opens END,
		closes  = CASE WHEN closes > ? THEN ? ELSE closes END
		WHERE id=? AND deleted=0`, Nanos(now), Nanos(now), Nanos(now), Nanos(now), Nanos(now), id)
}

// DeleteTask makes a task count no more for new publications and vanish from
// listings; what it records goes on. ErrNotFound.
func (t *Tx) DeleteTask(id string, now time.Time) error {
	return t.one(`UPDATE tasks SET deleted=?, opens=0, closes = CASE WHEN starts > ? THEN ? ELSE closes END
		WHERE id=? AND deleted=0`, Nanos(now), Nanos(now), Nanos(now), id)
}

// PruneTasks forgets the tasks that were over before a time.
func (t *Tx) PruneTasks(before time.Time) error {
	_, err := t.Exec(`DELETE FROM tasks WHERE closes < ? AND ends < ?`, Nanos(before), Nanos(before))
	return err
}

// TaskByID returns a task, also one that is over or deleted; ErrNotFound.
func TaskByID(ctx context.Context, q Querier, id string) (*Task, error) {
	tasks, err := queryTasks(ctx, q, `SELECT `+taskColumns+` FROM tasks t WHERE t.id=?`, id)
	if err != nil {
		return nil, err
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("task: %w", ErrNotFound)
	}
	return tasks[0], nil
}

// RunningTasks lists the tasks that apply to publications now: see Task.Applies.
// Neither waiting nor past tasks cost it anything.
func RunningTasks(ctx context.Context, q Querier, now time.Time) ([]*Task, error) {
	return TasksBetween(ctx, q, now, now)
}

// TasksBetween lists the tasks that run now or begin until a later time.
func TasksBetween(ctx context.Context, q Querier, now, until time.Time) ([]*Task, error) {
	n := Nanos(now)
	return queryTasks(ctx, q, classSpans+`SELECT `+taskColumns+` FROM spans s CROSS JOIN tasks t
		WHERE t.class=s.class AND t.opens > ? - s.span AND t.opens <= ? AND t.opens > 0 AND t.closes > ?
		ORDER BY t.starts, t.id`, n, Nanos(until), n)
}

// NextTaskChange tells when the next task begins or ends; zero if none does. It
// may name a moment too many, never one too few.
func NextTaskChange(ctx context.Context, q Querier, now time.Time) (time.Time, error) {
	rows, err := q.QueryContext(ctx, `SELECT MIN(opens) FROM tasks WHERE opens > ?
		UNION ALL SELECT MIN(closes) FROM tasks WHERE closes > ?`, Nanos(now), Nanos(now))
	if err != nil {
		return time.Time{}, err
	}
	defer rows.Close()
	var next time.Time
	for rows.Next() {
		var n sql.NullInt64
		if err := rows.Scan(&n); err != nil {
			return time.Time{}, err
		}
		if at := Time(n.Int64); n.Valid && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, rows.Err()
}

// TaskFilter selects tasks for a listing. Tasks lie wholly inside From and To;
// empty names are any.
type TaskFilter struct {
	From, To            time.Time
	Domain, App, Stream string
	After               TaskCursor
	Limit               int
}

// TaskCursor is a place in a listing: behind that task.
type TaskCursor struct {
	Start time.Time
	ID    string
}

// ListTasks lists tasks by start, without deleted ones.
func ListTasks(ctx context.Context, q Querier, f TaskFilter) ([]*Task, error) {
	if f.Limit <= 0 {
		return nil, errors.New("a listing of tasks needs a limit")
	}
	after := Nanos(f.After.Start)
	return queryTasks(ctx, q, `SELECT `+taskColumns+` FROM tasks t
		WHERE t.starts >= ? AND t.starts <= ? AND t.ends <= ? AND t.deleted = 0
		AND (t.starts > ? OR t.starts = ? AND t.id > ?)
		AND (? = '' OR t.domain = ?) AND (? = '' OR t.app = ?) AND (? = '' OR t.stream = ?)
		ORDER BY t.starts, t.id LIMIT ?`,
		max(Nanos(f.From), after), Nanos(f.To), Nanos(f.To), after, after, f.After.ID,
		f.Domain, f.Domain, f.App, f.App, f.Stream, f.Stream, f.Limit)
}

func queryTasks(ctx context.Context, q Querier, query string, args ...any) ([]*Task, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*Task
	for rows.Next() {
		var k Task
		var start, end, created, stopped, deleted int64
		if err := rows.Scan(&k.ID, &k.Domain, &k.App, &k.Stream, &start, &end, &k.TemplateID, &k.StreamType,
			&created, &stopped, &deleted); err != nil {
			return nil, err
		}
		k.Start, k.End, k.Created = Time(start), Time(end), Time(created)
		k.Stopped, k.Deleted = Time(stopped), Time(deleted)
		out = append(out, &k)
	}
	return out, rows.Err()
}
