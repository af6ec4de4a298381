package api

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	live "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/live/v20180801"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
)

// methods are all ways of calling that the SDKs know.
var methods = []struct{ sign, http string }{
	{"TC3-HMAC-SHA256", "POST"}, {"TC3-HMAC-SHA256", "GET"},
	{"HmacSHA1", "POST"}, {"HmacSHA1", "GET"}, {"HmacSHA256", "POST"}, {"HmacSHA256", "GET"},
}

// goClient is a client of the official SDK with its endpoint changed.
type goClient struct {
	*live.Client
	t      *testing.T
	method string // of HTTP
}

func newGoClient(t *testing.T, f *fixture, sign, method string, credential *common.Credential) *goClient {
	t.Helper()
	p := profile.NewClientProfile()
	p.SignMethod = sign
	p.HttpProfile.Endpoint, p.HttpProfile.Scheme, p.HttpProfile.ReqMethod = f.addr, "HTTP", method
	c, err := live.NewClient(credential, "", p)
	require.NoError(t, err)
	return &goClient{c, t, method}
}

// code is the code of an SDK's error, empty if there is none.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *sdkerrors.TencentCloudSDKError
	require.True(t, errors.As(err, &e), "%v", err)
	require.NotEmpty(t, e.Message)
	require.Len(t, e.RequestId, 36)
	return e.Code
}

// must takes the answer of a call that has to succeed.
func must[T any](t *testing.T) func(T, error) T {
	return func(answer T, err error) T {
		t.Helper()
		require.NoError(t, err)
		return answer
	}
}

// refused checks the code of a call that must not succeed.
func refused[T any](t *testing.T, want string) func(T, error) {
	return func(_ T, err error) {
		t.Helper()
		require.Equal(t, want, code(t, err))
	}
}

func TestGoSDK(t *testing.T) {
	for _, m := range methods {
		t.Run(m.sign+" "+m.http, func(t *testing.T) {
			f := serve(t)
			c := newGoClient(t, f, m.sign, m.http, common.NewCredential(secretID, secretKey))
			c.templatesAndRules(f)
			c.cosFields(f)
			c.tasks()
			c.callbacks()
			c.mixing()
			c.protocol()
			c.credentials(f, m.sign)
			c.faults(f)
		})
	}
}

func (c *goClient) templatesAndRules(f *fixture) {
	t, ptr := c.t, common.Int64Ptr
	create := live.NewCreateLiveRecordTemplateRequest()
	create.TemplateName, create.Description = common.StringPtr("模板_1"), common.StringPtr("a b&c=d+%/?")
	create.FlvParam = &live.RecordParam{Enable: ptr(1), RecordInterval: ptr(60), StorageTime: ptr(3600), VodFileName: common.StringPtr("{StreamID}")}
	create.HlsParam = &live.RecordParam{Enable: ptr(1)}
	create.HlsSpecialParam = &live.HlsSpecialParam{FlowContinueDuration: common.Uint64Ptr(600)}
	create.RemoveWatermark = common.BoolPtr(true)
	made := must[*live.CreateLiveRecordTemplateResponse](t)(c.CreateLiveRecordTemplate(create)).Response
	require.Len(t, *made.RequestId, 36)
	tpl, ok := f.table().Template(*made.TemplateId)
	require.True(t, ok)
	require.Equal(t, time.Minute, tpl.Formats[0].Interval)
	require.Equal(t, 10*time.Minute, tpl.Formats[1].Splice)

	describe := live.NewDescribeLiveRecordTemplateRequest()
	describe.TemplateId = made.TemplateId
	shown := must[*live.DescribeLiveRecordTemplateResponse](t)(c.DescribeLiveRecordTemplate(describe)).Response.Template
	require.Equal(t, *create.Description, *shown.Description)
	require.Equal(t, int64(60), *shown.FlvParam.RecordInterval)
	require.Equal(t, "{StreamID}", *shown.FlvParam.VodFileName)
	require.True(t, *shown.RemoveWatermark)
	require.Zero(t, *shown.Mp4Param.Enable)

	modify := live.NewModifyLiveRecordTemplateRequest()
	modify.TemplateId, modify.Description = made.TemplateId, common.StringPtr("")
	modify.Mp4Param = &live.RecordParam{Enable: ptr(1), RecordInterval: ptr(3600)}
	must[*live.ModifyLiveRecordTemplateResponse](t)(c.ModifyLiveRecordTemplate(modify))
	list := must[*live.DescribeLiveRecordTemplatesResponse](t)(c.DescribeLiveRecordTemplates(live.NewDescribeLiveRecordTemplatesRequest())).Response
	require.Len(t, list.Templates, 2)
	require.Equal(t, plan.TemplateID("yaml"), *list.Templates[0].TemplateId)
	require.Equal(t, int64(3600), *list.Templates[1].Mp4Param.RecordInterval)
	c.templateErrors(*made.TemplateId)
	c.rules(f, *made.TemplateId)

	remove := live.NewDeleteLiveRecordTemplateRequest()
	remove.TemplateId = made.TemplateId
	must[*live.DeleteLiveRecordTemplateResponse](t)(c.DeleteLiveRecordTemplate(remove))
	refused[*live.DeleteLiveRecordTemplateResponse](t, "FailedOperation.NotFound")(c.DeleteLiveRecordTemplate(remove))
	refused[*live.DescribeLiveRecordTemplateResponse](t, "FailedOperation.NotFound")(c.DescribeLiveRecordTemplate(describe))
	refused[*live.ModifyLiveRecordTemplateResponse](t, "FailedOperation.NotFound")(c.ModifyLiveRecordTemplate(modify))
}

