package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
)

type hlsSpecial struct{ FlowContinueDuration *uint64 } // s
type flvSpecial struct{ UploadInRecording *bool }

// templateFields are what Create and Modify have in common.
type templateFields struct {
	TemplateName    *string
	Description     *string
	FlvParam        *recordParam
	HlsParam        *recordParam
	Mp4Param        *recordParam
	AacParam        *recordParam
	Mp3Param        *recordParam
	HlsSpecialParam *hlsSpecial
	FlvSpecialParam *flvSpecial
	RemoveWatermark *bool
}

type createTemplateInput struct {
	TemplateName    *string `api:"required"`
	Description     *string
	FlvParam        *recordParam
	HlsParam        *recordParam
	Mp4Param        *recordParam
	AacParam        *recordParam
	Mp3Param        *recordParam
	IsDelayLive     *int64
	HlsSpecialParam *hlsSpecial
	FlvSpecialParam *flvSpecial
	RemoveWatermark *bool
	CosStore        *int64
}

type modifyTemplateInput struct {
	TemplateId      *int64 `api:"required"`
	TemplateName    *string
	Description     *string
	FlvParam        *recordParam
	HlsParam        *recordParam
	Mp4Param        *recordParam
	AacParam        *recordParam
	Mp3Param        *recordParam
	HlsSpecialParam *hlsSpecial
	FlvSpecialParam *flvSpecial
	RemoveWatermark *bool
}

type templateID struct {
	TemplateId *int64 `api:"required"`
}

// templateInfo is a template as it is shown and stored (reference §1.14).
type templateInfo struct {
	TemplateId      int64
	TemplateName    string
	Description     string
	FlvParam        *recordParam
	HlsParam        *recordParam
	Mp4Param        *recordParam
	AacParam        *recordParam
	IsDelayLive     int64
	HlsSpecialParam hlsSpecial
	Mp3Param        *recordParam
	RemoveWatermark bool
	FlvSpecialParam flvSpecial
	CosStore        int64
}

// madeTemplate answers what made a template.
type madeTemplate struct {
	TemplateId int64
}

func (m madeTemplate) made() slog.Attr { return slog.Int64("made", m.TemplateId) }

// apply takes over what is given; a format is taken as a whole.
func (i *templateInfo) apply(f templateFields) {
	i.TemplateName = value(f.TemplateName, i.TemplateName)
	i.Description = value(f.Description, i.Description)
	i.FlvParam = cmp.Or(f.FlvParam, i.FlvParam).filled()
	i.HlsParam = cmp.Or(f.HlsParam, i.HlsParam).filled()
	i.Mp4Param = cmp.Or(f.Mp4Param, i.Mp4Param).filled()
	i.AacParam = cmp.Or(f.AacParam, i.AacParam).filled()
	i.Mp3Param = cmp.Or(f.Mp3Param, i.Mp3Param).filled()
	i.HlsSpecialParam = value(f.HlsSpecialParam, i.HlsSpecialParam)
	i.FlvSpecialParam = value(f.FlvSpecialParam, i.FlvSpecialParam)
	i.RemoveWatermark = value(f.RemoveWatermark, i.RemoveWatermark)
	if i.HlsSpecialParam.FlowContinueDuration == nil {
		i.HlsSpecialParam.FlowContinueDuration = new(uint64)
	}
	if i.FlvSpecialParam.UploadInRecording == nil {
		i.FlvSpecialParam.UploadInRecording = new(bool)
	}
}

// block is one format of a template under its parameter's name.
type block struct {
	param  string
	format config.FormatName
	p      *recordParam
}

// blocks lists the formats in the order of config.FormatNames.
func (i *templateInfo) blocks() []block {
	return []block{{"Mp4Param", config.MP4, i.Mp4Param}, {"FlvParam", config.FLV, i.FlvParam},
		{"HlsParam", config.HLS, i.HlsParam}, {"AacParam", config.AAC, i.AacParam}}
}

