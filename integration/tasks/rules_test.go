package tasks

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	live "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/live/v20180801"

	"github.com/live-recording/liverecord/integration/lab"
)

// expect publishes two seconds and checks the kind of file that comes of it,
// "" for none. Recordings of the stream so far: n.
func (w *world) expect(want, stream string, n int) {
	w.t.Helper()
	source, p := w.push(stream, 2)
	p.Wait(w.t)
	if want == "" {
		time.Sleep(time.Second)
		w.waitDone(stream, n)
		return
	}
	files := w.paths(w.waitDone(stream, n+1)[n])
	if len(files) != 1 || filepath.Ext(files[0]) != want {
		w.t.Fatalf("push of %s made %v, want one file *%s", stream, files, want)
	}
	lab.SameMedia(w.t, source, lab.Whole, files[0])
}

// setRecording changes recording.yml and waits until it is in force.
func (w *world) setRecording(text string) {
	w.t.Helper()
	mark := w.Mark()
	w.SetRecording(w.t, text)
	w.WaitLogAfter(w.t, mark, "the configuration was reloaded")
}

// What the API answered counts for a push that starts right after the answer,
// and after a restart.
func TestRuleCountsAtOnceAndSurvives(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {}\n")
	id := w.makeTemplate(mp4)
	w.rule("", id)
	w.expect(".mp4", "a", 0)
	modify := live.NewModifyLiveRecordTemplateRequest()
	modify.TemplateId, modify.FlvParam, modify.Mp4Param = &id, hourly(), &live.RecordParam{Enable: common.Int64Ptr(0)}
	must[*live.ModifyLiveRecordTemplateResponse](t)(w.sdk.ModifyLiveRecordTemplate(modify))
	w.expect(".flv", "a", 1)
	w.Stop(t)
	w.Run(t)
	w.expect(".flv", "a", 2)
	w.Kill(t)
	w.Run(t)
	w.expect(".flv", "a", 3)
	w.deleteRule("")
	w.expect("", "b", 0) // no rule
}

// Rules of recording.yml and of the API have one precedence.
func TestRulesOfBothSources(t *testing.T) {
	t.Parallel()
	const templates = "templates: {yaml: {flv: {}}}\n"
	w := start(t, templates+"rules: [{domain: default, template: yaml}, {domain: default, app: live, stream: fixed, template: yaml}]\n")
	made := w.makeTemplate(mp4)
	w.rule("", made) // domain and app: more specific than the domain
	w.expect(".mp4", "x", 0)
	w.expect(".flv", "fixed", 0)
	refused[*live.CreateLiveRecordRuleResponse](t, "FailedOperation.RuleAlreadyExist")(w.sdk.CreateLiveRecordRule(newRule("fixed", made)))
	w.rule("fix*", made) // of the same level, but a pattern
	w.expect(".flv", "fixed", 1)
	w.expect(".mp4", "fixture", 0)
	remove := live.NewDeleteLiveRecordRuleRequest()
	remove.DomainName, remove.AppName, remove.StreamName = common.StringPtr(domain), common.StringPtr("live"), common.StringPtr("fixed")
	refused[*live.DeleteLiveRecordRuleResponse](t, "UnsupportedOperation")(w.sdk.DeleteLiveRecordRule(remove))

	// The same triple in recording.yml, later: it wins, and the API's is shadowed.
	w.setRecording(templates + "rules: [{domain: default, app: live, template: yaml}]\n")
	w.WaitLog(t, "a rule can never win")
	w.expect(".flv", "x", 1)
	rules := must[*live.DescribeLiveRecordRulesResponse](t)(w.sdk.DescribeLiveRecordRules(live.NewDescribeLiveRecordRulesRequest())).Response.Rules
	var listed []string
	for _, r := range rules {
		listed = append(listed, *r.AppName+"/"+*r.StreamName)
	}
	if want := []string{"live/", "live/", "live/fix*"}; !slices.Equal(listed, want) {
		t.Errorf("listed are %v, want %v", listed, want)
	}
	w.setRecording(templates)
	w.expect(".mp4", "x", 2)
}

// An edited template counts for the next publication of a running task, be it of
// the API or of recording.yml.
func TestTaskFollowsItsTemplate(t *testing.T) {
	t.Parallel()
	w := start(t, "templates: {yaml: {flv: {}}}\n")
	made := w.makeTemplate(mp4)
	w.task("a", now(time.Hour), made)
	w.task("b", now(time.Hour), w.template("yaml"))
	w.expect(".mp4", "a", 0)
	w.expect(".flv", "b", 0)
	modify := live.NewModifyLiveRecordTemplateRequest()
	modify.TemplateId, modify.FlvParam, modify.Mp4Param = &made, hourly(), &live.RecordParam{Enable: common.Int64Ptr(0)}
	must[*live.ModifyLiveRecordTemplateResponse](t)(w.sdk.ModifyLiveRecordTemplate(modify))
	w.setRecording("templates: {yaml: {mp4: {}}}\n")
	w.expect(".flv", "a", 1)
	w.expect(".mp4", "b", 1)
}

