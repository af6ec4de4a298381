package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

func (s *Server) createTemplate(ctx context.Context, p *createTemplateInput) (any, error) {
	c := s.opt.Config()
	i := &templateInfo{IsDelayLive: value(p.IsDelayLive, 0), CosStore: value(p.CosStore, 0)}
	i.apply(templateFields{p.TemplateName, p.Description, p.FlvParam, p.HlsParam, p.Mp4Param, p.AacParam, p.Mp3Param,
		p.HlsSpecialParam, p.FlvSpecialParam, p.RemoveWatermark})
	if err := i.check(c); err != nil {
		return nil, err
	}
	row, err := i.row(s.now())
	if err != nil {
		return nil, err
	}
	err = s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		n, err := tx.CountTemplates()
		if err != nil {
			return err
		}
		if c.Limits.Templates > 0 && n >= c.Limits.Templates {
			return Errorf(codeConfLimit, "There are %d templates already; limits.templates in recording.yml allows no more.", n)
		}
		return tx.InsertTemplate(row)
	})
	if err != nil {
		return nil, err
	}
	s.opt.Changed()
	return madeTemplate{row.ID}, nil
}

// row is what is stored of a template.
func (i *templateInfo) row(now time.Time) (*state.TemplateRow, error) {
	body, err := json.Marshal(i)
	return &state.TemplateRow{ID: i.TemplateId, Name: i.TemplateName, Body: body, Created: now, Updated: now}, err
}

func (s *Server) modifyTemplate(ctx context.Context, p *modifyTemplateInput) (any, error) {
	c := s.opt.Config()
	if err := ownTemplate(c, *p.TemplateId); err != nil {
		return nil, err
	}
	err := s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		i, err := templateInfoByID(ctx, tx, *p.TemplateId)
		if err != nil {
			return err
		}
		i.apply(templateFields{p.TemplateName, p.Description, p.FlvParam, p.HlsParam, p.Mp4Param, p.AacParam, p.Mp3Param,
			p.HlsSpecialParam, p.FlvSpecialParam, p.RemoveWatermark})
		if err := i.check(c); err != nil {
			return err
		}
		row, err := i.row(s.now())
		if err != nil {
			return err
		}
		return tx.UpdateTemplate(row)
	})
	if err != nil {
		return nil, err
	}
	s.opt.Changed()
	return nil, nil
}

func templateInfoByID(ctx context.Context, q state.Querier, id int64) (*templateInfo, error) {
	row, err := state.TemplateByID(ctx, q, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, noTemplate(id)
	}
	if err != nil {
		return nil, err
	}
	return storedTemplate(row)
}

func (s *Server) deleteTemplate(ctx context.Context, p *templateID) (any, error) {
	if err := ownTemplate(s.opt.Config(), *p.TemplateId); err != nil {
		return nil, err
	}
	err := s.opt.DB.UpdateNow(ctx, func(tx *state.Tx) error {
		uses, err := tx.TemplateUses(*p.TemplateId)
		if err != nil {
			return err
		}
		if uses > 0 {
			return Errorf(codeConfInUsed, "Template %d is used by %d rules; delete these first.", *p.TemplateId, uses)
		}
		return tx.DeleteTemplate(*p.TemplateId)
	})
	if errors.Is(err, state.ErrNotFound) {
		return nil, noTemplate(*p.TemplateId)
	}
	if err != nil {
		return nil, err
	}
	s.opt.Changed()
	return nil, nil
}

func (s *Server) describeTemplate(ctx context.Context, p *templateID) (any, error) {
	c := s.opt.Config()
	if t, ok := yamlTemplateByID(c, *p.TemplateId); ok {
		return struct{ Template *templateInfo }{yamlTemplate(t, c)}, nil
	}
	i, err := templateInfoByID(ctx, s.opt.DB.Reader(), *p.TemplateId)
	if err != nil {
		return nil, err
	}
	return struct{ Template *templateInfo }{i}, nil
}

// describeTemplates lists recording.yml's, then the API's; as in the original
// only those for one kind of live streams.
func (s *Server) describeTemplates(ctx context.Context, p *struct{ IsDelayLive *int64 }) (any, error) {
	kind := value(p.IsDelayLive, 0)
	if err := inRange("IsDelayLive", kind, 0, 1); err != nil {
		return nil, err
	}
	c := s.opt.Config()
	out := struct{ Templates []*templateInfo }{[]*templateInfo{}}
	for _, t := range c.Templates {
		if kind == 0 {
			out.Templates = append(out.Templates, yamlTemplate(t, c))
		}
	}
	rows, err := state.Templates(ctx, s.opt.DB.Reader())
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		i, err := storedTemplate(r)
		if err != nil {
			return nil, err
		}
		if i.IsDelayLive == kind {
			out.Templates = append(out.Templates, i)
		}
	}
	return out, nil
}