func (i *templateInfo) check(c *config.Config) error {
	if err := checkTemplateName(i.TemplateName, codeInvalidValue); err != nil {
		return err
	}
	if err := cmp.Or(checkText("Description", i.Description, maxText),
		inRange("IsDelayLive", i.IsDelayLive, 0, 1), inRange("CosStore", i.CosStore, 0, 1),
		inRange("HlsSpecialParam.FlowContinueDuration", int64(*i.HlsSpecialParam.FlowContinueDuration), 0, maxSplice)); err != nil {
		return err
	}
	if i.Mp3Param.enabled() {
		return Errorf(codeUnsupported, "MP3 files are not recorded here, since nothing is re-encoded; record MP3 sound in flv, hls or mp4, and AAC sound in aac.")
	}
	for _, b := range i.blocks() {
		if err := b.p.check(b.param, b.format, i.CosStore == 1, c); err != nil {
			return err
		}
	}
	return i.Mp3Param.check("Mp3Param", "", false, c)
}

// template turns what is stored into what is recorded. Warnings tell of stores
// that have gone from the configuration.
func (i *templateInfo) template(c *config.Config) (t plan.Template, warnings []string) {
	t = plan.Template{ID: i.TemplateId, Source: plan.API}
	t.Name = i.TemplateName
	for _, b := range i.blocks() {
		if !b.p.enabled() {
			continue
		}
		f, warning := b.p.format(b.format, i.CosStore == 1, c)
		if b.format == config.HLS {
			f.Splice = seconds(*i.HlsSpecialParam.FlowContinueDuration)
		}
		if warning != "" {
			warnings = append(warnings, fmt.Sprintf("template %d (%s): %s", i.TemplateId, i.TemplateName, warning))
		}
		t.Formats = append(t.Formats, f)
	}
	return t, warnings
}

// yamlTemplate shows a template of recording.yml.
func yamlTemplate(t config.Template, c *config.Config) *templateInfo {
	i := &templateInfo{TemplateId: plan.TemplateID(t.Name), TemplateName: t.Name,
		Description: fmt.Sprintf("recording.yml:%d, read-only", t.Line)}
	i.apply(templateFields{})
	for _, f := range t.Formats {
		p := paramOf(f, c)
		switch f.Name {
		case config.MP4:
			i.Mp4Param = p
		case config.FLV:
			i.FlvParam = p
		case config.HLS:
			i.HlsParam = p
			*i.HlsSpecialParam.FlowContinueDuration = uint64(f.Splice.Seconds())
		case config.AAC:
			i.AacParam = p
		}
		if c.Stores[f.Store].Type == "cos" {
			i.CosStore = 1
		}
	}
	return i
}

// storedTemplate reads a row.
func storedTemplate(r *state.TemplateRow) (*templateInfo, error) {
	i := &templateInfo{}
	if err := json.Unmarshal(r.Body, i); err != nil {
		return nil, fmt.Errorf("template %d: %w", r.ID, err)
	}
	i.TemplateId = r.ID
	i.apply(templateFields{}) // what a later version added gets its default
	return i, nil
}

// yamlTemplateByID finds a template of recording.yml.
func yamlTemplateByID(c *config.Config, id int64) (config.Template, bool) {
	for _, t := range c.Templates {
		if plan.TemplateID(t.Name) == id {
			return t, true
		}
	}
	return config.Template{}, false
}

// ownTemplate refuses what must not be changed here.
func ownTemplate(c *config.Config, id int64) error {
	if t, ok := yamlTemplateByID(c, id); ok {
		return Errorf(codeUnsupported, "Template %d (%s) is defined in recording.yml:%d and can only be changed there.", id, clip(t.Name), t.Line)
	}
	return nil
}

func noTemplate(id int64) error { return Errorf(codeNotFound, "There is no template %d.", id) }
