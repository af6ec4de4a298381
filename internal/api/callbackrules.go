package api

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/state"
)

type createCallbackRuleInput struct {
	DomainName *string `api:"required"`
	AppName    *string `api:"required"`
	TemplateId *int64  `api:"required"`
}

type callbackRuleID struct {
	DomainName *string `api:"required"`
	AppName    *string `api:"required"`
}

// callbackRuleInfo is a callback rule as it is shown.
type callbackRuleInfo struct {
	CreateTime string // YYYY-MM-DD hh:mm:ss, UTC+8; empty in recording.yml's
	UpdateTime string
	TemplateId int64
	DomainName string
	AppName    string
}

func (s *Server) createCallbackRule(ctx context.Context, p *createCallbackRuleInput) (any, error) {
	c := s.opt.Config()
	domain, err := checkDomain(*p.DomainName, false, codeDomainFormat)
	if err = cmp.Or(err, checkApp(*p.AppName, false), ownCallback(c, *p.TemplateId)); err != nil {
		return nil, err
	}
	now := s.now()
	r := state.CallbackRuleRow{Domain: domain, App: *p.AppName, Template: *p.TemplateId, Created: now, Updated: now}
	err = s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		_, err := state.CallbackTemplateByID(ctx, tx, r.Template)
		if errors.Is(err, state.ErrNotFound) {
			return Errorf(codeConfNotFound, "There is no callback template %d.", r.Template)
		}
		if err = cmp.Or(err, roomForCallbackRule(tx, c, r)); err != nil {
			return err
		}
		return tx.InsertCallbackRule(r)
	})
	if err != nil {
		return nil, err
	}
	s.opt.CallbacksChanged()
	return nil, nil
}

func roomForCallbackRule(tx *state.Tx, c *config.Config, r state.CallbackRuleRow) error {
	exists, err := tx.HasCallbackRule(r.Domain, r.App)
	if err != nil {
		return err
	}
	if exists {
		return Errorf(codeRuleExists, "There is a callback rule of that domain and app already.")
	}
	n, err := tx.CountCallbackRules()
	if err == nil && c.Limits.Rules > 0 && n >= c.Limits.Rules {
		return Errorf(codeRuleLimit, "There are %d callback rules already; limits.rules in recording.yml allows no more.", n)
	}
	return err
}

func (s *Server) deleteCallbackRule(ctx context.Context, p *callbackRuleID) (any, error) {
	domain, err := checkDomain(*p.DomainName, false, codeDomainFormat)
	if err != nil {
		return nil, err
	}
	err = s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error { return tx.DeleteCallbackRule(domain, *p.AppName) })
	if errors.Is(err, state.ErrNotFound) {
		if yamlCallbackRule(s.opt.Config(), domain, *p.AppName) {
			return nil, Errorf(codeUnsupported, "The callback is defined in recording.yml and can only be deleted there.")
		}
		return nil, Errorf(codeNotFound, "There is no callback rule of exactly that domain and app.")
	}
	if err != nil {
		return nil, err
	}
	s.opt.CallbacksChanged()
	return nil, nil
}

func yamlCallbackRule(c *config.Config, domain, app string) bool {
	return slices.ContainsFunc(c.Callbacks, func(b config.Callback) bool { return strings.EqualFold(b.Domain, domain) && b.App == app })
}

// describeCallbackRules lists recording.yml's filters as rules (empty = any),
// then the API's rules.
func (s *Server) describeCallbackRules(ctx context.Context, _ *struct{}) (any, error) {
	out := struct{ Rules []callbackRuleInfo }{[]callbackRuleInfo{}}
	for _, b := range s.opt.Config().Callbacks {
		out.Rules = append(out.Rules, callbackRuleInfo{TemplateId: yamlCallbackID(b), DomainName: b.Domain, AppName: b.App})
	}
	rows, err := state.CallbackRules(ctx, s.opt.DB.Reader())
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		out.Rules = append(out.Rules, callbackRuleInfo{CreateTime: listedTime(r.Created), UpdateTime: listedTime(r.Updated),
			TemplateId: r.Template, DomainName: r.Domain, AppName: r.App})
	}
	return out, nil
}

// Callback is an endpoint that the API made: where events of a domain and an app
// go.
type Callback struct {
	URL    string   // may hold a secret
	Key    string   // signing key, may be empty
	Kinds  []string // file, status, abnormal
	Levels []string // of abnormal events; none = all
	Domain string
	App    string
}

// Callbacks reads the endpoints that the API made: at start and after each call
// of Options.CallbacksChanged.
func Callbacks(ctx context.Context, db *state.DB) ([]Callback, error) {
	rows, err := state.CallbackTemplates(ctx, db.Reader())
	if err != nil {
		return nil, err
	}
	templates := map[int64]*callbackInfo{}
	for _, r := range rows {
		if templates[r.ID], err = storedCallback(r); err != nil {
			return nil, err
		}
	}
	rules, err := state.CallbackRules(ctx, db.Reader())
	if err != nil {
		return nil, err
	}
	var out []Callback
	for _, r := range rules {
		if t := templates[r.Template]; t != nil {
			out = append(out, t.endpoints(r)...)
		}
	}
	return out, nil
}

// endpoints lists each address of a template once, with all that it wants.
func (i *callbackInfo) endpoints(r state.CallbackRuleRow) []Callback {
	var out []Callback
	for _, e := range []struct{ kind, url string }{
		{"file", i.RecordNotifyUrl}, {"status", i.RecordStatusNotifyUrl}, {"abnormal", i.RecordExceptionNotifyUrl},
	} {
		if e.url == "" {
			continue
		}
		n := slices.IndexFunc(out, func(c Callback) bool { return c.URL == e.url })
		if n < 0 {
			n = len(out)
			out = append(out, Callback{URL: e.url, Key: i.CallbackKey, Levels: i.RecordExceptionLevels, Domain: r.Domain, App: r.App})
		}
		out[n].Kinds = append(out[n].Kinds, e.kind)
	}
	return out
}
