package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// TemplateRow is a template that the API made. Its body belongs to package api.
type TemplateRow struct {
	ID      int64
	Name    string
	Body    json.RawMessage
	Created time.Time
	Updated time.Time
}

// templateTable names a table of templates and the table of rules that use them.
type templateTable struct{ kind, table, rules string }

var (
	recordTemplates   = templateTable{"template", "api_templates", "api_rules"}
	callbackTemplates = templateTable{"callback", "callback_templates", "callback_rules"}
)

// InsertTemplate stores a template under a new id, which it sets: 1, 2, 3 …
func (t *Tx) InsertTemplate(r *TemplateRow) error { return t.insertTemplate(recordTemplates, r) }

// UpdateTemplate writes name, body and time of update; ErrNotFound.
func (t *Tx) UpdateTemplate(r *TemplateRow) error { return t.updateTemplate(recordTemplates, r) }

// DeleteTemplate removes a template; ErrNotFound.
func (t *Tx) DeleteTemplate(id int64) error { return t.deleteTemplate(recordTemplates, id) }

// TemplateUses counts the rules that name a template.
func (t *Tx) TemplateUses(id int64) (int, error) { return t.templateUses(recordTemplates, id) }

// Templates lists the templates that the API made, by id.
func Templates(ctx context.Context, q Querier) ([]*TemplateRow, error) {
	return listTemplates(ctx, q, recordTemplates, "ORDER BY id")
}

// TemplateByID returns one template; ErrNotFound.
func TemplateByID(ctx context.Context, q Querier, id int64) (*TemplateRow, error) {
	return templateByID(ctx, q, recordTemplates, id)
}

// CountTemplates counts the templates that the API made.
func (t *Tx) CountTemplates() (int, error) { return t.count(recordTemplates.table) }

func (t *Tx) insertTemplate(x templateTable, r *TemplateRow) (err error) {
	if r.ID, err = t.nextID(x.kind); err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO `+x.table+` (id, name, body, created, updated) VALUES (?,?,?,?,?)`,
		r.ID, r.Name, string(r.Body), Nanos(r.Created), Nanos(r.Updated))
	return err
}

func (t *Tx) updateTemplate(x templateTable, r *TemplateRow) error {
	return t.one(`UPDATE `+x.table+` SET name=?, body=?, updated=? WHERE id=?`, r.Name, string(r.Body), Nanos(r.Updated), r.ID)
}

func (t *Tx) deleteTemplate(x templateTable, id int64) error {
	return t.one(`DELETE FROM `+x.table+` WHERE id=?`, id)
}

func (t *Tx) templateUses(x templateTable, id int64) (n int, err error) {
	err = t.QueryRow(`SELECT COUNT(*) FROM `+x.rules+` WHERE template=?`, id).Scan(&n)
	return n, err
}

func (t *Tx) count(table string) (n int, err error) {
	err = t.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n)
	return n, err
}

// nextID counts up; an id is never given twice, also after its row was deleted.
func (t *Tx) nextID(kind string) (id int64, err error) {
	err = t.QueryRow(`SELECT last FROM api_ids WHERE kind=?`, kind).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = t.Exec(`INSERT INTO api_ids (kind, last) VALUES (?, 1)`, kind)
		return 1, err
	}
	if err != nil {
		return 0, err
	}
	_, err = t.Exec(`UPDATE api_ids SET last=? WHERE kind=?`, id+1, kind)
	return id + 1, err
}

func templateByID(ctx context.Context, q Querier, x templateTable, id int64) (*TemplateRow, error) {
	rows, err := listTemplates(ctx, q, x, "WHERE id=?", id)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("template %d: %w", id, ErrNotFound)
	}
	return rows[0], nil
}

func listTemplates(ctx context.Context, q Querier, x templateTable, tail string, args ...any) ([]*TemplateRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, name, body, created, updated FROM `+x.table+` `+tail, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []*TemplateRow
	for rows.Next() {
		var r TemplateRow
		var body string
		var created, updated int64
		if err := rows.Scan(&r.ID, &r.Name, &body, &created, &updated); err != nil {
			return nil, err
		}
		r.Body, r.Created, r.Updated = json.RawMessage(body), Time(created), Time(updated)
		out = append(out, &r)
	}
	return out, rows.Err()
}
