package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
)

func TestTemplateRoundTrip(t *testing.T) {
	w := newWorld(t)
	made := id(w.ok("CreateLiveRecordTemplate", `{"TemplateName":"t-1","Description":"d","CosStore":1,
		"FlvParam":{"Enable":"1","RecordInterval":60,"StorageTime":3600,"CosBucketName":"rec","CosBucketRegion":"ap-guangzhou","CosBucketPath":"/x/{StreamID}/{StartYear}"},
		"HlsParam":{"Enable":1,"RecordInterval":7200,"CosBucketName":"east","VodSubAppId":7,"VodFileName":"n","Procedure":"p","StorageMode":"cold","ClassId":3},
		"HlsSpecialParam":{"FlowContinueDuration":"600"},"FlvSpecialParam":{"UploadInRecording":true},"RemoveWatermark":"true"}`)["TemplateId"])
	require.Equal(t, int64(1), made)
	require.Equal(t, int64(1), w.plans.Load())
	shown := w.ok("DescribeLiveRecordTemplate", `{"TemplateId":1}`)["Template"].(map[string]any)
	empty := map[string]any{"Enable": 0., "RecordInterval": 1800., "StorageTime": 0., "VodSubAppId": 0., "VodFileName": "", "Procedure": "",
		"StorageMode": "normal", "ClassId": 0., "CosBucketName": "", "CosBucketRegion": "", "CosBucketPath": ""}
	with := func(changes map[string]any) map[string]any {
		out := map[string]any{}
		for k, v := range empty {
			out[k] = v
		}
		for k, v := range changes {
			out[k] = v
		}
		return out
	}
	require.Equal(t, map[string]any{"TemplateId": 1., "TemplateName": "t-1", "Description": "d", "IsDelayLive": 0., "CosStore": 1., "RemoveWatermark": true,
		"HlsSpecialParam": map[string]any{"FlowContinueDuration": 600.}, "FlvSpecialParam": map[string]any{"UploadInRecording": true},
		"FlvParam": with(map[string]any{"Enable": 1., "RecordInterval": 60., "StorageTime": 3600., "CosBucketName": "rec",
			"CosBucketRegion": "ap-guangzhou", "CosBucketPath": "/x/{StreamID}/{StartYear}"}),
		"HlsParam": with(map[string]any{"Enable": 1., "RecordInterval": 7200., "CosBucketName": "east", "VodSubAppId": 7., "VodFileName": "n",
			"Procedure": "p", "StorageMode": "cold", "ClassId": 3.}),
		"Mp4Param": empty, "AacParam": empty, "Mp3Param": empty}, shown)

	p, ok := w.table().Template(1)
	require.True(t, ok)
	require.Equal(t, []config.Format{
		{Name: config.FLV, Interval: time.Minute, Keep: time.Hour, Store: "cos", Path: "x/{StreamID}/{StartYear}"},
		{Name: config.HLS, Splice: 10 * time.Minute, Store: "east", Path: config.DefaultPath, Segment: 10 * time.Second, Container: "auto", Live: true},
	}, p.Formats)
	require.Equal(t, plan.API, p.Source)
	require.Equal(t, "t-1", p.Name)
}

func TestWithoutCosStoreFilesGoToTheDefaultStore(t *testing.T) {
	w := newWorld(t)
	for n, body := range []string{
		`{"TemplateName":"absent","Mp4Param":{"Enable":1}}`,
		`{"TemplateName":"zero","CosStore":0,"Mp4Param":{"Enable":1,"CosBucketName":"rec","CosBucketPath":"/p/{RecordId}"}}`,
	} {
		w.ok("CreateLiveRecordTemplate", body)
		p, _ := w.table().Template(int64(n + 1))
		require.Equal(t, []config.Format{{Name: config.MP4, Interval: 30 * time.Minute, Store: "local", Path: config.DefaultPath, FastStart: true}}, p.Formats)
	}
	shown := w.ok("DescribeLiveRecordTemplate", `{"TemplateId":2}`)["Template"].(map[string]any)["Mp4Param"].(map[string]any)
	require.Equal(t, "rec", shown["CosBucketName"], "kept and returned")
}

func TestBucketsNameStores(t *testing.T) {
	c := testConfig()
	for bucket, want := range map[string]string{"rec": "cos", "rec-1250000000": "cos", "east": "east", "edge": "url", "test": "folder"} {
		store, ok := findStore(c, bucket, "")
		require.True(t, ok, bucket)
		require.Equal(t, want, store)
	}
	for _, x := range [][2]string{{"", ""}, {"other", ""}, {"local", ""}, {"rec-1", ""}, {"rec", "ap-shanghai"}, {"edge", "ap-guangzhou"}} {
		_, ok := findStore(c, x[0], x[1])
		require.False(t, ok, x)
	}
	require.Equal(t, "a-b-c", withoutAppID("a-b-c"))
	require.Equal(t, "-1250000000", withoutAppID("-1250000000"))
}

