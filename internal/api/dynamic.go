package api

import (
	"context"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

// Dynamic reads what the API made, for plan.Compile: at start, after each call of
// Options.Changed, and when the configuration changed. Warnings are for the log;
// they tell of templates whose store has gone, which then use the default store.
func Dynamic(ctx context.Context, db *state.DB, c *config.Config) (d plan.Dynamic, warnings []string, err error) {
	templates, err := state.Templates(ctx, db.Reader())
	if err != nil {
		return d, nil, err
	}
	for _, row := range templates {
		i, err := storedTemplate(row)
		if err != nil {
			return d, nil, err
		}
		t, w := i.template(c)
		t.Extra = row.Body
		d.Templates = append(d.Templates, t)
		warnings = append(warnings, w...)
	}
	rules, err := state.Rules(ctx, db.Reader())
	if err != nil {
		return d, nil, err
	}
	for _, r := range rules {
		d.Rules = append(d.Rules, plan.Rule{ID: r.ID, Domain: r.Domain, App: r.App, Stream: r.Stream,
			TemplateID: r.Template, Source: plan.API, CreatedAt: r.Created, UpdatedAt: r.Updated})
	}
	return d, warnings, nil
}

func seconds(n uint64) time.Duration { return time.Duration(n) * time.Second }
