package api

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

type createRuleInput struct {
	DomainName *string `api:"required"`
	TemplateId *int64  `api:"required"`
	AppName    *string
	StreamName *string
}

type deleteRuleInput struct {
	DomainName *string `api:"required"`
	AppName    *string
	StreamName *string
}

// ruleInfo is a rule as it is shown (reference §1.14).
type ruleInfo struct {
	CreateTime string // YYYY-MM-DD hh:mm:ss, UTC+8; empty in recording.yml's
	UpdateTime string
	TemplateId int64
	DomainName string
	AppName    string
	StreamName string
}

func checkTriple(domain, app, stream *string) (out plan.Stream, err error) {
	out = plan.Stream{App: value(app, ""), Name: value(stream, "")}
	if out.Domain, err = checkDomain(*domain, true, codeDomainFormat); err != nil {
		return out, err
	}
	return out, cmp.Or(checkApp(out.App, true), checkStream(out.Name, true))
}

func (s *Server) createRule(ctx context.Context, p *createRuleInput) (any, error) {
	c := s.opt.Config()
	r, err := checkTriple(p.DomainName, p.AppName, p.StreamName)
	if err != nil {
		return nil, err
	}
	now := s.now()
	err = s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		if err := templateExists(ctx, tx, c, *p.TemplateId); err != nil {
			return err
		}
		if err := roomForRule(tx, c, r); err != nil {
			return err
		}
		return tx.InsertRule(&state.RuleRow{Domain: r.Domain, App: r.App, Stream: r.Name, Template: *p.TemplateId, Created: now, Updated: now})
	})
	if err != nil {
		return nil, err
	}
	s.opt.Changed()
	return nil, nil
}

// templateExists accepts templates of recording.yml and of the API.
func templateExists(ctx context.Context, tx *state.Tx, c *config.Config, id int64) error {
	if _, ok := yamlTemplateByID(c, id); ok {
		return nil
	}
	_, err := state.TemplateByID(ctx, tx, id)
	if errors.Is(err, state.ErrNotFound) {
		return Errorf(codeConfNotFound, "There is no template %d.", id)
	}
	return err
}

// roomForRule refuses a second rule of a triple, and one too many.
func roomForRule(tx *state.Tx, c *config.Config, r plan.Stream) error {
	if y, ok := yamlRule(c, r); ok {
		return Errorf(codeRuleExists, "recording.yml:%d has a rule of that domain, app and stream.", y.Line)
	}
	exists, err := tx.HasRule(r.Domain, r.App, r.Name)
	if err != nil {
		return err
	}
	if exists {
		return Errorf(codeRuleExists, "There is a rule of that domain, app and stream already.")
	}
	n, err := tx.CountRules()
	if err == nil && c.Limits.Rules > 0 && n >= c.Limits.Rules {
		return Errorf(codeRuleLimit, "There are %d rules already; limits.rules in recording.yml allows no more.", n)
	}
	return err
}

func yamlRule(c *config.Config, r plan.Stream) (config.Rule, bool) {
	for _, y := range c.Rules {
		if strings.EqualFold(y.Domain, r.Domain) && y.App == r.App && y.Stream == r.Name {
			return y, true
		}
	}
	return config.Rule{}, false
}

func (s *Server) deleteRule(ctx context.Context, p *deleteRuleInput) (any, error) {
	r, err := checkTriple(p.DomainName, p.AppName, p.StreamName)
	if err != nil {
		return nil, err
	}
	err = s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error { return tx.DeleteRule(r.Domain, r.App, r.Name) })
	if errors.Is(err, state.ErrNotFound) {
		if y, ok := yamlRule(s.opt.Config(), r); ok {
			return nil, Errorf(codeUnsupported, "The rule is defined in recording.yml:%d and can only be deleted there.", y.Line)
		}
		return nil, Errorf(codeNotFound, "There is no rule of exactly that domain, app and stream.")
	}
	if err != nil {
		return nil, err
	}
	s.opt.Changed()
	return nil, nil
}

// describeRules lists recording.yml's rules, then the API's.
func (s *Server) describeRules(ctx context.Context, _ *struct{}) (any, error) {
	out := struct{ Rules []ruleInfo }{[]ruleInfo{}}
	for _, y := range s.opt.Config().Rules {
		out.Rules = append(out.Rules, ruleInfo{TemplateId: plan.TemplateID(y.Template), DomainName: y.Domain, AppName: y.App, StreamName: y.Stream})
	}
	rows, err := state.Rules(ctx, s.opt.DB.Reader())
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		out.Rules = append(out.Rules, ruleInfo{CreateTime: listedTime(r.Created), UpdateTime: listedTime(r.Updated),
			TemplateId: r.Template, DomainName: r.Domain, AppName: r.App, StreamName: r.Stream})
	}
	return out, nil
}