func (c *goClient) templateErrors(made int64) {
	t, one := c.t, common.Int64Ptr(1)
	for want, p := range map[string]*live.CreateLiveRecordTemplateRequestParams{
		"MissingParameter":      {},
		"InvalidParameterValue": {TemplateName: common.StringPtr("a b")},
		"UnsupportedOperation":  {TemplateName: common.StringPtr("mp3"), Mp3Param: &live.RecordParam{Enable: one}},
	} {
		r := live.NewCreateLiveRecordTemplateRequest()
		r.TemplateName, r.Mp3Param = p.TemplateName, p.Mp3Param
		refused[*live.CreateLiveRecordTemplateResponse](t, want)(c.CreateLiveRecordTemplate(r))
	}
	fromFile := live.NewModifyLiveRecordTemplateRequest()
	fromFile.TemplateId = common.Int64Ptr(plan.TemplateID("yaml"))
	refused[*live.ModifyLiveRecordTemplateResponse](t, "UnsupportedOperation")(c.ModifyLiveRecordTemplate(fromFile))
	// The limit of this server is four; one is there.
	var made2 []int64
	for range 3 {
		r := live.NewCreateLiveRecordTemplateRequest()
		r.TemplateName, r.IsDelayLive = common.StringPtr("more"), one
		made2 = append(made2, *must[*live.CreateLiveRecordTemplateResponse](t)(c.CreateLiveRecordTemplate(r)).Response.TemplateId)
	}
	r := live.NewCreateLiveRecordTemplateRequest()
	r.TemplateName = common.StringPtr("toomuch")
	refused[*live.CreateLiveRecordTemplateResponse](t, "InternalError.ConfOutLimit")(c.CreateLiveRecordTemplate(r))
	slow := live.NewDescribeLiveRecordTemplatesRequest()
	slow.IsDelayLive = one
	require.Len(t, must[*live.DescribeLiveRecordTemplatesResponse](t)(c.DescribeLiveRecordTemplates(slow)).Response.Templates, 3)
	for _, id := range made2 {
		require.Greater(t, id, made)
		d := live.NewDeleteLiveRecordTemplateRequest()
		d.TemplateId = &id
		must[*live.DeleteLiveRecordTemplateResponse](t)(c.DeleteLiveRecordTemplate(d))
	}
}

