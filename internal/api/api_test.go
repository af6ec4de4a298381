package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/internal/plan"
	"github.com/live-recording/liverecord/internal/state"
	"github.com/live-recording/liverecord/internal/view"
)

const (
	testID  = "AKIDEXAMPLE"
	testKey = "very-secret-key"
)

// world is a server with a clock, a log and counters of its calls back.
type world struct {
	*Server
	t      *testing.T
	db     *state.DB
	c      *config.Config
	log    bytes.Buffer
	clock  time.Time
	remote string

	plans, callbacks, tasks atomic.Int64
}

func newWorld(t *testing.T, change ...func(*Options)) *world {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	w := &world{t: t, db: db, c: testConfig(), clock: time.Unix(1_800_000_000, 500_000_000), remote: "198.51.100.7:1234"}
	opt := Options{DB: db, Config: func() *config.Config { return w.c },
		Credentials:      []config.Credential{{SecretID: testID, SecretKey: testKey}, {SecretID: "SECOND", SecretKey: "another"}},
		Changed:          func() { w.plans.Add(1) },
		CallbacksChanged: func() { w.callbacks.Add(1) },
		TasksChanged:     func() { w.tasks.Add(1) },
		Log:              slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:              func() time.Time { return w.clock },
	}
	for _, f := range change {
		f(&opt)
	}
	w.Server = New(opt)
	return w
}

func testConfig() *config.Config {
	return &config.Config{
		DefaultDomain: "default", DefaultApp: "live", DefaultStore: "local",
		Stores: map[string]config.Store{
			"local":  {Name: "local", Type: "local", BaseURL: "https://rec.example.com/recordings"},
			"cos":    {Name: "cos", Type: "cos", Bucket: "rec-1250000000", Region: "ap-guangzhou"},
			"east":   {Name: "east", Type: "cos", Bucket: "east-1250000000", Region: "ap-shanghai"},
			"url":    {Name: "url", Type: "cos", Endpoint: "https://edge-1250000000.cos.ap-beijing.myqcloud.com"},
			"folder": {Name: "folder", Type: "cos", Endpoint: "http://127.0.0.1:9000/test-1250000000"},
		},
		Templates: []config.Template{
			{Name: "everything", Line: 12, Formats: []config.Format{
				{Name: config.MP4, Interval: time.Hour, Store: "cos", Path: "a/{RecordId}", Keep: time.Hour},
				{Name: config.HLS, Splice: 5 * time.Minute, Store: "local", Path: config.DefaultPath},
			}},
			{Name: "nothing", Line: 20},
		},
		Rules: []config.Rule{{Template: "everything", Line: 30}, {Domain: "push.example.com", App: "live", Template: "nothing", Line: 31}},
		Callbacks: []config.Callback{{URL: "https://ops.example.com/hook?token=secret1", Keys: []string{"secret2"},
			Events: []string{"file", "abnormal"}, Domain: "push.example.com"}},
	}
}

// post makes a signed TC3 request.
func (w *world) post(action, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:9995/", strings.NewReader(body))
	r.RemoteAddr = w.remote
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-TC-Action", action)
	r.Header.Set("X-TC-Version", Version)
	signTC3(r, []byte(body), testID, testKey, w.clock)
	return r
}

// do serves a request and returns the Response object.
func (w *world) do(r *http.Request) map[string]any {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	require.Equal(w.t, http.StatusOK, rec.Code)
	require.Equal(w.t, "application/json", rec.Header().Get("Content-Type"))
	var out struct{ Response map[string]any }
	require.NoError(w.t, json.Unmarshal(rec.Body.Bytes(), &out), rec.Body.String())
	require.Regexp(w.t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, out.Response["RequestId"])
	return out.Response
}

func codeOf(response map[string]any) string {
	e, _ := response["Error"].(map[string]any)
	code, _ := e["Code"].(string)
	return code
}

