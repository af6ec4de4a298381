package state

import (
	"context"
	"time"
)

// RuleRow is a rule that the API made. Its key is the triple; an empty app or
// stream means any.
type RuleRow struct {
	ID                  int64
	Domain, App, Stream string
	Template            int64
	Created, Updated    time.Time
}

// InsertRule stores a rule under a new id, which it sets. The triple must be new.
func (t *Tx) InsertRule(r *RuleRow) (err error) {
	if r.ID, err = t.nextID("rule"); err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO api_rules (id, domain, app, stream, template, created, updated) VALUES (?,?,?,?,?,?,?)`,
		r.ID, r.Domain, r.App, r.Stream, r.Template, Nanos(r.Created), Nanos(r.Updated))
	return err
}

// DeleteRule removes the rule of a triple; ErrNotFound.
func (t *Tx) DeleteRule(domain, app, stream string) error {
	return t.one(`DELETE FROM api_rules WHERE domain=? AND app=? AND stream=?`, domain, app, stream)
}

// HasRule tells whether a triple has a rule.
func (t *Tx) HasRule(domain, app, stream string) (bool, error) {
	var n int
	err := t.QueryRow(`SELECT COUNT(*) FROM api_rules WHERE domain=? AND app=? AND stream=?`, domain, app, stream).Scan(&n)
	return n > 0, err
}

// CountRules counts the rules that the API made.
func (t *Tx) CountRules() (int, error) { return t.count("api_rules") }

// Rules lists the rules that the API made, oldest first.
func Rules(ctx context.Context, q Querier) ([]RuleRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, domain, app, stream, template, created, updated FROM api_rules ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []RuleRow
	for rows.Next() {
		var r RuleRow
		var created, updated int64
		if err := rows.Scan(&r.ID, &r.Domain, &r.App, &r.Stream, &r.Template, &created, &updated); err != nil {
			return nil, err
		}
		r.Created, r.Updated = Time(created), Time(updated)
		out = append(out, r)
	}
	return out, rows.Err()
}
