package state

import "context"

// Places returns where files grew in the last run: the folder of each local
// store, and under the empty name the spool.
func Places(ctx context.Context, q Querier) (map[string]string, error) {
	places := map[string]string{}
	err := pairs(ctx, q, func(store, dir string) { places[store] = dir }, `SELECT store, dir FROM places`)
	return places, err
}

// SetPlaces notes where files grow.
func (t *Tx) SetPlaces(places map[string]string) error {
	if _, err := t.Exec(`DELETE FROM places`); err != nil {
		return err
	}
	for store, dir := range places {
		if _, err := t.Exec(`INSERT INTO places (store, dir) VALUES (?,?)`, store, dir); err != nil {
			return err
		}
	}
	return nil
}

// SpoolFiles names the spool files that are on their way to each store.
func SpoolFiles(ctx context.Context, q Querier) (map[string][]string, error) {
	files := map[string][]string{}
	err := pairs(ctx, q, func(store, name string) { files[store] = append(files[store], name) },
		`SELECT store, spool FROM files WHERE spool<>'' AND state IN (?,?,?,?)`,
		string(FileOpen), string(FileWaiting), string(FileEnded), string(FileParked))
	return files, err
}

func pairs(ctx context.Context, q Querier, yield func(a, b string), query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return err
		}
		yield(a, b)
	}
	return rows.Err()
}