// ok calls an action that must succeed.
func (w *world) ok(action, body string) map[string]any {
	w.t.Helper()
	out := w.do(w.post(action, body))
	require.Empty(w.t, out["Error"], "%s %s", action, body)
	return out
}

// refused calls an action that must be refused with a code.
func (w *world) refused(code, action, body string) {
	w.t.Helper()
	out := w.do(w.post(action, body))
	require.Equal(w.t, code, codeOf(out), "%s %s: %v", action, body, out)
	require.NotEmpty(w.t, out["Error"].(map[string]any)["Message"])
}

// table compiles what is recorded now.
func (w *world) table() *plan.Table {
	w.t.Helper()
	d, _, err := Dynamic(context.Background(), w.db, w.c)
	require.NoError(w.t, err)
	t, _ := plan.Compile(w.c, d)
	return t
}

func id(v any) int64 { return int64(v.(float64)) }

func TestSomethingsWrongBeforeAnyAction(t *testing.T) {
	w := newWorld(t)
	w.refused(codeInvalidAction, "NoSuchAction", `{}`)
	w.refused(codeUnsupported, "CreateCommonMixStream", `{"MixStreamSessionId":"x"}`)
	w.refused(codeUnsupported, "CancelCommonMixStream", `{}`)
	w.refused(codeMissing, "", `{}`)
	w.refused(codeUnknown, "DescribeLiveRecordRules", `{"Foo":1}`)
	w.refused(codeInvalidRequest, "DescribeLiveRecordRules", `{"Foo":1`)
	w.refused(codeInvalidRequest, "DescribeLiveRecordRules", `[]`)
	w.refused(codeInvalidRequest, "DescribeLiveRecordRules", `{} {}`)
	w.refused(codeInvalidRequest, "DescribeLiveRecordTemplate", `{"TemplateId":1,"TemplateId":2}`)
	w.refused(codeInvalidRequest, "DescribeLiveRecordRules", `{"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`)
	w.refused(codeInvalidRequest, "DescribeLiveRecordRules", `{"a":[`+strings.Repeat("1,", 5000)+`1]}`)
	w.refused(codeInvalidRequest, "DescribeLiveRecordRules", "{\"a\":\"\xff\"}")
	w.refused(codeUnknown, "CreateLiveRecordTemplate", `{"TemplateName":"a","FlvParam":{"Foo":1}}`)

	r := w.post("DescribeLiveRecordRules", `{}`)
	r.Header.Set("X-TC-Version", "2017-01-01")
	require.Equal(t, codeNoSuchVersion, codeOf(w.do(r)))
	r = w.post("DescribeLiveRecordRules", `{}`)
	r.Header.Del("X-TC-Version")
	require.Equal(t, codeMissing, codeOf(w.do(r)))
	for _, method := range []string{"PUT", "DELETE", "OPTIONS", "PATCH"} {
		r = w.post("DescribeLiveRecordRules", `{}`)
		r.Method = method
		require.Equal(t, codeUnsupportedProtocol, codeOf(w.do(r)))
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	w := newWorld(t)
	w.c.Templates, w.c.Rules, w.c.Callbacks = nil, nil, nil
	for action, field := range map[string]string{"DescribeLiveRecordTemplates": "Templates", "DescribeLiveRecordRules": "Rules",
		"DescribeLiveCallbackTemplates": "Templates", "DescribeLiveCallbackRules": "Rules"} {
		require.Equal(t, []any{}, w.ok(action, `{}`)[field])
	}
	out := w.ok("DescribeRecordTask", fmt.Sprintf(`{"StartTime":%d,"EndTime":%d}`, w.clock.Unix(), w.clock.Unix()+10))
	require.Equal(t, []any{}, out["TaskList"])
	require.Equal(t, "", out["ScrollToken"])
}

func TestFaultsOfOursAreLoggedNotShown(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.db.Close())
	out := w.do(w.post("CreateLiveRecordTemplate", `{"TemplateName":"a"}`))
	require.Equal(t, codeInternal, codeOf(out))
	require.NotContains(t, fmt.Sprint(out), "closed")
	require.Contains(t, w.log.String(), "closed")
	require.Contains(t, w.log.String(), out["RequestId"])
}