// hook is an operator's endpoint.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	got  []map[string]any
	path []string
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP implements http.Handler.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var event map[string]any
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got, h.path = append(h.got, event), append(h.path, r.URL.Path)
}

// events are those that came to a path, of a stream.
func (h *hook) events(path, stream string) (out []map[string]any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, e := range h.got {
		if h.path[i] == path && e["stream_id"] == stream {
			out = append(out, e)
		}
	}
	return out
}

// A callback rule made by the API delivers events, signed. It may name an address
// in a private network only if recording.yml names that host, and no longer.
func TestCallbackRule(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	const key = "key-of-the-callback"
	const record = "templates: {all: {mp4: {}}}\nrules: [{template: all}]\n"
	named := fmt.Sprintf("callbacks: [{url: %s/yaml, events: [file], domain: never.example.com}]\n", h.URL)
	w := start(t, record)
	create := live.NewCreateLiveCallbackTemplateRequest()
	create.TemplateName, create.CallbackKey = common.StringPtr("hook"), common.StringPtr(key)
	create.RecordNotifyUrl, create.RecordStatusNotifyUrl = common.StringPtr(h.URL+"/file"), common.StringPtr(h.URL+"/status")
	refused[*live.CreateLiveCallbackTemplateResponse](t, "InvalidParameter.UrlNotSafe")(w.sdk.CreateLiveCallbackTemplate(create))
	w.setRecording(record + named)
	id := must[*live.CreateLiveCallbackTemplateResponse](t)(w.sdk.CreateLiveCallbackTemplate(create)).Response.TemplateId
	w.expect(".mp4", "before", 0)
	bind := live.NewCreateLiveCallbackRuleRequest()
	bind.DomainName, bind.AppName, bind.TemplateId = common.StringPtr(domain), common.StringPtr("live"), id
	must[*live.CreateLiveCallbackRuleResponse](t)(w.sdk.CreateLiveCallbackRule(bind))

	w.expect(".mp4", "a", 0)
	lab.Eventually(t, "the events of a", func() bool { return len(h.events("/file", "a")) == 1 && len(h.events("/status", "a")) == 2 })
	e := h.events("/file", "a")[0]
	sum := md5.Sum([]byte(key + fmt.Sprintf("%.0f", e["t"])))
	if e["sign"] != hex.EncodeToString(sum[:]) {
		t.Errorf("sign is %v", e["sign"])
	}
	if e["event_type"] != 100.0 || e["file_format"] != "mp4" || e["app"] != domain || e["appname"] != "live" {
		t.Errorf("event %v", e)
	}
	status := h.events("/status", "a")
	if status[0]["record_event"] != "record_start_succeeded" || status[1]["record_event"] != "record_ended" {
		t.Errorf("status events %v", status)
	}

	w.Kill(t) // the rule survives
	w.Run(t)
	w.expect(".mp4", "b", 0)
	lab.Eventually(t, "the event of b", func() bool { return len(h.events("/file", "b")) == 1 })

	w.setRecording(record) // the host is not named any more
	w.expect(".mp4", "c", 0)
	lab.Eventually(t, "a failed delivery", func() bool {
		var list []struct{ Deliveries []struct{ Error string } }
		w.operate("LrEvents", map[string]any{"State": "waiting"}, &list)
		return len(list) > 0 && len(list[0].Deliveries) > 0 && list[0].Deliveries[0].Error != ""
	})
	w.setRecording(record + named)
	lab.Eventually(t, "the event of c", func() bool { return len(h.events("/file", "c")) == 1 })

	unbind := live.NewDeleteLiveCallbackRuleRequest()
	unbind.DomainName, unbind.AppName = common.StringPtr(domain), common.StringPtr("live")
	must[*live.DeleteLiveCallbackRuleResponse](t)(w.sdk.DeleteLiveCallbackRule(unbind))
	w.expect(".mp4", "d", 0)
	var list []struct{ Body string }
	w.operate("LrEvents", map[string]any{"State": "waiting"}, &list)
	for _, e := range list {
		if strings.Contains(e.Body, `"d"`) {
			t.Errorf("an event without a rule: %s", e.Body)
		}
	}
	if n := len(h.events("/file", "before")) + len(h.events("/file", "d")) + len(h.events("/yaml", "a")); n != 0 {
		t.Errorf("%d events that no rule asked for", n)
	}
}
