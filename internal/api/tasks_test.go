package api

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/live-recording/liverecord/internal/state"
)

const taskStream = `"DomainName":"Push.example.com","AppName":"live","StreamName":"s"`

func (w *world) task(format string, args ...any) string {
	w.t.Helper()
	id := w.ok("CreateRecordTask", `{`+taskStream+fmt.Sprintf(format, args...)+`}`)["TaskId"].(string)
	require.Regexp(w.t, `^[A-Za-z0-9]{58,64}$`, id)
	return id
}

func (w *world) running() []string {
	w.t.Helper()
	tasks, err := state.RunningTasks(context.Background(), w.db.Reader(), w.clock)
	require.NoError(w.t, err)
	var ids []string
	for _, k := range tasks {
		ids = append(ids, k.ID)
	}
	return ids
}

func TestTaskNowLaterStoppedDeleted(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Unix()
	w.ok("CreateLiveRecordTemplate", `{"TemplateName":"a","Mp4Param":{"Enable":1}}`)
	first := w.task(`,"EndTime":%d,"TemplateId":"1"`, now+60)
	later := w.task(`,"StartTime":%d,"EndTime":%d,"StreamType":1,"Extension":"x"`, now+30, now+90)
	long := w.task(`,"StartTime":%d,"EndTime":%d`, now-100, now+40*86400) // no bound of 24 hours
	require.Equal(t, int64(3), w.tasks.Load())
	require.ElementsMatch(t, []string{first, long}, w.running())
	k, err := state.TaskByID(context.Background(), w.db.Reader(), first)
	require.NoError(t, err)
	require.Equal(t, []any{"push.example.com", "live", "s", w.clock.UnixNano(), int64(1)}, []any{k.Domain, k.App, k.Stream, k.Start.UnixNano(), k.TemplateID})

	w.clock = w.clock.Add(30 * time.Second)
	require.ElementsMatch(t, []string{first, later, long}, w.running(), "any overlap")
	w.ok("StopRecordTask", `{"TaskId":"`+first+`"}`)
	stopped := w.clock.Unix()
	w.clock = w.clock.Add(time.Second)
	w.ok("StopRecordTask", `{"TaskId":"`+first+`"}`)
	w.ok("DeleteRecordTask", `{"TaskId":"`+later+`"}`)
	require.Equal(t, []string{long}, w.running())

	list := w.ok("DescribeRecordTask", fmt.Sprintf(`{"StartTime":%d,"EndTime":%d}`, now, now+3600))["TaskList"].([]any)
	require.Equal(t, []any{map[string]any{"TaskId": first, "DomainName": "push.example.com", "AppName": "live", "StreamName": "s",
		"StartTime": float64(now), "EndTime": float64(now + 60), "TemplateId": 1., "Stopped": float64(stopped)}}, list)
	for _, action := range []string{"StopRecordTask", "DeleteRecordTask"} {
		w.refused(codeInvalid, action, `{"TaskId":"`+later+`"}`)
		w.refused(codeInvalid, action, `{"TaskId":"nosuch"}`)
		w.refused(codeMissing, action, `{}`)
	}
}

func TestStopOfATaskThatIsOverChangesNothing(t *testing.T) {
	w := newWorld(t)
	id := w.task(`,"EndTime":%d`, w.clock.Unix()+10)
	w.clock = w.clock.Add(time.Minute)
	w.ok("StopRecordTask", `{"TaskId":"`+id+`"}`)
	k, err := state.TaskByID(context.Background(), w.db.Reader(), id)
	require.NoError(t, err)
	require.True(t, k.Stopped.IsZero())
}

func TestTasksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Unix()
	for rest, code := range map[string]string{
		``:                                  codeMissing,
		fmt.Sprintf(`,"EndTime":%d`, now):   codeInvalid,
		fmt.Sprintf(`,"EndTime":%d`, now-5): codeInvalid,
		fmt.Sprintf(`,"StartTime":%d,"EndTime":%d`, now+10, now+10):  codeInvalid,
		fmt.Sprintf(`,"StartTime":%d,"EndTime":%d`, now-10, now-5):   codeInvalid,
		fmt.Sprintf(`,"EndTime":%d`, now*1000):                       codeInvalid,
		fmt.Sprintf(`,"StartTime":%d,"EndTime":%d`, now*1000, now+5): codeInvalid,
		fmt.Sprintf(`,"EndTime":%d,"StreamType":2`, now+5):           codeInvalid,
		fmt.Sprintf(`,"EndTime":%d,"StreamType":-1`, now+5):          codeInvalid,
		fmt.Sprintf(`,"EndTime":"%d","TemplateId":"x"`, now+5):       codeInvalid,
		`,"EndTime":"tomorrow"`:                                      codeInvalid,
	} {
		w.refused(code, "CreateRecordTask", `{`+taskStream+rest+`}`)
	}
	end := fmt.Sprintf(`"EndTime":%d`, now+5)
	for body, code := range map[string]string{
		`{"DomainName":"d","AppName":"a",` + end + `}`:                    codeMissing,
		`{"DomainName":"d","StreamName":"s",` + end + `}`:                 codeMissing,
		`{"AppName":"a","StreamName":"s",` + end + `}`:                    codeMissing,
		`{"DomainName":"d d","AppName":"a","StreamName":"s",` + end + `}`: codeInvalid,
		`{"DomainName":"*","AppName":"a","StreamName":"s",` + end + `}`:   codeInvalid,
		`{"DomainName":"d","AppName":"a*","StreamName":"s",` + end + `}`:  codeInvalidValue,
		`{"DomainName":"d","AppName":"a","StreamName":"s/t",` + end + `}`: codeInvalidValue,
	} {
		w.refused(code, "CreateRecordTask", body)
	}
	require.Zero(t, w.tasks.Load())
}

func TestListingOfTasks(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Unix()
	want := map[string]bool{}
	for i := range 250 {
		want[w.task(`,"StartTime":%d,"EndTime":%d`, now+int64(i%7), now+100)] = true
	}
	w.task(`,"StartTime":%d,"EndTime":%d`, now, now+101)  // ends outside
	w.task(`,"StartTime":%d,"EndTime":%d`, now-1, now+50) // begins outside
	deleted := w.task(`,"EndTime":%d`, now+50)
	w.ok("DeleteRecordTask", `{"TaskId":"`+deleted+`"}`)
	w.ok("CreateRecordTask", fmt.Sprintf(`{"DomainName":"other.example.com","AppName":"a","StreamName":"z","EndTime":%d}`, now+50))

	window := fmt.Sprintf(`"StartTime":%d,"EndTime":%d`, now, now+100)
	token, pages := "", 0
	for {
		out := w.ok("DescribeRecordTask", `{`+window+`,"ScrollToken":"`+token+`","DomainName":"PUSH.example.com","AppName":"live","StreamName":"s"}`)
		pages++
		last := 0.
		for _, x := range out["TaskList"].([]any) {
			k := x.(map[string]any)
			require.True(t, want[k["TaskId"].(string)])
			delete(want, k["TaskId"].(string))
			require.GreaterOrEqual(t, k["StartTime"].(float64), last)
			last = k["StartTime"].(float64)
		}
		if token = out["ScrollToken"].(string); token == "" {
			break
		}
	}
	require.Empty(t, want)
	require.Equal(t, 3, pages)
	require.Len(t, w.ok("DescribeRecordTask", `{`+window+`,"StreamName":"z"}`)["TaskList"], 1)

	for _, rest := range []string{`"StartTime":5,"EndTime":4`, `"StartTime":4,"EndTime":4`,
		fmt.Sprintf(`"StartTime":%d,"EndTime":%d`, now, now+7*86400+1),
		fmt.Sprintf(`"StartTime":%d,"EndTime":%d`, now-91*86400, now-90*86400),
		`"StartTime":9223372036854775806,"EndTime":9223372036854775807`,
		window + `,"ScrollToken":"rubbish!"`, window + `,"ScrollToken":"eA"`, window + `,"ScrollToken":"LTEuYQ"`} {
		w.refused(codeInvalid, "DescribeRecordTask", `{`+rest+`}`)
	}
	w.refused(codeMissing, "DescribeRecordTask", `{"StartTime":5}`)
}

func TestTasksOfLongAgoAreForgotten(t *testing.T) {
	w := newWorld(t)
	old := w.task(`,"EndTime":%d`, w.clock.Unix()+10)
	w.clock = w.clock.Add(89 * 24 * time.Hour)
	w.task(`,"EndTime":%d`, w.clock.Unix()+10)
	_, err := state.TaskByID(context.Background(), w.db.Reader(), old)
	require.NoError(t, err)
	w.clock = w.clock.Add(2 * 24 * time.Hour)
	w.task(`,"EndTime":%d`, w.clock.Unix()+10)
	_, err = state.TaskByID(context.Background(), w.db.Reader(), old)
	require.ErrorIs(t, err, state.ErrNotFound)
}
