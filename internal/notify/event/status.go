package event

import (
	"strconv"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// The values of record_event.
const (
	StartSucceeded = "record_start_succeeded"
	StartFailed    = "record_start_failed"
	Paused         = "record_paused"  // the publisher is gone; the splice window is open
	Resumed        = "record_resumed" // it came back in time
	Error          = "record_error"
	Ended          = "record_ended"
)

// StatusFacts is what a status event tells.
type StatusFacts struct {
	Subject
	What   string // StartSucceeded, …
	Format string // mp4, flv, hls, aac; empty if it is about the whole recording
	Pulled bool   // the server pulls the stream from elsewhere
	Time   time.Time
}

type statusBody struct {
	AppID        int64  `json:"appid"`
	AppName      string `json:"appname"`
	Domain       string `json:"domain"`
	EventTime    int64  `json:"event_time"`
	EventType    int    `json:"event_type"`
	RecordDetail string `json:"record_detail"`
	RecordEvent  string `json:"record_event"`
	SessionID    string `json:"session_id"`
	StreamID     string `json:"stream_id"`
	TaskID       string `json:"task_id,omitempty"` // tasks only
}

type recordDetail struct {
	FileFormat    int   `json:"file_format"`
	RecordBPS     int   `json:"record_bps"`
	StartModel    int   `json:"start_model"`
	RecordContent int   `json:"record_content"`
	SourceType    int   `json:"source_type"`
	CodecTempID   int64 `json:"codec_temp_id"`
}

// formatCodes are the values of file_format in record_detail; 5 is MP3.
var formatCodes = map[string]int{"flv": 1, "hls": 2, "mp4": 3, "aac": 4}

// Status builds event 332.
func Status(f StatusFacts) state.Event {
	d := recordDetail{FileFormat: formatCodes[f.Format], StartModel: 1, RecordContent: 1, SourceType: 1}
	if f.TaskID != "" {
		d.StartModel = 5
	}
	if f.Pulled {
		d.SourceType = 2
	}
	return f.event(state.EventStatus, TypeStatus, statusBody{
		AppID: AppID(f.Bucket), AppName: f.App, Domain: f.Domain, EventTime: f.Time.Unix(), EventType: TypeStatus,
		RecordDetail: text(d), RecordEvent: f.What, SessionID: strconv.FormatInt(f.Recording, 10),
		StreamID: f.Stream, TaskID: f.TaskID,
	})
}
