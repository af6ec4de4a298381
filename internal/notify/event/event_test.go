package event

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// realFile is a body of the original, anonymised (MP4 by a rule, no key).
const realFile = `{"app":"push.example.com","appid":1250000000,"appname":"live",
 "callback_ext":"{\"video_codec\":\"h264\",\"session_id\":\"1807121258070784645\",\"resolution\":\"1920x1080\"}",
 "channel_id":"0202","duration":56,"end_time":1770031273,"end_time_usec":880554,"event_type":100,
 "file_format":"mp4","file_id":"1250000000_d782d6455d5e42f78181e0e475e14cfc","file_size":43911385,
 "media_start_time":33,"record_bps":0,"record_file_id":"1250000000_d782d6455d5e42f78181e0e475e14cfc",
 "record_temp_id":"1622658","start_time":1770031217,"start_time_usec":650373,"stream_id":"0202",
 "stream_param":"txSecret=***&txTime=65A0","task_id":"1807121258070784645",
 "video_id":"1250000000_11554a2e8cbb4326a0fe858f9418f5eb",
 "video_url":"http://video-1250000000.cos.ap-nanjing.myqcloud.com/live/2026-02-02-19-20-17.mp4"}`

func facts() FileFacts {
	return FileFacts{
		Subject: Subject{Recording: 1807121258070784645, Domain: "push.example.com", App: "live", Stream: "0202",
			Bucket: "video-1250000000", Template: 1622658},
		File: 42, Format: "mp4", URL: "http://video-1250000000.cos.ap-nanjing.myqcloud.com/live/2026-02-02-19-20-17.mp4",
		Started: time.Unix(1770031217, 650373999), Ended: time.Unix(1770031273, 880554000),
		Duration: 56230 * time.Millisecond, Size: 43911385, Query: "txSecret=0123abcd&txTime=65A0",
		MediaStart: 33, VideoCodec: "h264", Width: 1920, Height: 1080,
	}
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var m map[string]any
	require.NoError(t, dec.Decode(&m))
	return m
}

func TestFileIsTheOriginalFieldByField(t *testing.T) {
	want, got := object(t, realFile), object(t, string(File(facts()).Body))
	for _, id := range []string{"file_id", "record_file_id", "video_id"} { // random in the original
		require.Regexp(t, `^1250000000_[0-9a-f]{32}$`, got[id])
		require.Regexp(t, `^1250000000_[0-9a-f]{32}$`, want[id])
	}
	require.Equal(t, got["file_id"], got["record_file_id"])
	require.NotEqual(t, got["file_id"], got["video_id"])
	for _, id := range []string{"file_id", "record_file_id", "video_id"} {
		delete(want, id)
		delete(got, id)
	}
	require.Equal(t, want, got)
	require.Contains(t, string(File(facts()).Body), `"stream_param":"txSecret=***&txTime=65A0"`, "& is not escaped")
}

func TestFileIsTheSameWhenTheStepRunsAgain(t *testing.T) {
	require.Equal(t, File(facts()), File(facts()))
	other := facts()
	other.File++
	require.NotEqual(t, File(facts()).ID, File(other).ID)
	require.NotEqual(t, object(t, string(File(facts()).Body))["file_id"], object(t, string(File(other).Body))["file_id"])
}

func TestFileOfATaskHasNoStreamParam(t *testing.T) {
	f := facts()
	f.TaskID, f.Bucket, f.VideoCodec, f.Width = "task-1", "", "", 0
	b := object(t, string(File(f).Body))
	require.NotContains(t, b, "stream_param")
	require.Equal(t, "task-1", b["task_id"])
	require.Equal(t, json.Number("0"), b["appid"])
	require.Regexp(t, `^0_[0-9a-f]{32}$`, b["file_id"])
	require.Equal(t, `{"session_id":"1807121258070784645"}`, b["callback_ext"])
	f.TaskID, f.Query = "", ""
	require.Equal(t, "", object(t, string(File(f).Body))["stream_param"])
}

func TestStatus(t *testing.T) {
	f := StatusFacts{Subject: facts().Subject, What: Paused, Format: "hls", Time: time.Unix(1770031217, 5)}
	require.Equal(t, object(t, `{"appid":1250000000,"appname":"live","domain":"push.example.com","event_time":1770031217,
		"event_type":332,"record_event":"record_paused","session_id":"1807121258070784645","stream_id":"0202",
		"record_detail":"{\"file_format\":2,\"record_bps\":0,\"start_model\":1,\"record_content\":1,\"source_type\":1,\"codec_temp_id\":0}"}`),
		object(t, string(Status(f).Body)))
	f.TaskID, f.Pulled = "task-1", true
	b := object(t, string(Status(f).Body))
	require.Equal(t, "task-1", b["task_id"])
	require.Contains(t, b["record_detail"], `"start_model":5,"record_content":1,"source_type":2`)
}

func TestAbnormal(t *testing.T) {
	e := Abnormal(AbnormalFacts{Subject: facts().Subject, Type: VideoJump, Level: Warning, Desc: "jumped by 3 s", Occurs: 7,
		Format: "hls", Time: time.Unix(1770031217, 5)})
	require.Equal(t, Warning, e.Level)
	require.Equal(t, object(t, `{"interface":"general_callback","event_type":341,"appid":1250000000,"domain":"push.example.com",
		"path":"live","stream_id":"0202","session_id":"1807121258070784645","file_format":"ts","timestamp":1770031217,
		"exception_level":"warning","exception":{"type":-9,"occurs":7,"desc":"jumped by 3 s"}}`), object(t, string(e.Body)))
}

func TestAppID(t *testing.T) {
	for in, want := range map[string]int64{"rec-1250000000": 1250000000, "a-b-7": 7, "": 0, "rec": 0, "rec-": 0, "rec-x": 0,
		"rec--5": 5, "rec-99999999999999999999": 0} {
		require.Equal(t, want, AppID(in), in)
	}
}