func (c *goClient) rules(f *fixture, template int64) {
	t := c.t
	rule := func(domain, app, stream string, template int64) *live.CreateLiveRecordRuleRequest {
		r := live.NewCreateLiveRecordRuleRequest()
		r.DomainName, r.AppName, r.StreamName, r.TemplateId = &domain, &app, &stream, &template
		return r
	}
	create := must[*live.CreateLiveRecordRuleResponse](t)
	create(c.CreateLiveRecordRule(rule("Push.example.com", "", "s", template)))
	p, ok := f.table().Match(plan.Stream{Domain: "push.example.com", App: "any", Name: "s"})
	require.True(t, ok)
	require.Equal(t, template, p.Template.ID)
	for want, r := range map[string]*live.CreateLiveRecordRuleRequest{
		"FailedOperation.RuleAlreadyExist":   rule("push.example.com", "", "s", template),
		"InvalidParameter.ConfNotFound":      rule("push.example.com", "live", "s", 999),
		"InvalidParameter.DomainFormatError": rule("http://push.example.com", "live", "s", template),
		"InvalidParameterValue":              rule("push.example.com", "/live", "s", template),
		"MissingParameter":                   rule("", "live", "s", template),
	} {
		refused[*live.CreateLiveRecordRuleResponse](t, want)(c.CreateLiveRecordRule(r))
	}
	refused[*live.CreateLiveRecordRuleResponse](t, "FailedOperation.RuleAlreadyExist")(c.CreateLiveRecordRule(rule("yaml.example.com", "", "", template)))
	create(c.CreateLiveRecordRule(rule("push.example.com", "live", "", template)))
	refused[*live.CreateLiveRecordRuleResponse](t, "InternalError.RuleOutLimit")(c.CreateLiveRecordRule(rule("push.example.com", "", "", template)))

	rules := must[*live.DescribeLiveRecordRulesResponse](t)(c.DescribeLiveRecordRules(live.NewDescribeLiveRecordRulesRequest())).Response.Rules
	require.Len(t, rules, 3)
	require.Equal(t, []string{"push.example.com", "", "s"}, []string{*rules[1].DomainName, *rules[1].AppName, *rules[1].StreamName})
	at, err := time.ParseInLocation(time.DateTime, *rules[1].CreateTime, time.FixedZone("", 8*3600))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)

	inUse := live.NewDeleteLiveRecordTemplateRequest()
	inUse.TemplateId = &template
	refused[*live.DeleteLiveRecordTemplateResponse](t, "FailedOperation.ConfInUsed")(c.DeleteLiveRecordTemplate(inUse))
	remove := func(domain, app, stream string) *live.DeleteLiveRecordRuleRequest {
		r := live.NewDeleteLiveRecordRuleRequest()
		r.DomainName, r.AppName, r.StreamName = &domain, &app, &stream
		return r
	}
	refused[*live.DeleteLiveRecordRuleResponse](t, "FailedOperation.NotFound")(c.DeleteLiveRecordRule(remove("push.example.com", "", "")))
	refused[*live.DeleteLiveRecordRuleResponse](t, "UnsupportedOperation")(c.DeleteLiveRecordRule(remove("yaml.example.com", "", "")))
	refused[*live.DeleteLiveRecordRuleResponse](t, "InvalidParameter.DomainFormatError")(c.DeleteLiveRecordRule(remove("a/b", "", "")))
	must[*live.DeleteLiveRecordRuleResponse](t)(c.DeleteLiveRecordRule(remove("push.example.com", "", "s")))
	must[*live.DeleteLiveRecordRuleResponse](t)(c.DeleteLiveRecordRule(remove("push.example.com", "live", "")))
}

// cosTemplate is what this version's types lack, and a parameter that nobody has.
type cosTemplate struct {
	*tchttp.BaseRequest
	TemplateName *string       `name:"TemplateName" json:"TemplateName,omitempty"`
	CosStore     *int64        `name:"CosStore" json:"CosStore,omitempty"`
	Mp4Param     *cosParameter `name:"Mp4Param" json:"Mp4Param,omitempty"`
	Foo          *int64        `name:"Foo" json:"Foo,omitempty"`
}

type cosParameter struct {
	Enable          *int64  `name:"Enable" json:"Enable,omitempty"`
	RecordInterval  *int64  `name:"RecordInterval" json:"RecordInterval,omitempty"`
	CosBucketName   *string `name:"CosBucketName" json:"CosBucketName,omitempty"`
	CosBucketRegion *string `name:"CosBucketRegion" json:"CosBucketRegion,omitempty"`
	CosBucketPath   *string `name:"CosBucketPath" json:"CosBucketPath,omitempty"`
}

