package state

import "context"

// Place is where files of a store grow. Paths are absolute.
type Place struct {
	Dir  string // of a local store; empty: a remote one
	Grow string // the folder of growing files
}

// Places returns where files of each store grew when it was last used.
func Places(ctx context.Context, q Querier) (map[string]Place, error) {
	rows, err := q.QueryContext(ctx, `SELECT store, dir, grow FROM places`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	places := map[string]Place{}
	for rows.Next() {
		var store string
		var p Place
		if err := rows.Scan(&store, &p.Dir, &p.Grow); err != nil {
			return nil, err
		}
		places[store] = p
	}
	return places, rows.Err()
}

// SetPlaces notes where files grow. What is known of other stores stays.
func (t *Tx) SetPlaces(places map[string]Place) error {
	for store, p := range places {
		if _, err := t.Exec(`INSERT INTO places (store, dir, grow) VALUES (?,?,?)
			ON CONFLICT (store) DO UPDATE SET dir=excluded.dir, grow=excluded.grow`, store, p.Dir, p.Grow); err != nil {
			return err
		}
	}
	return nil
}

// SpoolFiles names the spool files that are on their way to each store.
func SpoolFiles(ctx context.Context, q Querier) (map[string][]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT store, spool FROM files WHERE spool<>'' AND state IN (?,?,?,?)`,
		string(FileOpen), string(FileWaiting), string(FileEnded), string(FileParked))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	files := map[string][]string{}
	for rows.Next() {
		var store, name string
		if err := rows.Scan(&store, &name); err != nil {
			return nil, err
		}
		files[store] = append(files[store], name)
	}
	return files, rows.Err()
}