func TestTemplateWhoseStoreHasGoneUsesTheDefaultStore(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"t","CosStore":1,"FlvParam":{"Enable":1,"CosBucketName":"east"}}`)
	delete(w.c.Stores, "east")
	d, warnings, err := Dynamic(context.Background(), w.db, w.c)
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "east")
	require.Equal(t, "local", d.Templates[0].Formats[0].Store)
}

func TestTemplatesThatAreRefused(t *testing.T) {
	w := newWorld(t)
	for body, code := range map[string]string{
		`{}`:                     codeMissing,
		`{"TemplateName":"a b"}`: codeInvalidValue,
		`{"TemplateName":"` + strings.Repeat("a", 256) + `"}`:                                                          codeInvalidValue,
		`{"TemplateName":"a","Description":"` + strings.Repeat("a", 1025) + `"}`:                                       codeInvalidValue,
		`{"TemplateName":"a","IsDelayLive":2}`:                                                                         codeInvalidValue,
		`{"TemplateName":"a","CosStore":2}`:                                                                            codeInvalidValue,
		`{"TemplateName":"a","FlvParam":{"Enable":2}}`:                                                                 codeInvalidValue,
		`{"TemplateName":"a","FlvParam":{"Enable":1,"RecordInterval":29}}`:                                             codeInvalidValue,
		`{"TemplateName":"a","FlvParam":{"Enable":1,"RecordInterval":43201}}`:                                          codeInvalidValue,
		`{"TemplateName":"a","FlvParam":{"Enable":1,"RecordInterval":-1}}`:                                             codeInvalidValue,
		`{"TemplateName":"a","FlvParam":{"Enable":1,"StorageTime":129600001}}`:                                         codeInvalidValue,
		`{"TemplateName":"a","FlvParam":{"Enable":1,"StorageMode":"hot"}}`:                                             codeInvalidValue,
		`{"TemplateName":"a","HlsSpecialParam":{"FlowContinueDuration":1801}}`:                                         codeInvalidValue,
		`{"TemplateName":"a","HlsSpecialParam":{"FlowContinueDuration":-1}}`:                                           codeInvalid,
		`{"TemplateName":"a","RemoveWatermark":"maybe"}`:                                                               codeInvalid,
		`{"TemplateName":"a","Mp3Param":{"Enable":1}}`:                                                                 codeUnsupported,
		`{"TemplateName":"a","CosStore":1,"FlvParam":{"Enable":1}}`:                                                    codeBucketNotExist,
		`{"TemplateName":"a","CosStore":1,"FlvParam":{"Enable":1,"CosBucketName":"other"}}`:                            codeBucketNotExist,
		`{"TemplateName":"a","FlvParam":{"Enable":1,"CosBucketName":"other"}}`:                                         codeBucketNotExist,
		`{"TemplateName":"a","CosStore":1,"FlvParam":{"Enable":1,"CosBucketName":"rec","CosBucketRegion":"x"}}`:        codeBucketNotExist,
		`{"TemplateName":"a","CosStore":1,"FlvParam":{"Enable":1,"CosBucketName":"rec","CosBucketPath":"/../x"}}`:      codeCOSFileName,
		`{"TemplateName":"a","CosStore":1,"FlvParam":{"Enable":1,"CosBucketName":"rec","CosBucketPath":"/{Foo}"}}`:     codeCOSFileName,
		`{"TemplateName":"a","CosStore":1,"HlsParam":{"Enable":1,"CosBucketName":"rec","CosBucketPath":"/{EndYear}"}}`: codeCOSFileName,
	} {
		w.refused(code, "CreateLiveRecordTemplate", body)
	}
	require.Zero(t, w.plans.Load())
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"模板_1","Mp3Param":{"Enable":0},"FlvParam":{"Enable":1,"RecordInterval":0},"AacParam":{"RecordInterval":0}}`)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"a","FlvParam":{"Enable":1,"RecordInterval":30},"AacParam":{"Enable":1,"RecordInterval":43200}}`)
}

func TestModifyTakesWholeFormatsAndLeavesTheRest(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"a","Description":"d","IsDelayLive":1,"FlvParam":{"Enable":1,"RecordInterval":60,"StorageTime":5},"Mp4Param":{"Enable":1},"HlsSpecialParam":{"FlowContinueDuration":5},"RemoveWatermark":true}`)
	w.ok("ModifyLiveRecordTemplate", `{"TemplateId":1,"TemplateName":"b","FlvParam":{"Enable":1}}`)
	p, _ := w.table().Template(1)
	require.Equal(t, "b", p.Name)
	require.Equal(t, []config.FormatName{config.MP4, config.FLV}, []config.FormatName{p.Formats[0].Name, p.Formats[1].Name})
	require.Equal(t, 30*time.Minute, p.Formats[1].Interval)
	require.Zero(t, p.Formats[1].Keep)
	shown := w.ok("DescribeLiveRecordTemplate", `{"TemplateId":1}`)["Template"].(map[string]any)
	require.Equal(t, []any{"d", 1., true, map[string]any{"FlowContinueDuration": 5.}}, []any{shown["Description"], shown["IsDelayLive"], shown["RemoveWatermark"], shown["HlsSpecialParam"]})
	w.refused(codeUnknown, "ModifyLiveRecordTemplate", `{"TemplateId":1,"IsDelayLive":0}`)
	w.refused(codeUnknown, "ModifyLiveRecordTemplate", `{"TemplateId":1,"CosStore":0}`)
	w.refused(codeNotFound, "ModifyLiveRecordTemplate", `{"TemplateId":9}`)
	w.refused(codeInvalidValue, "ModifyLiveRecordTemplate", `{"TemplateId":1,"FlvParam":{"Enable":3}}`)
	w.refused(codeUnsupported, "ModifyLiveRecordTemplate", `{"TemplateId":1,"Mp3Param":{"Enable":1}}`)
	w.refused(codeMissing, "ModifyLiveRecordTemplate", `{}`)
	require.Equal(t, int64(2), w.plans.Load())
	// One kind of live streams at a time.
	require.Len(t, w.ok("DescribeLiveRecordTemplates", `{"IsDelayLive":1}`)["Templates"], 1)
	require.Len(t, w.ok("DescribeLiveRecordTemplates", `{}`)["Templates"], 2)
	w.refused(codeInvalidValue, "DescribeLiveRecordTemplates", `{"IsDelayLive":5}`)
}