func (c *goClient) cosFields(f *fixture) {
	t, str, ptr := c.t, common.StringPtr, common.Int64Ptr
	call := func(r *cosTemplate) (*live.CreateLiveRecordTemplateResponse, error) {
		r.BaseRequest = &tchttp.BaseRequest{}
		r.Init().WithApiInfo("live", live.APIVersion, "CreateLiveRecordTemplate")
		answer := live.NewCreateLiveRecordTemplateResponse()
		return answer, c.Send(r, answer)
	}
	with := func(bucket, path string) *cosTemplate {
		return &cosTemplate{TemplateName: str("cos"), CosStore: ptr(1), Mp4Param: &cosParameter{Enable: ptr(1), RecordInterval: ptr(3600),
			CosBucketName: &bucket, CosBucketRegion: str("ap-guangzhou"), CosBucketPath: &path}}
	}
	made := must[*live.CreateLiveRecordTemplateResponse](t)(call(with("rec", "/{RecordSource}/{StreamID}/{RecordId}"))).Response.TemplateId
	tpl, _ := f.table().Template(*made)
	require.Equal(t, config.Format{Name: config.MP4, Interval: time.Hour, Store: "cos", Path: "{RecordSource}/{StreamID}/{RecordId}", FastStart: true}, tpl.Formats[0])
	refused[*live.CreateLiveRecordTemplateResponse](t, "FailedOperation.CosBucketNotExist")(call(with("stolen", "/x")))
	refused[*live.CreateLiveRecordTemplateResponse](t, "InvalidParameter.COSCustomFileNameError")(call(with("rec", "/../{Foo}")))
	refused[*live.CreateLiveRecordTemplateResponse](t, "UnknownParameter")(call(&cosTemplate{TemplateName: str("x"), Foo: ptr(1)}))
}

func (c *goClient) tasks() {
	t, now := c.t, uint64(time.Now().Unix())
	create := func(start, end uint64) *live.CreateRecordTaskRequest {
		r := live.NewCreateRecordTaskRequest()
		r.StreamName, r.DomainName, r.AppName = common.StringPtr("livetest"), common.StringPtr("mytest.example.com"), common.StringPtr("live")
		r.EndTime, r.TemplateId = &end, common.Uint64Ptr(1)
		if start > 0 {
			r.StartTime = &start
		}
		return r
	}
	running := *must[*live.CreateRecordTaskResponse](t)(c.CreateRecordTask(create(0, now+600))).Response.TaskId
	later := *must[*live.CreateRecordTaskResponse](t)(c.CreateRecordTask(create(now+7200, now+14400))).Response.TaskId
	require.Regexp(t, `^[A-Za-z0-9]{58,64}$`, later)
	refused[*live.CreateRecordTaskResponse](t, "InvalidParameter")(c.CreateRecordTask(create(now+10, now+10)))
	refused[*live.CreateRecordTaskResponse](t, "InvalidParameter")(c.CreateRecordTask(create(now-20, now-10)))
	refused[*live.CreateRecordTaskResponse](t, "MissingParameter")(c.CreateRecordTask(live.NewCreateRecordTaskRequest()))

	stop := live.NewStopRecordTaskRequest()
	stop.TaskId = &running
	must[*live.StopRecordTaskResponse](t)(c.StopRecordTask(stop))
	describe := live.NewDescribeRecordTaskRequest()
	describe.StartTime, describe.EndTime, describe.StreamName = common.Uint64Ptr(now-60), common.Uint64Ptr(now+86400), common.StringPtr("livetest")
	list := must[*live.DescribeRecordTaskResponse](t)(c.DescribeRecordTask(describe)).Response
	require.Empty(t, *list.ScrollToken)
	require.Len(t, list.TaskList, 2)
	require.Equal(t, running, *list.TaskList[0].TaskId)
	require.InDelta(t, now, *list.TaskList[0].Stopped, 60)
	require.Equal(t, []uint64{now + 7200, now + 14400, 1, 0},
		[]uint64{*list.TaskList[1].StartTime, *list.TaskList[1].EndTime, *list.TaskList[1].TemplateId, *list.TaskList[1].Stopped})

	remove := live.NewDeleteRecordTaskRequest()
	remove.TaskId = &later
	must[*live.DeleteRecordTaskResponse](t)(c.DeleteRecordTask(remove))
	refused[*live.DeleteRecordTaskResponse](t, "InvalidParameter")(c.DeleteRecordTask(remove))
	stop.TaskId = common.StringPtr("nosuch")
	refused[*live.StopRecordTaskResponse](t, "InvalidParameter")(c.StopRecordTask(stop))
	describe.EndTime = common.Uint64Ptr(now + 8*86400)
	refused[*live.DescribeRecordTaskResponse](t, "InvalidParameter")(c.DescribeRecordTask(describe))
}

