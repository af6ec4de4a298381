package state

import "context"

// RecordingCount is how many recordings are in a state.
type RecordingCount struct {
	State RecordingState
	N     int64
}

// FileCount is how many files of a store are in a state, and their bytes.
type FileCount struct {
	Store string
	State FileState
	N     int64
	Bytes int64
}

// DeliveryCount is how many notifications to an endpoint are in a state.
type DeliveryCount struct {
	Endpoint string
	State    DeliveryState
	N        int64
}

// RecordingCounts counts the recordings that are not done.
func RecordingCounts(ctx context.Context, q Querier) ([]RecordingCount, error) {
	return counted(ctx, q, func(c *RecordingCount) []any { return []any{&c.State, &c.N} },
		`SELECT state, COUNT(*) FROM recordings WHERE state<>? GROUP BY state`, string(Done))
}

// FileCounts counts the files whose way is not over.
func FileCounts(ctx context.Context, q Querier) ([]FileCount, error) {
	return counted(ctx, q, func(c *FileCount) []any { return []any{&c.Store, &c.State, &c.N, &c.Bytes} },
		`SELECT store, state, COUNT(*), SUM(size) FROM files WHERE state NOT IN (?,?,?) GROUP BY store, state`,
		string(FileStored), string(FileExpired), string(FileLost))
}

// DeliveryCounts counts the notifications that are kept.
func DeliveryCounts(ctx context.Context, q Querier) ([]DeliveryCount, error) {
	return counted(ctx, q, func(c *DeliveryCount) []any { return []any{&c.Endpoint, &c.State, &c.N} },
		`SELECT endpoint, state, COUNT(*) FROM deliveries GROUP BY endpoint, state`)
}

// ParkedFiles counts the files that wait for a person.
func ParkedFiles(ctx context.Context, q Querier) (int64, error) {
	rows, err := counted(ctx, q, func(n *int64) []any { return []any{n} }, `SELECT COUNT(*) FROM files WHERE state=?`, string(FileParked))
	if err != nil {
		return 0, err
	}
	return rows[0], nil
}

// counted reads the rows of a query into values with the given columns.
func counted[T any](ctx context.Context, q Querier, columns func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		var v T
		if err := rows.Scan(columns(&v)...); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
