package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCallbackRoundTrip(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveCallbackTemplate", `{"TemplateName":"cb","Description":"d","RecordNotifyUrl":"https://a.example.com/r","RecordStatusNotifyUrl":"https://a.example.com/r",
		"RecordExceptionNotifyUrl":"https://b.example.com/e","RecordExceptionLevels":["error","warning"],"StreamBeginNotifyUrl":"https://a.example.com/b","CallbackKey":"k"}`)
	w.refused(codeConfNotFound, "CreateLiveCallbackRule", `{"DomainName":"d.example.com","AppName":"live","TemplateId":9}`)
	w.ok("CreateLiveCallbackRule", `{"DomainName":"D.example.com","AppName":"live","TemplateId":1}`)
	all, err := Callbacks(context.Background(), w.db)
	require.NoError(t, err)
	levels := []string{"error", "warning"}
	require.Equal(t, []Callback{
		{URL: "https://a.example.com/r", Key: "k", Kinds: []string{"file", "status"}, Levels: levels, Domain: "d.example.com", App: "live"},
		{URL: "https://b.example.com/e", Key: "k", Kinds: []string{"abnormal"}, Levels: levels, Domain: "d.example.com", App: "live"},
	}, all)
	shown := w.ok("DescribeLiveCallbackTemplate", `{"TemplateId":1}`)["Template"].(map[string]any)
	require.Equal(t, []any{"cb", "d", "https://a.example.com/b", maskedKey, []any{"error", "warning"}, ""},
		[]any{shown["TemplateName"], shown["Description"], shown["StreamBeginNotifyUrl"], shown["CallbackKey"], shown["RecordExceptionLevels"], shown["SnapshotNotifyUrl"]})

	// What was read can be written back.
	w.ok("ModifyLiveCallbackTemplate", `{"TemplateId":1,"CallbackKey":"`+maskedKey+`","RecordStatusNotifyUrl":"","RecordExceptionLevels":["info"]}`)
	all, err = Callbacks(context.Background(), w.db)
	require.NoError(t, err)
	require.Equal(t, []Callback{
		{URL: "https://a.example.com/r", Key: "k", Kinds: []string{"file"}, Levels: []string{"info"}, Domain: "d.example.com", App: "live"},
		{URL: "https://b.example.com/e", Key: "k", Kinds: []string{"abnormal"}, Levels: []string{"info"}, Domain: "d.example.com", App: "live"},
	}, all)
	w.ok("ModifyLiveCallbackTemplate", `{"TemplateId":1,"CallbackKey":""}`)
	all, _ = Callbacks(context.Background(), w.db)
	require.Empty(t, all[0].Key)

	w.refused(codeConfInUsed, "DeleteLiveCallbackTemplate", `{"TemplateId":1}`)
	w.refused(codeRuleExists, "CreateLiveCallbackRule", `{"DomainName":"d.example.com","AppName":"live","TemplateId":1}`)
	w.ok("DeleteLiveCallbackRule", `{"DomainName":"d.example.com","AppName":"live"}`)
	w.refused(codeNotFound, "DeleteLiveCallbackRule", `{"DomainName":"d.example.com","AppName":"live"}`)
	w.ok("DeleteLiveCallbackTemplate", `{"TemplateId":1}`)
	for _, action := range []string{"DescribeLiveCallbackTemplate", "DeleteLiveCallbackTemplate", "ModifyLiveCallbackTemplate"} {
		w.refused(codeNotFound, action, `{"TemplateId":1}`)
	}
	require.Equal(t, int64(6), w.callbacks.Load())
	require.Zero(t, w.plans.Load())
}

func TestCallbacksOfTheFileAreListedWithoutSecretsAndReadOnly(t *testing.T) {
	w := newWorld(t)
	list := w.ok("DescribeLiveCallbackTemplates", `{}`)["Templates"].([]any)
	require.Len(t, list, 1)
	x := list[0].(map[string]any)
	require.Equal(t, []any{"https://ops.example.com/***", "", "https://ops.example.com/***", maskedKey},
		[]any{x["RecordNotifyUrl"], x["RecordStatusNotifyUrl"], x["RecordExceptionNotifyUrl"], x["CallbackKey"]})
	rules := w.ok("DescribeLiveCallbackRules", `{}`)["Rules"].([]any)
	require.Equal(t, []any{map[string]any{"CreateTime": "", "UpdateTime": "", "TemplateId": x["TemplateId"], "DomainName": "push.example.com", "AppName": ""}}, rules)
	ref := fmt.Sprintf(`{"TemplateId":%d}`, id(x["TemplateId"]))
	require.Equal(t, x, w.ok("DescribeLiveCallbackTemplate", ref)["Template"])
	w.refused(codeUnsupported, "ModifyLiveCallbackTemplate", ref)
	w.refused(codeUnsupported, "DeleteLiveCallbackTemplate", ref)
	w.refused(codeUnsupported, "CreateLiveCallbackRule", fmt.Sprintf(`{"DomainName":"d.example.com","AppName":"live","TemplateId":%d}`, id(x["TemplateId"])))
	w.c.Callbacks[0].App = "live"
	w.refused(codeUnsupported, "DeleteLiveCallbackRule", `{"DomainName":"push.example.com","AppName":"live"}`)
}

func TestCallbacksThatAreRefused(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.URLChecker = func(u string) error {
			if strings.Contains(u, "private") {
				return errors.New("name its host in recording.yml")
			}
			return nil
		}
	})
	for body, code := range map[string]string{
		`{"RecordNotifyUrl":"https://a.example.com"}`:                                                                      codeMissing,
		`{"TemplateName":"a"}`:                                                                                             codeMissing,
		`{"TemplateName":"a b","RecordNotifyUrl":"https://a.example.com"}`:                                                 codeArgsNotMatch,
		`{"TemplateName":"a","RecordNotifyUrl":"ftp://a.example.com"}`:                                                     codeURLNotSafe,
		`{"TemplateName":"a","RecordNotifyUrl":"a.example.com"}`:                                                           codeURLNotSafe,
		`{"TemplateName":"a","RecordNotifyUrl":"https://u:p@a.example.com"}`:                                               codeURLNotSafe,
		`{"TemplateName":"a","SnapshotNotifyUrl":"http://private.example.com"}`:                                            codeURLNotSafe,
		`{"TemplateName":"a","RecordNotifyUrl":"https://a.example.com/` + strings.Repeat("a", 1024) + `"}`:                 codeURLNotSafe,
		`{"TemplateName":"a","RecordNotifyUrl":"https://a.example.com","RecordExceptionLevels":["fatal"]}`:                 codeInvalidValue,
		`{"TemplateName":"a","RecordNotifyUrl":"https://a.example.com","CallbackKey":"` + maskedKey + `"}`:                 codeInvalidValue,
		`{"TemplateName":"a","RecordNotifyUrl":"https://a.example.com","Description":"` + strings.Repeat("a", 1025) + `"}`: codeInvalidValue,
	} {
		w.refused(code, "CreateLiveCallbackTemplate", body)
	}
	w.ok("CreateLiveCallbackTemplate", `{"TemplateName":"a","RecordNotifyUrl":"http://ops.example.com"}`)
	w.refused(codeMissing, "ModifyLiveCallbackTemplate", `{"TemplateId":1,"RecordNotifyUrl":""}`)
	w.refused(codeMissing, "CreateLiveCallbackRule", `{"DomainName":"d.example.com","TemplateId":1}`)
	w.refused(codeDomainFormat, "CreateLiveCallbackRule", `{"DomainName":"*","AppName":"live","TemplateId":1}`)
	w.refused(codeInvalidValue, "CreateLiveCallbackRule", `{"DomainName":"d","AppName":"*","TemplateId":1}`)
	w.refused(codeDomainFormat, "DeleteLiveCallbackRule", `{"DomainName":"d d","AppName":"live"}`)

	w = newWorld(t)
	w.refused(codeURLNotSafe, "CreateLiveCallbackTemplate", `{"TemplateName":"a","RecordNotifyUrl":"http://ops.example.com"}`)
}
