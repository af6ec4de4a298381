package event

import (
	"strconv"
	"time"

	"github.com/live-recording/liverecord/internal/state"
)

// The values of exception.type that a recorder reports.
const (
	AudioJump         = -8   // audio timestamps jump
	VideoJump         = -9   // video timestamps jump
	AVApart           = -10  // audio and video far apart
	BadVideoTime      = -11  // video timestamps can't be right
	NoAudio           = -17  // announced, but none came
	NoVideo           = -18  // announced, but none came
	AudioFrozen       = -22  // audio timestamps stand still
	VideoFrozen       = -23  // video timestamps stand still
	BadAudioTime      = -24  // audio timestamps can't be right
	ParametersChanged = -100 // resolution or other parameters changed
	WriteFailed       = -104 // a file or an upload can't be written
	CodecChanged      = -120 // the file was cut because the codec changed
	VideoDropped      = -130 // video frames dropped
	AudioDropped      = -131 // audio frames dropped
	LongGOP           = -132 // distance of key frames
	UnevenAudio       = -200 // uneven audio timestamps
	UnevenVideo       = -201 // uneven video timestamps
)

// The values of exception_level.
const (
	Info    = "info"
	Warning = "warning"
	Severe  = "error"
)

// AbnormalFacts is what an abnormal event tells.
type AbnormalFacts struct {
	Subject
	Type   int    // AudioJump, …
	Level  string // Info, Warning, Severe
	Desc   string // for people; holds no secrets
	Occurs int    // how often since the last such event
	Format string // mp4, flv, hls, aac; empty if all are concerned
	Time   time.Time
}

type abnormalBody struct {
	AppID          int64         `json:"appid"`
	Domain         string        `json:"domain"`
	EventType      int           `json:"event_type"`
	Exception      exceptionBody `json:"exception"`
	ExceptionLevel string        `json:"exception_level"`
	FileFormat     string        `json:"file_format"`
	Interface      string        `json:"interface"`
	Path           string        `json:"path"`
	SessionID      string        `json:"session_id"`
	StreamID       string        `json:"stream_id"`
	Timestamp      int64         `json:"timestamp"`
}

type exceptionBody struct {
	Type   int    `json:"type"`
	Occurs int    `json:"occurs"`
	Desc   string `json:"desc"`
}

// Abnormal builds event 341.
func Abnormal(f AbnormalFacts) state.Event {
	format := f.Format
	if format == "hls" {
		format = "ts" // the original names the pieces
	}
	e := f.event(state.EventAbnormal, TypeAbnormal, abnormalBody{
		AppID: AppID(f.Bucket), Domain: f.Domain, EventType: TypeAbnormal, ExceptionLevel: f.Level, FileFormat: format,
		Exception: exceptionBody{Type: f.Type, Occurs: f.Occurs, Desc: f.Desc}, Interface: "general_callback",
		Path: f.App, SessionID: strconv.FormatInt(f.Recording, 10), StreamID: f.Stream, Timestamp: f.Time.Unix(),
	})
	e.Level = f.Level
	return e
}
