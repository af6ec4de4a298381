package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

func (s *Server) createCallback(ctx context.Context, p *createCallbackInput) (any, error) {
	c := s.opt.Config()
	i := &callbackInfo{}
	i.apply(&modifyCallbackInput{TemplateName: p.TemplateName, Description: p.Description,
		StreamBeginNotifyUrl:     p.StreamBeginNotifyUrl,
		StreamEndNotifyUrl:       p.StreamEndNotifyUrl,
		RecordNotifyUrl:          p.RecordNotifyUrl,
		RecordStatusNotifyUrl:    p.RecordStatusNotifyUrl,
		RecordExceptionNotifyUrl: p.RecordExceptionNotifyUrl,
		SnapshotNotifyUrl:        p.SnapshotNotifyUrl,
		PornCensorshipNotifyUrl:  p.PornCensorshipNotifyUrl,
		PushExceptionNotifyUrl:   p.PushExceptionNotifyUrl,
		AudioAuditNotifyUrl:      p.AudioAuditNotifyUrl,
		StreamMixNotifyUrl:       p.StreamMixNotifyUrl,
		RecordExceptionLevels:    p.RecordExceptionLevels, CallbackKey: p.CallbackKey})
	if value(p.CallbackKey, "") == maskedKey {
		return nil, Errorf(codeInvalidValue, "CallbackKey is %s, which only stands for a key.", maskedKey)
	}
	if err := i.check(s.opt.URLChecker); err != nil {
		return nil, err
	}
	row, err := i.row(s.now())
	if err != nil {
		return nil, err
	}
	err = s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		n, err := tx.CountCallbackTemplates()
		if err != nil {
			return err
		}
		if c.Limits.Templates > 0 && n >= c.Limits.Templates {
			return Errorf(codeConfLimit, "There are %d callback templates already; limits.templates in recording.yml allows no more.", n)
		}
		return tx.InsertCallbackTemplate(row)
	})
	if err != nil {
		return nil, err
	}
	s.opt.CallbacksChanged()
	return madeTemplate{row.ID}, nil
}

func (i *callbackInfo) row(now time.Time) (*state.TemplateRow, error) {
	body, err := json.Marshal(i)
	return &state.TemplateRow{ID: i.TemplateId, Name: i.TemplateName, Body: body, Created: now, Updated: now}, err
}

func (s *Server) modifyCallback(ctx context.Context, p *modifyCallbackInput) (any, error) {
	if err := ownCallback(s.opt.Config(), *p.TemplateId); err != nil {
		return nil, err
	}
	err := s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		i, err := callbackByID(ctx, tx, *p.TemplateId)
		if err != nil {
			return err
		}
		i.apply(p)
		if err := i.check(s.opt.URLChecker); err != nil {
			return err
		}
		row, err := i.row(s.now())
		if err != nil {
			return err
		}
		return tx.UpdateCallbackTemplate(row)
	})
	if err != nil {
		return nil, err
	}
	s.opt.CallbacksChanged()
	return nil, nil
}

func callbackByID(ctx context.Context, q state.Querier, id int64) (*callbackInfo, error) {
	row, err := state.CallbackTemplateByID(ctx, q, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, noCallback(id)
	}
	if err != nil {
		return nil, err
	}
	return storedCallback(row)
}

func (s *Server) deleteCallback(ctx context.Context, p *templateID) (any, error) {
	if err := ownCallback(s.opt.Config(), *p.TemplateId); err != nil {
		return nil, err
	}
	err := s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		uses, err := tx.CallbackTemplateUses(*p.TemplateId)
		if err != nil {
			return err
		}
		if uses > 0 {
			return Errorf(codeConfInUsed, "Callback template %d is used by %d rules; delete these first.", *p.TemplateId, uses)
		}
		return tx.DeleteCallbackTemplate(*p.TemplateId)
	})
	if errors.Is(err, state.ErrNotFound) {
		return nil, noCallback(*p.TemplateId)
	}
	if err != nil {
		return nil, err
	}
	s.opt.CallbacksChanged()
	return nil, nil
}

func (s *Server) describeCallback(ctx context.Context, p *templateID) (any, error) {
	for n, b := range s.opt.Config().Callbacks {
		if yamlCallbackID(b) == *p.TemplateId {
			return struct{ Template *callbackInfo }{yamlCallback(n, b).shown()}, nil
		}
	}
	i, err := callbackByID(ctx, s.opt.DB.Reader(), *p.TemplateId)
	if err != nil {
		return nil, err
	}
	return struct{ Template *callbackInfo }{i.shown()}, nil
}

// describeCallbacks lists recording.yml's, then the API's.
func (s *Server) describeCallbacks(ctx context.Context, _ *struct{}) (any, error) {
	out := struct{ Templates []*callbackInfo }{[]*callbackInfo{}}
	for n, b := range s.opt.Config().Callbacks {
		out.Templates = append(out.Templates, yamlCallback(n, b).shown())
	}
	rows, err := state.CallbackTemplates(ctx, s.opt.DB.Reader())
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		i, err := storedCallback(r)
		if err != nil {
			return nil, err
		}
		out.Templates = append(out.Templates, i.shown())
	}
	return out, nil
}