func (c *goClient) callbacks() {
	t := c.t
	create := live.NewCreateLiveCallbackTemplateRequest()
	create.TemplateName = common.StringPtr("cb")
	refused[*live.CreateLiveCallbackTemplateResponse](t, "MissingParameter")(c.CreateLiveCallbackTemplate(create))
	create.RecordNotifyUrl = common.StringPtr("http://192.168.0.1/x")
	refused[*live.CreateLiveCallbackTemplateResponse](t, "InvalidParameter.UrlNotSafe")(c.CreateLiveCallbackTemplate(create))
	create.RecordNotifyUrl, create.CallbackKey = common.StringPtr("https://hook.example.com/r?a=1&b=2"), common.StringPtr("key")
	create.RecordStatusNotifyUrl = common.StringPtr("https://hook.example.com/s")
	id := must[*live.CreateLiveCallbackTemplateResponse](t)(c.CreateLiveCallbackTemplate(create)).Response.TemplateId
	create.TemplateName = common.StringPtr("bad name")
	refused[*live.CreateLiveCallbackTemplateResponse](t, "InvalidParameter.ArgsNotMatch")(c.CreateLiveCallbackTemplate(create))

	modify := live.NewModifyLiveCallbackTemplateRequest()
	modify.TemplateId, modify.Description = id, common.StringPtr("changed")
	must[*live.ModifyLiveCallbackTemplateResponse](t)(c.ModifyLiveCallbackTemplate(modify))
	describe := live.NewDescribeLiveCallbackTemplateRequest()
	describe.TemplateId = id
	shown := must[*live.DescribeLiveCallbackTemplateResponse](t)(c.DescribeLiveCallbackTemplate(describe)).Response.Template
	require.Equal(t, []string{"cb", "changed", "https://hook.example.com/r?a=1&b=2"}, []string{*shown.TemplateName, *shown.Description, *shown.RecordNotifyUrl})
	require.NotContains(t, *shown.CallbackKey, "key")
	require.Len(t, must[*live.DescribeLiveCallbackTemplatesResponse](t)(c.DescribeLiveCallbackTemplates(live.NewDescribeLiveCallbackTemplatesRequest())).Response.Templates, 2)

	bind := live.NewCreateLiveCallbackRuleRequest()
	bind.DomainName, bind.AppName, bind.TemplateId = common.StringPtr("push.example.com"), common.StringPtr("live"), id
	must[*live.CreateLiveCallbackRuleResponse](t)(c.CreateLiveCallbackRule(bind))
	refused[*live.CreateLiveCallbackRuleResponse](t, "FailedOperation.RuleAlreadyExist")(c.CreateLiveCallbackRule(bind))
	bind.DomainName, bind.TemplateId = common.StringPtr("other.example.com"), common.Int64Ptr(99)
	refused[*live.CreateLiveCallbackRuleResponse](t, "InvalidParameter.ConfNotFound")(c.CreateLiveCallbackRule(bind))
	require.Len(t, must[*live.DescribeLiveCallbackRulesResponse](t)(c.DescribeLiveCallbackRules(live.NewDescribeLiveCallbackRulesRequest())).Response.Rules, 2)

	remove := live.NewDeleteLiveCallbackTemplateRequest()
	remove.TemplateId = id
	refused[*live.DeleteLiveCallbackTemplateResponse](t, "FailedOperation.ConfInUsed")(c.DeleteLiveCallbackTemplate(remove))
	unbind := live.NewDeleteLiveCallbackRuleRequest()
	unbind.DomainName, unbind.AppName = common.StringPtr("push.example.com"), common.StringPtr("live")
	must[*live.DeleteLiveCallbackRuleResponse](t)(c.DeleteLiveCallbackRule(unbind))
	refused[*live.DeleteLiveCallbackRuleResponse](t, "FailedOperation.NotFound")(c.DeleteLiveCallbackRule(unbind))
	must[*live.DeleteLiveCallbackTemplateResponse](t)(c.DeleteLiveCallbackTemplate(remove))
	refused[*live.DescribeLiveCallbackTemplateResponse](t, "FailedOperation.NotFound")(c.DescribeLiveCallbackTemplate(describe))
}