func TestTemplatesOfTheFileAreListedAndReadOnly(t *testing.T) {
	w := newWorld(t)
	everything := plan.TemplateID("everything")
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"everything"}`)
	list := w.ok("DescribeLiveRecordTemplates", `{}`)["Templates"].([]any)
	require.Len(t, list, 3)
	first := list[0].(map[string]any)
	require.Equal(t, everything, id(first["TemplateId"]))
	require.Equal(t, 1., first["CosStore"])
	mp4 := first["Mp4Param"].(map[string]any)
	require.Equal(t, []any{1., 3600., 3600., "rec", "ap-guangzhou", "/a/{RecordId}"},
		[]any{mp4["Enable"], mp4["RecordInterval"], mp4["StorageTime"], mp4["CosBucketName"], mp4["CosBucketRegion"], mp4["CosBucketPath"]})
	require.Equal(t, 0., first["HlsParam"].(map[string]any)["RecordInterval"])
	require.Equal(t, 300., first["HlsSpecialParam"].(map[string]any)["FlowContinueDuration"])
	require.Contains(t, first["Description"], "recording.yml:12")
	require.Equal(t, 1., list[2].(map[string]any)["TemplateId"])
	require.Equal(t, first, w.ok("DescribeLiveRecordTemplate", fmt.Sprintf(`{"TemplateId":%d}`, everything))["Template"])
	for _, action := range []string{"ModifyLiveRecordTemplate", "DeleteLiveRecordTemplate"} {
		w.refused(codeUnsupported, action, fmt.Sprintf(`{"TemplateId":"%d"}`, everything))
	}
}

func TestTemplateInUseIsNotDeletedAndIdsAreNotGivenAgain(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"a"}`)
	w.ok("CreateLiveRecordRule", `{"DomainName":"d.example.com","TemplateId":1}`)
	w.refused(codeConfInUsed, "DeleteLiveRecordTemplate", `{"TemplateId":1}`)
	w.ok("DeleteLiveRecordRule", `{"DomainName":"d.example.com"}`)
	w.ok("DeleteLiveRecordTemplate", `{"TemplateId":1}`)
	w.refused(codeNotFound, "DeleteLiveRecordTemplate", `{"TemplateId":1}`)
	w.refused(codeNotFound, "DescribeLiveRecordTemplate", `{"TemplateId":1}`)
	require.Equal(t, 2., w.ok("CreateLiveRecordTemplate", `{"TemplateName":"a"}`)["TemplateId"])
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	w.c.Limits = config.Limits{Templates: 2, Rules: 1}
	for _, n := range []string{"a", "b"} {
		w.ok("CreateLiveRecordTemplate", `{"TemplateName":"`+n+`"}`)
		w.ok("CreateLiveCallbackTemplate", `{"TemplateName":"`+n+`","RecordNotifyUrl":"https://x.example.com"}`)
	}
	w.refused(codeConfLimit, "CreateLiveRecordTemplate", `{"TemplateName":"c"}`)
	w.refused(codeConfLimit, "CreateLiveCallbackTemplate", `{"TemplateName":"c","RecordNotifyUrl":"https://x.example.com"}`)
	w.ok("CreateLiveRecordRule", `{"DomainName":"d.example.com","TemplateId":1}`)
	w.refused(codeRuleLimit, "CreateLiveRecordRule", `{"DomainName":"e.example.com","TemplateId":1}`)
	w.ok("CreateLiveCallbackRule", `{"DomainName":"d.example.com","AppName":"live","TemplateId":1}`)
	w.refused(codeRuleLimit, "CreateLiveCallbackRule", `{"DomainName":"e.example.com","AppName":"live","TemplateId":1}`)
}
