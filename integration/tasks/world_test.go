package tasks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	live "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/live/v20180801"

	"github.com/live-recording/liverecord/integration/lab"
	"github.com/live-recording/liverecord/internal/api"
)

// tiny costs little to publish: 25 pictures a second, a key frame every ten.
var tiny = lab.Kind{Video: "-c:v libx264 -preset ultrafast -threads 1 -pix_fmt yuv420p -g 10 -sc_threshold 0 -b:v 60k",
	Audio: "-c:a aac -b:a 32k -ar 22050 -ac 1", Size: "160x90"}

// domain is under which what is published to 127.0.0.1 comes.
const domain = "default"

// world is a server, the SDK's client of its API, and the command line's.
type world struct {
	*lab.Server
	t   *testing.T
	sdk *live.Client
	cli api.Client
}

// start starts a server with recording.yml.
func start(t *testing.T, recording string) *world {
	t.Helper()
	return startWith(t, lab.Options{API: true, Recording: recording})
}

func startWith(t *testing.T, o lab.Options) *world {
	t.Helper()
	w := &world{Server: lab.Start(t, o), t: t}
	pair, err := api.ReadCredentials(filepath.Join(w.Dir, "data"))
	if err != nil {
		t.Fatalf("%v", err)
	}
	w.cli = api.Client{BaseURL: strings.TrimSuffix(w.Record(""), "/"), SecretID: pair.SecretID, SecretKey: pair.SecretKey}
	p := profile.NewClientProfile()
	p.HttpProfile.Endpoint, p.HttpProfile.Scheme = strings.TrimPrefix(w.cli.BaseURL, "http://"), "HTTP"
	if w.sdk, err = live.NewClient(common.NewCredential(pair.SecretID, pair.SecretKey), "", p); err != nil {
		t.Fatalf("%v", err)
	}
	return w
}

// must takes the answer of a call that has to succeed.
func must[T any](t *testing.T) func(T, error) T {
	return func(answer T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatalf("%v", err)
		}
		return answer
	}
}

// refused checks the code of a call that must not succeed.
func refused[T any](t *testing.T, want string) func(T, error) {
	return func(_ T, err error) {
		t.Helper()
		var e *sdkerrors.TencentCloudSDKError
		if !errors.As(err, &e) || e.Code != want {
			t.Fatalf("answer %v, want the error %s", err, want)
		}
	}
}

// span is when a task records; no from = now.
type span struct{ from, to time.Time }

// in is a span of whole seconds that begins in so long.
func in(wait, length time.Duration) span {
	from := time.Now().Add(wait + time.Second).Truncate(time.Second)
	return span{from, from.Add(length)}
}

// now is a span that has begun.
func now(length time.Duration) span { return span{to: time.Now().Add(length)} }

// task makes a task for the stream live/name; template 0 = none.
func (w *world) task(name string, s span, template int64) string {
	w.t.Helper()
	r := live.NewCreateRecordTaskRequest()
	r.DomainName, r.AppName, r.StreamName = common.StringPtr(domain), common.StringPtr("live"), common.StringPtr(name)
	r.EndTime = common.Uint64Ptr(uint64(s.to.Unix()))
	if !s.from.IsZero() {
		r.StartTime = common.Uint64Ptr(uint64(s.from.Unix()))
	}
	if template != 0 {
		r.TemplateId = common.Uint64Ptr(uint64(template))
	}
	return *must[*live.CreateRecordTaskResponse](w.t)(w.sdk.CreateRecordTask(r)).Response.TaskId
}

func (w *world) stopTask(id string) {
	w.t.Helper()
	r := live.NewStopRecordTaskRequest()
	r.TaskId = &id
	must[*live.StopRecordTaskResponse](w.t)(w.sdk.StopRecordTask(r))
}

func (w *world) deleteTask(id string) {
	w.t.Helper()
	r := live.NewDeleteRecordTaskRequest()
	r.TaskId = &id
	must[*live.DeleteRecordTaskResponse](w.t)(w.sdk.DeleteRecordTask(r))
}

// tasks lists the tasks of the day around now, of a stream or of all.
func (w *world) tasks(stream string) []*live.RecordTask {
	w.t.Helper()
	r := live.NewDescribeRecordTaskRequest()
	r.StartTime = common.Uint64Ptr(uint64(time.Now().Add(-time.Hour).Unix()))
	r.EndTime = common.Uint64Ptr(uint64(time.Now().Add(24 * time.Hour).Unix()))
	if stream != "" {
		r.DomainName, r.AppName, r.StreamName = common.StringPtr(domain), common.StringPtr("live"), &stream
	}
	return must[*live.DescribeRecordTaskResponse](w.t)(w.sdk.DescribeRecordTask(r)).Response.TaskList
}

// template finds a template of recording.yml.
func (w *world) template(name string) int64 {
	w.t.Helper()
	all := must[*live.DescribeLiveRecordTemplatesResponse](w.t)(w.sdk.DescribeLiveRecordTemplates(live.NewDescribeLiveRecordTemplatesRequest()))
	for _, x := range all.Response.Templates {
		if *x.TemplateName == name {
			return *x.TemplateId
		}
	}
	w.t.Fatalf("no template %s is listed", name)
	return 0
}