func (c *goClient) mixing() {
	mix := live.NewCreateCommonMixStreamRequest()
	mix.MixStreamSessionId = common.StringPtr("s")
	mix.InputStreamList = []*live.CommonMixInputParam{{InputStreamName: common.StringPtr("a"), LayoutParams: &live.CommonMixLayoutParams{ImageLayer: common.Int64Ptr(1)}}}
	mix.OutputParams = &live.CommonMixOutputParams{OutputStreamName: common.StringPtr("m")}
	refused[*live.CreateCommonMixStreamResponse](c.t, "UnsupportedOperation")(c.CreateCommonMixStream(mix))
	cancel := live.NewCancelCommonMixStreamRequest()
	cancel.MixStreamSessionId = common.StringPtr("s")
	refused[*live.CancelCommonMixStreamResponse](c.t, "UnsupportedOperation")(c.CancelCommonMixStream(cancel))
	other := live.NewDescribeLiveStreamStateRequest()
	other.AppName, other.DomainName, other.StreamName = common.StringPtr("a"), common.StringPtr("d"), common.StringPtr("s")
	refused[*live.DescribeLiveStreamStateResponse](c.t, "InvalidAction")(c.DescribeLiveStreamState(other))
}

// protocol are the codes of requests that are wrong whatever they ask for.
func (c *goClient) protocol() {
	t := c.t
	old := live.NewDescribeLiveRecordRulesRequest()
	old.Init().WithApiInfo("live", "2017-01-01", "DescribeLiveRecordRules")
	refused[*live.DescribeLiveRecordRulesResponse](t, "NoSuchVersion")(c.DescribeLiveRecordRules(old))
	long := live.NewCreateLiveRecordTemplateRequest()
	long.TemplateName, long.Description = common.StringPtr("long"), common.StringPtr(strings.Repeat("x", 11<<20))
	if c.method == "GET" {
		long.Description = common.StringPtr(strings.Repeat("x", 33<<10))
	}
	refused[*live.CreateLiveRecordTemplateResponse](t, "RequestSizeLimitExceeded")(c.CreateLiveRecordTemplate(long))
}

// credentials are the codes of callers that are not let in.
func (c *goClient) credentials(f *fixture, sign string) {
	t := c.t
	call := func(c *goClient) (*live.DescribeLiveRecordRulesResponse, error) {
		return c.DescribeLiveRecordRules(live.NewDescribeLiveRecordRulesRequest())
	}
	is := func(code string) func(*live.DescribeLiveRecordRulesResponse, error) {
		return refused[*live.DescribeLiveRecordRulesResponse](t, code)
	}
	with := func(credential *common.Credential) *goClient { return newGoClient(t, f, sign, c.method, credential) }
	is("AuthFailure.SignatureFailure")(call(with(common.NewCredential(secretID, "wrong"))))
	is("AuthFailure.SecretIdNotFound")(call(with(common.NewCredential("AKIDOTHER", secretKey))))
	is("AuthFailure.TokenFailure")(call(with(common.NewTokenCredential(secretID, secretKey, "temporary"))))
	for _, ahead := range []time.Duration{6 * time.Minute, -6 * time.Minute} {
		f.ahead.Store(int64(ahead))
		is("AuthFailure.SignatureExpire")(call(c))
	}
	f.ahead.Store(0)
	must[*live.DescribeLiveRecordRulesResponse](t)(call(c))
}

// faults are the codes of a server that can't, and of one that will not for a
// while; nothing works after them.
func (c *goClient) faults(f *fixture) {
	t := c.t
	require.NoError(t, f.db.Close())
	call := func() (*live.DescribeLiveRecordTemplatesResponse, error) {
		return c.DescribeLiveRecordTemplates(live.NewDescribeLiveRecordTemplatesRequest())
	}
	refused[*live.DescribeLiveRecordTemplatesResponse](t, "InternalError")(call())
	wrong := newGoClient(t, f, "HmacSHA1", "POST", common.NewCredential(secretID, "wrong"))
	for range 30 {
		wrong.DescribeLiveRecordRules(live.NewDescribeLiveRecordRulesRequest()) //nolint:errcheck // it is refused
	}
	refused[*live.DescribeLiveRecordRulesResponse](t, "RequestLimitExceeded.IPLimitExceeded")(
		wrong.DescribeLiveRecordRules(live.NewDescribeLiveRecordRulesRequest()))
	refused[*live.DescribeLiveRecordTemplatesResponse](t, "InternalError")(call()) // a good signature is answered
}