func TestWritesAreAuditedWithoutSecrets(t *testing.T) {
	w := newWorld(t)
	w.ok("CreateLiveCallbackTemplate", `{"TemplateName":"cb","RecordNotifyUrl":"https://x.example.com/?k=URLSECRET","CallbackKey":"KEYSECRET"}`)
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"tpl"}`)
	w.refused(codeNotFound, "DeleteLiveRecordTemplate", `{"TemplateId":77}`)
	w.ok("DescribeLiveRecordTemplates", `{}`)
	log := w.log.String()
	require.Equal(t, 3, strings.Count(log, "api: write"), log)
	for _, want := range []string{"TemplateName=cb", "TemplateName=tpl", "made=1", "secretID=" + testID, "TemplateId=77", "result=" + codeNotFound, "remote=198.51.100.7"} {
		require.Contains(t, log, want)
	}
	for _, secret := range []string{"URLSECRET", "KEYSECRET", testKey} {
		require.NotContains(t, log, secret)
	}
	listing := fmt.Sprint(w.ok("DescribeLiveCallbackTemplates", `{}`))
	for _, secret := range []string{"KEYSECRET", "secret1", "secret2"} {
		require.NotContains(t, listing, secret)
	}
}

type fakeOperator struct{ last any }

func (o *fakeOperator) List(_ context.Context, q ListQuery) ([]view.Recording, error) {
	o.last = q
	return []view.Recording{{ID: "7", Stream: "a"}}, nil
}

func (o *fakeOperator) Show(_ context.Context, id string) (*view.Recording, error) {
	return nil, fmt.Errorf("recording %s: %w", id, state.ErrNotFound)
}

func (o *fakeOperator) Events(_ context.Context, q EventsQuery) ([]view.Event, error) {
	o.last = q
	return []view.Event{{ID: "1"}, {ID: "2"}}, nil
}

func (o *fakeOperator) Resend(context.Context, string) (*view.Resent, error) {
	return nil, Errorf("ResourceUnavailable", "not now")
}

func (o *fakeOperator) Explain(_ context.Context, q ExplainQuery) (*view.Explanation, error) {
	o.last = q
	return nil, errors.New("secret detail")
}

func (o *fakeOperator) Stop(_ context.Context, id string, s plan.Stream) ([]string, error) {
	o.last = []any{id, s}
	switch {
	case id == "1":
		return nil, fmt.Errorf("recording %s: %w", id, state.ErrNotFound)
	case id != "":
		return []string{id}, nil
	case s.Name == "ruled":
		return []string{"17", "18"}, nil
	}
	return nil, nil
}

func TestOperatorsActions(t *testing.T) {
	o := &fakeOperator{}
	w := newWorld(t, func(opt *Options) { opt.Operator = o })
	listed := w.ok("LrList", `{"DomainName":"D","Limit":"5"}`)["Result"].([]any)
	require.Len(t, listed, 1)
	require.Equal(t, []any{"7", "a"}, []any{listed[0].(map[string]any)["id"], listed[0].(map[string]any)["stream"]})
	require.Equal(t, ListQuery{Domain: "d", Limit: 5}, o.last)
	require.Len(t, w.ok("LrEvents", `{"RecordingId":"7"}`)["Result"], 2)
	require.Equal(t, EventsQuery{Recording: "7", Limit: operatorLimit}, o.last)
	w.refused(codeResourceNotFound, "LrShow", `{"RecordingId":"1"}`)
	w.refused("ResourceUnavailable", "LrResend", `{"EventId":"1"}`)
	w.refused(codeInternal, "LrExplain", `{"DomainName":"d","AppName":"a","StreamName":"s"}`)
	w.refused(codeMissing, "LrExplain", `{"DomainName":"d"}`)

	w = newWorld(t)
	for _, action := range []string{"LrList", "LrEvents"} {
		w.refused(codeUnsupported, action, `{}`)
	}
}

func TestOperatorStartsAndStops(t *testing.T) {
	w := newWorld(t, func(opt *Options) { opt.Operator = &fakeOperator{} })
	const stream = `"DomainName":"push.example.com","AppName":"live","StreamName":"s"`
	w.refused(codeInvalid, "LrStart", `{`+stream+`,"Template":"nosuch"}`)
	w.refused(codeInvalid, "LrStart", `{`+stream+`,"For":0}`)
	w.refused(codeResourceNotFound, "LrStop", `{`+stream+`}`)
	w.refused(codeMissing, "LrStop", `{}`)
	first := w.ok("LrStart", `{`+stream+`,"Template":"everything","For":1800}`)["TaskId"].(string)
	second := w.ok("LrStart", `{`+stream+`}`)["TaskId"].(string)
	k, err := state.TaskByID(context.Background(), w.db.Reader(), first)
	require.NoError(t, err)
	require.Equal(t, plan.TemplateID("everything"), k.TemplateID)
	require.Equal(t, w.clock.Add(30*time.Minute).UnixNano(), k.End.UnixNano())
	require.Equal(t, int64(2), w.tasks.Load())
	require.ElementsMatch(t, []any{first, second}, w.ok("LrStop", `{`+stream+`}`)["Result"])
	w.refused(codeResourceNotFound, "LrStop", `{`+stream+`}`)
	w.ok("LrStop", `{"TaskId":"`+first+`"}`)
	w.refused(codeInvalid, "LrStop", `{"TaskId":"nosuch"}`)
	require.Contains(t, w.log.String(), "stopped=")
}

func TestOperatorStopsRecordings(t *testing.T) {
	o := &fakeOperator{}
	w := newWorld(t, func(opt *Options) { opt.Operator = o })
	const ruled = `"DomainName":"Push.example.com","AppName":"live","StreamName":"ruled"`
	task := w.ok("LrStart", `{`+ruled+`}`)["TaskId"]
	require.Equal(t, []any{task, "17", "18"}, w.ok("LrStop", `{`+ruled+`}`)["Result"])
	require.Equal(t, []any{"", plan.Stream{Domain: "push.example.com", App: "live", Name: "ruled"}}, o.last)
	require.Equal(t, []any{"17", "18"}, w.ok("LrStop", `{`+ruled+`}`)["Result"])
	require.Equal(t, []any{"7"}, w.ok("LrStop", `{"RecordingId":"7"}`)["Result"])
	require.Contains(t, w.log.String(), "stopped=[7]")
	w.refused(codeResourceNotFound, "LrStop", `{"RecordingId":"1"}`)
	for _, p := range []string{`{"RecordingId":"7",` + ruled + `}`, `{"TaskId":"x","RecordingId":"7"}`, `{"DomainName":"push.example.com"}`} {
		w.refused(codeMissing, "LrStop", p)
	}
	w.opt.Operator = nil
	w.refused(codeUnsupported, "LrStop", `{"RecordingId":"7"}`)
}

func TestLimitsAndTriplesHoldWhenManyCallAtOnce(t *testing.T) {
	w := newWorld(t)
	w.c.Limits.Templates = 10
	var wg sync.WaitGroup
	var made, bound atomic.Int64
	for range 40 {
		wg.Go(func() {
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, w.post("CreateLiveRecordTemplate", `{"TemplateName":"a"}`))
			if strings.Contains(rec.Body.String(), "TemplateId") {
				made.Add(1)
			}
			rec = httptest.NewRecorder()
			w.ServeHTTP(rec, w.post("CreateLiveRecordRule", `{"DomainName":"d.example.com","TemplateId":1}`))
			if !strings.Contains(rec.Body.String(), "Error") {
				bound.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []int64{10, 1}, []int64{made.Load(), bound.Load()})
	require.Equal(t, int64(11), w.plans.Load())
}
