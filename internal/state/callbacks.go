package state

import (
	"context"
	"time"
)

// CallbackRuleRow binds a callback template to a domain and an app.
type CallbackRuleRow struct {
	Domain, App      string
	Template         int64
	Created, Updated time.Time
}

// InsertCallbackTemplate stores a callback template under a new id, which it sets.
func (t *Tx) InsertCallbackTemplate(r *TemplateRow) error {
	return t.insertTemplate(callbackTemplates, r)
}

// UpdateCallbackTemplate writes name, body and time of update; ErrNotFound.
func (t *Tx) UpdateCallbackTemplate(r *TemplateRow) error {
	return t.updateTemplate(callbackTemplates, r)
}

// DeleteCallbackTemplate removes a callback template; ErrNotFound.
func (t *Tx) DeleteCallbackTemplate(id int64) error { return t.deleteTemplate(callbackTemplates, id) }

// CallbackTemplateUses counts the rules that name a callback template.
func (t *Tx) CallbackTemplateUses(id int64) (int, error) {
	return t.templateUses(callbackTemplates, id)
}

// CountCallbackTemplates counts the callback templates that the API made.
func (t *Tx) CountCallbackTemplates() (int, error) { return t.count(callbackTemplates.table) }

// CallbackTemplates lists the callback templates that the API made, by id.
func CallbackTemplates(ctx context.Context, q Querier) ([]*TemplateRow, error) {
	return listTemplates(ctx, q, callbackTemplates, "ORDER BY id")
}

// CallbackTemplateByID returns one callback template; ErrNotFound.
func CallbackTemplateByID(ctx context.Context, q Querier, id int64) (*TemplateRow, error) {
	return templateByID(ctx, q, callbackTemplates, id)
}

// InsertCallbackRule stores a rule. The pair of domain and app must be new.
func (t *Tx) InsertCallbackRule(r CallbackRuleRow) error {
	_, err := t.Exec(`INSERT INTO callback_rules (domain, app, template, created, updated) VALUES (?,?,?,?,?)`,
		r.Domain, r.App, r.Template, Nanos(r.Created), Nanos(r.Updated))
	return err
}

// DeleteCallbackRule removes the rule of a domain and an app; ErrNotFound.
func (t *Tx) DeleteCallbackRule(domain, app string) error {
	return t.one(`DELETE FROM callback_rules WHERE domain=? AND app=?`, domain, app)
}

// HasCallbackRule tells whether a domain and an app have a rule.
func (t *Tx) HasCallbackRule(domain, app string) (bool, error) {
	var n int
	err := t.QueryRow(`SELECT COUNT(*) FROM callback_rules WHERE domain=? AND app=?`, domain, app).Scan(&n)
	return n > 0, err
}

// CountCallbackRules counts the callback rules that the API made.
func (t *Tx) CountCallbackRules() (int, error) { return t.count("callback_rules") }

// CallbackRules lists the callback rules that the API made, by domain and app.
func CallbackRules(ctx context.Context, q Querier) ([]CallbackRuleRow, error) {
	rows, err := q.QueryContext(ctx, `SELECT domain, app, template, created, updated FROM callback_rules ORDER BY domain, app`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []CallbackRuleRow
	for rows.Next() {
		var r CallbackRuleRow
		var created, updated int64
		if err := rows.Scan(&r.Domain, &r.App, &r.Template, &created, &updated); err != nil {
			return nil, err
		}
		r.Created, r.Updated = Time(created), Time(updated)
		out = append(out, r)
	}
	return out, rows.Err()
}
