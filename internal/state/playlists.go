package state

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// FileObject returns the object that a file has now: a playlist gets another key
// if what is not ours has the first one.
func (t *Tx) FileObject(id int64) (object string, err error) {
	err = t.QueryRow(`SELECT object FROM files WHERE id=?`, id).Scan(&object)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("file %d: %w", id, ErrNotFound)
	}
	return object, err
}

// ClaimList notes that the keys of a playlist are its own from now on. object is
// its object, perhaps another one than before; pieces below the folder `from`
// move below the folder `to`. Nothing of it may be in the store yet.
func (t *Tx) ClaimList(id int64, object, from, to string) error {
	if err := t.one(`UPDATE files SET object=?, claimed=1 WHERE id=?`, object, id); err != nil || from == to {
		return err
	}
	rows, err := t.Query(`SELECT id, object FROM files WHERE parent=?`, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	moved := map[int64]string{}
	for rows.Next() {
		var piece int64
		var at string
		if err := rows.Scan(&piece, &at); err != nil {
			return err
		}
		if rest, ok := strings.CutPrefix(at, from+"/"); ok {
			moved[piece] = to + "/" + rest
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for piece, at := range moved {
		if err := t.one(`UPDATE files SET object=? WHERE id=?`, at, piece); err != nil {
			return err
		}
	}
	return nil
}
