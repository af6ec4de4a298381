package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
)

func TestRulesOfBothSourcesHaveOnePrecedence(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"api","FlvParam":{"Enable":1}}`)
	s := plan.Stream{Domain: "push.example.com", App: "live", Name: "s"}
	p, _ := w.table().Match(s)
	require.Equal(t, "nothing", p.Template.Name)
	w.ok("CreateLiveRecordRule", `{"DomainName":"PUSH.example.com","StreamName":"s","TemplateId":1}`)
	p, _ = w.table().Match(s)
	require.Equal(t, "api", p.Template.Name, "domain and stream go before domain and app")
	require.Equal(t, plan.API, p.Rule.Source)

	list := w.ok("DescribeLiveRecordRules", `{}`)["Rules"].([]any)
	require.Len(t, list, 3)
	require.Equal(t, map[string]any{"CreateTime": "2027-01-15 16:00:00", "UpdateTime": "2027-01-15 16:00:00", "TemplateId": 1.,
		"DomainName": "push.example.com", "AppName": "", "StreamName": "s"}, list[2])
	require.Equal(t, plan.TemplateID("nothing"), id(list[1].(map[string]any)["TemplateId"]))

	w.ok("DeleteLiveRecordRule", `{"DomainName":"push.example.com","AppName":"","StreamName":"s"}`)
	p, _ = w.table().Match(s)
	require.Equal(t, "nothing", p.Template.Name)
	require.Equal(t, int64(3), w.plans.Load())
}

// The seed's case: a template without formats bound to one stream disables it.
func TestTemplateWithoutFormatsDisablesAStream(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"off"}`)
	w.ok("CreateLiveRecordRule", `{"DomainName":"other.example.com","AppName":"live","StreamName":"private","TemplateId":1}`)
	p, ok := w.table().Match(plan.Stream{Domain: "other.example.com", App: "live", Name: "private"})
	require.True(t, ok)
	require.Empty(t, p.Formats())
	p, _ = w.table().Match(plan.Stream{Domain: "other.example.com", App: "live", Name: "public"})
	require.Equal(t, "everything", p.Template.Name)
}

func TestRulesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"a"}`)
	w.ok("CreateLiveRecordRule", `{"DomainName":"d.example.com","AppName":"live/*","StreamName":"x","TemplateId":1}`)
	w.ok("CreateLiveRecordRule", fmt.Sprintf(`{"DomainName":"*.example.com","TemplateId":%d}`, plan.TemplateID("everything")))
	for body, code := range map[string]string{
		`{}`:                               codeMissing,
		`{"DomainName":"","TemplateId":1}`: codeMissing,
		`{"DomainName":"a.example.com"}`:   codeMissing,
		`{"DomainName":"a.example.com","TemplateId":99}`:                                    codeConfNotFound,
		`{"DomainName":"https://a.example.com","TemplateId":1}`:                             codeDomainFormat,
		`{"DomainName":"a.example.com:1935","TemplateId":1}`:                                codeDomainFormat,
		`{"DomainName":"a b","TemplateId":1}`:                                               codeDomainFormat,
		`{"DomainName":"127.0.0.1","TemplateId":1}`:                                         codeDomainFormat,
		`{"DomainName":"**","TemplateId":1}`:                                                codeDomainFormat,
		`{"DomainName":"a.example.com","AppName":"/live","TemplateId":1}`:                   codeInvalidValue,
		`{"DomainName":"a.example.com","StreamName":"a/b","TemplateId":1}`:                  codeInvalidValue,
		`{"DomainName":"a.example.com","StreamName":"a\u0007","TemplateId":1}`:              codeInvalidValue,
		`{"DomainName":"D.example.com","AppName":"live/*","StreamName":"x","TemplateId":1}`: codeRuleExists,
		`{"DomainName":"push.example.com","AppName":"live","TemplateId":1}`:                 codeRuleExists,
	} {
		w.refused(code, "CreateLiveRecordRule", body)
	}
	w.refused(codeNotFound, "DeleteLiveRecordRule", `{"DomainName":"d.example.com"}`)
	w.refused(codeMissing, "DeleteLiveRecordRule", `{"AppName":"live"}`)
	w.refused(codeDomainFormat, "DeleteLiveRecordRule", `{"DomainName":"/"}`)
	w.refused(codeUnsupported, "DeleteLiveRecordRule", `{"DomainName":"push.example.com","AppName":"live"}`)
}

// A rule that the file takes over later is shadowed, listed, and can go.
func TestShadowedRuleCanBeDeleted(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"a"}`)
	w.ok("CreateLiveRecordRule", `{"DomainName":"d.example.com","TemplateId":1}`)
	w.c.Rules = append(w.c.Rules, config.Rule{Domain: "d.example.com", Template: "everything", Line: 40})
	p, _ := w.table().Match(plan.Stream{Domain: "d.example.com", App: "a", Name: "b"})
	require.Equal(t, "everything", p.Template.Name)
	require.Len(t, w.ok("DescribeLiveRecordRules", `{}`)["Rules"], 4)
	w.ok("DeleteLiveRecordRule", `{"DomainName":"d.example.com"}`)
	w.refused(codeUnsupported, "DeleteLiveRecordRule", `{"DomainName":"d.example.com"}`)
}
