package tasks

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	live "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/live/v20180801"

	"github.com/live-recording/liverecord/integration/cosserver"
	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/api"
)

// secrets that a server is given. None may be shown to anybody.
var secrets = map[string]string{
	"SECRET_COS_ID":   "AKIDsecretOfTheBucket0123456789",
	"SECRET_COS_KEY":  "keyOfTheBucket0123456789",
	"SECRET_CALLBACK": "keyOfTheCallback0123456789",
	"SECRET_OLD_KEY":  "oldKeyOfTheCallback0123456789",
	"SECRET_HOOK":     "tokenInTheAddress0123456789",
	"SECRET_OTHER":    "secretOfAnything0123456789",
}

// Secrets of whoever publishes, and of whoever calls the API.
const (
	pushSecret  = "secretOfThePush0123456789"
	madeKey     = "keyMadeByTheAPI0123456789"
	madeHook    = "tokenMadeByTheAPI0123456789"
	wrongSecret = "wrongKeyOfACaller0123456789"
)

const secretive = `templates: {all: {mp4: {}, flv: {store: bucket}}}
rules: [{template: all}]
callbacks: [{url: "ADDRESS/${SECRET_HOOK}", keys: ["${SECRET_CALLBACK}", "${SECRET_OLD_KEY}"], events: [file, status, abnormal]}]
`

// shown is everything that a server says.
type shown struct {
	t     *testing.T
	where []string
	text  []string
}

func (s *shown) add(where, text string) {
	s.where, s.text = append(s.where, where), append(s.text, text)
}

func (s *shown) get(url string) {
	s.t.Helper()
	r, err := http.Get(url)
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	s.add(url, string(body))
}

func (s *shown) mustNotHold(what, secret string) {
	s.t.Helper()
	for i, text := range s.text {
		if at := strings.Index(text, secret); at >= 0 {
			s.t.Errorf("%s holds %s: …%s…", s.where[i], what, text[max(at-150, 0):min(at+len(secret)+20, len(text))])
		}
	}
}