// makeTemplate makes a template by the API; change may fill it in.
func (w *world) makeTemplate(change func(*live.CreateLiveRecordTemplateRequest)) int64 {
	w.t.Helper()
	r := live.NewCreateLiveRecordTemplateRequest()
	r.TemplateName = common.StringPtr("made")
	if change != nil {
		change(r)
	}
	return *must[*live.CreateLiveRecordTemplateResponse](w.t)(w.sdk.CreateLiveRecordTemplate(r)).Response.TemplateId
}

// hourly is a format of a template that is cut every hour.
func hourly() *live.RecordParam {
	return &live.RecordParam{Enable: common.Int64Ptr(1), RecordInterval: common.Int64Ptr(3600)}
}

func mp4(r *live.CreateLiveRecordTemplateRequest) { r.Mp4Param = hourly() }

// rule binds a template to live/stream; "" = all of the app.
func (w *world) rule(stream string, template int64) {
	w.t.Helper()
	must[*live.CreateLiveRecordRuleResponse](w.t)(w.sdk.CreateLiveRecordRule(newRule(stream, template)))
}

func newRule(stream string, template int64) *live.CreateLiveRecordRuleRequest {
	r := live.NewCreateLiveRecordRuleRequest()
	r.DomainName, r.AppName, r.StreamName, r.TemplateId = common.StringPtr(domain), common.StringPtr("live"), &stream, &template
	return r
}

func (w *world) deleteRule(stream string) {
	w.t.Helper()
	r := live.NewDeleteLiveRecordRuleRequest()
	r.DomainName, r.AppName, r.StreamName = common.StringPtr(domain), common.StringPtr("live"), &stream
	must[*live.DeleteLiveRecordRuleResponse](w.t)(w.sdk.DeleteLiveRecordRule(r))
}

// push publishes so many seconds to live/stream by RTMP and waits until they are
// on their way.
func (w *world) push(stream string, seconds int) (source string, p *lab.Push) {
	w.t.Helper()
	source = tiny.Long(seconds).Make(w.t)
	mark := w.Mark()
	p = w.Publish(w.t, source, w.RTMP("live/"+stream))
	w.WaitLogAfter(w.t, mark, "is publishing to path 'live/"+stream+"'")
	return source, p
}

// recording is a line of `record list`, with the files of `record show`.
type recording struct {
	ID        string `json:"id"`
	Stream    string `json:"stream"`
	State     string `json:"state"`
	By        string `json:"by"`
	Reason    string `json:"reason"`
	Joins     int    `json:"joins"`
	Remaining int    `json:"remainingSeconds"`
	Started   time.Time
	Ended     time.Time
	Files     []struct {
		Format, Object, State string
		DurationSeconds       float64
	} `json:"files"`
}

// recordings lists what is or was recorded of live/stream, oldest first.
func (w *world) recordings(stream string) []recording {
	w.t.Helper()
	var list []recording
	w.operate("LrList", map[string]any{"DomainName": domain, "AppName": "live", "StreamName": stream}, &list)
	for i := range list {
		w.operate("LrShow", map[string]any{"RecordingId": list[i].ID}, &list[i])
	}
	slices.Reverse(list)
	return list
}

func (w *world) operate(action string, params, out any) {
	w.t.Helper()
	if err := w.cli.Operate(context.Background(), action, params, out); err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
}

// waitDone waits until n recordings of live/stream were made and all are stored.
func (w *world) waitDone(stream string, n int) (list []recording) {
	w.t.Helper()
	lab.Eventually(w.t, fmt.Sprintf("%d recordings of %s to be done", n, stream), func() bool {
		list = w.recordings(stream)
		return len(list) >= n && !slices.ContainsFunc(list, func(r recording) bool { return r.State != "done" })
	})
	if len(list) != n {
		w.t.Fatalf("%d recordings of %s, want %d: %+v", len(list), stream, n, list)
	}
	return list
}

// waitRecording waits until so many recordings of live/stream run.
func (w *world) waitRecording(stream string, n int) {
	w.t.Helper()
	lab.Eventually(w.t, fmt.Sprintf("%d running recordings of %s", n, stream), func() bool {
		running := 0
		for _, r := range w.recordings(stream) {
			if r.State == "recording" && len(r.Files) > 0 {
				running++
			}
		}
		return running == n
	})
}

// paths are the files of a recording in the local store, in the order of their starts.
func (w *world) paths(r recording) (files []string) {
	w.t.Helper()
	for _, f := range r.Files {
		path := w.Path(f.Object)
		if _, err := os.Stat(path); err != nil {
			w.t.Fatalf("recording %s: %v", r.ID, err)
		}
		files = append(files, path)
	}
	return files
}

// pieceOf checks that files hold, one after the other, a piece of the source
// without gap or double, beginning with a key frame, silent in every reader. It
// returns the indices of the first and the last picture.
func pieceOf(t *testing.T, source string, files ...string) (first, last int) {
	t.Helper()
	place := map[string]int{}
	for i, f := range lab.Pictures(t, source) {
		place[f.Hash] = i
	}
	next := -1
	for _, file := range files {
		lab.Silent(t, file)
		for i, f := range lab.Pictures(t, file) {
			at, known := place[f.Hash]
			switch {
			case !known:
				t.Fatalf("%s: picture %d is none of the source", file, i)
			case next < 0:
				first = at
			case at != next:
				t.Fatalf("%s: picture %d is number %d of the source, want %d", file, i, at, next)
			}
			next = at + 1
		}
	}
	if next < 0 || first%10 != 0 {
		t.Fatalf("%v: the first picture is number %d, no key frame; the last %d", files, first, next-1)
	}
	return first, next - 1
}