// No secret is shown in a log, a listing, an answer of MediaMTX, or an event.
func TestSecretsAreShownNowhere(t *testing.T) {
	t.Parallel()
	h := newHook(t)
	bucket := lab.StartCOS(t, cosserver.Options{}) // it does not know our key: uploads fail, and tell
	w := startSecretive(t, h, bucket)
	own, err := api.ReadCredentials(filepath.Join(w.Dir, "data"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	w.useEverything(h, own.SecretID)
	all := &shown{t: t}
	w.look(all, h)
	for name, value := range secrets {
		all.mustNotHold(name, value)
	}
	all.mustNotHold("the key in data/credentials", own.SecretKey)
	all.mustNotHold("the secret of the push", pushSecret)
	all.mustNotHold("the key of an API callback", madeKey)
	all.mustNotHold("a caller's wrong key", wrongSecret)
	for i, where := range all.where { // an address is shown to those who may call the API
		if where == "log" && strings.Contains(all.text[i], madeHook) {
			t.Errorf("the log holds the address of an API callback")
		}
	}
	if i := strings.Index(strings.Join(all.text, "\n"), `"CallbackKey":"******"`); i < 0 {
		t.Errorf("the listing shows no masked key")
	}
	w.stored(pushSecret, secrets["SECRET_COS_KEY"], secrets["SECRET_CALLBACK"], secrets["SECRET_OTHER"])
}

func startSecretive(t *testing.T, h *hook, bucket *cosserver.Server) *world {
	t.Helper()
	var env []string
	for name, value := range secrets {
		env = append(env, name+"="+value)
	}
	recording := strings.ReplaceAll(secretive, "ADDRESS", h.URL)
	return startWith(t, lab.Options{API: true, Recording: recording, Env: env,
		Stores: "  bucket: {type: cos, bucket: " + cosserver.DefaultBucket + ", region: " + cosserver.DefaultRegion +
			", endpoint: \"" + bucket.URL() + "\", secretID: \"${SECRET_COS_ID}\", secretKey: \"${SECRET_COS_KEY}\"}\n"})
}

// useEverything makes a server tell as much as it can.
func (w *world) useEverything(h *hook, id string) {
	w.t.Helper()
	create := live.NewCreateLiveCallbackTemplateRequest()
	create.TemplateName, create.CallbackKey = common.StringPtr("made"), common.StringPtr(madeKey)
	create.RecordNotifyUrl = common.StringPtr(h.URL + "/made?token=" + madeHook)
	made := must[*live.CreateLiveCallbackTemplateResponse](w.t)(w.sdk.CreateLiveCallbackTemplate(create)).Response.TemplateId
	bind := live.NewCreateLiveCallbackRuleRequest()
	bind.DomainName, bind.AppName, bind.TemplateId = common.StringPtr(domain), common.StringPtr("live"), made
	must[*live.CreateLiveCallbackRuleResponse](w.t)(w.sdk.CreateLiveCallbackRule(bind))
	w.task("x", now(time.Hour), 0)

	wrong := api.Client{BaseURL: w.cli.BaseURL, SecretID: id, SecretKey: wrongSecret}
	if err := wrong.Call(context.Background(), "DescribeLiveRecordRules", nil, nil); err == nil {
		w.t.Fatalf("a wrong key was accepted")
	}
	source := tiny.Long(3).Make(w.t)
	query := "?user=u&pass=" + pushSecret + "&token=" + pushSecret + "&txSecret=" + pushSecret + "&jwt=" + pushSecret + "&room=7"
	w.Publish(w.t, source, w.RTMP("live/x"+query)).Wait(w.t)
	w.WaitLog(w.t, "stored ", "store=local")
	w.WaitLog(w.t, "ERR", "store=bucket")
	lab.Eventually(w.t, "the events", func() bool {
		return len(h.events("/"+secrets["SECRET_HOOK"], "x")) > 0 && len(h.events("/made", "x")) > 0
	})

	// Values that stand where they don't belong are refused without being told.
	mark := w.Mark()
	w.SetRecording(w.t, "maxRecordings: ${SECRET_OTHER}\ntemplates: {a: {mp4: {interval: \"${SECRET_COS_KEY}\", store: \"${SECRET_COS_KEY}\"}}}\n"+
		"rules: [{template: \"${SECRET_CALLBACK}\", domain: \"${SECRET_OLD_KEY} x\"}]\ncallbacks: [{url: \"${SECRET_HOOK}\"}]\n")
	w.WaitLogAfter(w.t, mark, "the configuration has errors")
}

// look collects what is to be seen.
func (w *world) look(all *shown, h *hook) {
	w.t.Helper()
	var log strings.Builder
	for _, l := range w.Log("") {
		log.WriteString(l.Text + "\n")
	}
	all.add("log", log.String())
	for _, action := range []string{"DescribeLiveRecordTemplates", "DescribeLiveRecordRules", "DescribeLiveCallbackTemplates", "DescribeLiveCallbackRules"} {
		var answer json.RawMessage
		if err := w.cli.Call(context.Background(), action, nil, &answer); err != nil {
			w.t.Fatalf("%s: %v", action, err)
		}
		all.add(action, string(answer))
	}
	stream := map[string]any{"DomainName": domain, "AppName": "live", "StreamName": "x"}
	for action, params := range map[string]any{"LrList": nil, "LrExplain": stream, "LrShow": map[string]any{"RecordingId": w.recordings("x")[0].ID}, "LrEvents": nil} {
		var answer json.RawMessage
		w.operate(action, params, &answer)
		all.add(action, string(answer))
	}
	for _, path := range []string{"metrics", "healthz", "readyz", "console/", "recordings/"} {
		all.get(w.Record(path))
	}
	config, err := os.ReadFile(filepath.Join(w.Dir, "mediamtx.yml"))
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	host := regexp.MustCompile(`apiAddress: (\S+)`).FindStringSubmatch(string(config))[1]
	for _, action := range []string{"config/global/get", "config/pathdefaults/get", "config/paths/list", "paths/list"} {
		all.get("http://" + host + "/v3/" + action)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.got {
		text, err := json.Marshal(e)
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		all.add("event", string(text))
	}
}

// stored checks that nothing below data/ holds a secret that has no business there.
func (w *world) stored(secrets ...string) {
	w.t.Helper()
	err := filepath.WalkDir(filepath.Join(w.Dir, "data"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, s := range secrets {
			if strings.Contains(string(data), s) {
				w.t.Errorf("%s holds %s", path, s)
			}
		}
		return err
	})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}
