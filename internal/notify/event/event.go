// Package event builds the bodies of notifications from plain facts.
//
// The bodies are those of Tencent Cloud Live's recording callbacks, field by
// field and type by type: File (event_type 100), Status (332) and Abnormal
// (341). They hold neither sign nor t, which package notify stamps at each
// attempt, and Status lacks seq, which notify adds when it stores the event.
// record_detail and callback_ext are JSON in a string, as in the original.
//
// The package is a leaf: it knows no recorder, no upload and no endpoint, and
// anyone may use it.
package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/live-recording/liverecord/internal/mask"
	"github.com/live-recording/liverecord/internal/state"
)

// The event types, as in the field event_type.
const (
	TypeFile     = 100
	TypeStatus   = 332
	TypeAbnormal = 341
)

// Subject says which recording of which stream an event is about.
type Subject struct {
	Recording int64 // RecordId, 0 if there is none
	Domain    string
	App       string
	Stream    string
	TaskID    string // empty if a rule made the recording
	Bucket    string // of the store, with appid; empty for a local store
	Template  int64  // template id
}

// AppID is the number after the last '-' of a bucket's name, else 0.
func AppID(bucket string) int64 {
	_, tail, ok := cutLast(bucket, "-")
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(tail, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// FileFacts is what a file event tells.
type FileFacts struct {
	Subject
	File       int64  // id of the file, unique
	Format     string // mp4, flv, hls, aac
	URL        string // download address
	Started    time.Time
	Ended      time.Time
	Duration   time.Duration // media time
	Size       int64         // bytes; hls: of playlist and pieces
	Query      string        // of the push URL; is masked here again
	MediaStart int64         // first PTS of the publication, ms
	VideoCodec string        // h264, …; empty if there is no video
	Width      int
	Height     int
}

type fileBody struct {
	App            string  `json:"app"`
	AppID          int64   `json:"appid"`
	AppName        string  `json:"appname"`
	CallbackExt    string  `json:"callback_ext"`
	ChannelID      string  `json:"channel_id"`
	Duration       int64   `json:"duration"`
	EndTime        int64   `json:"end_time"`
	EndTimeUsec    int64   `json:"end_time_usec"`
	EventType      int     `json:"event_type"`
	FileFormat     string  `json:"file_format"`
	FileID         string  `json:"file_id"`
	FileSize       int64   `json:"file_size"`
	MediaStartTime int64   `json:"media_start_time"`
	RecordBPS      int     `json:"record_bps"`
	RecordFileID   string  `json:"record_file_id"`
	RecordTempID   string  `json:"record_temp_id"`
	StartTime      int64   `json:"start_time"`
	StartTimeUsec  int64   `json:"start_time_usec"`
	StreamID       string  `json:"stream_id"`
	StreamParam    *string `json:"stream_param,omitempty"` // not sent for tasks
	TaskID         string  `json:"task_id"`
	VideoID        string  `json:"video_id"`
	VideoURL       string  `json:"video_url"`
}

type callbackExt struct {
	VideoCodec string `json:"video_codec,omitempty"`
	SessionID  string `json:"session_id"`
	Resolution string `json:"resolution,omitempty"`
}

// File builds event 100. Its id follows from the file's, so that a file is told
// once however often the step that stores it runs.
func File(f FileFacts) state.Event {
	ext := callbackExt{VideoCodec: f.VideoCodec, SessionID: strconv.FormatInt(f.Recording, 10)}
	if f.Width > 0 && f.Height > 0 {
		ext.Resolution = fmt.Sprintf("%dx%d", f.Width, f.Height)
	}
	appid := AppID(f.Bucket)
	id := fmt.Sprintf("%d_%s", appid, derive("file", f.Recording, f.File))
	b := fileBody{
		App: f.Domain, AppID: appid, AppName: f.App, CallbackExt: text(ext), ChannelID: f.Stream,
		Duration: int64(f.Duration.Round(time.Second) / time.Second),
		EndTime:  f.Ended.Unix(), EndTimeUsec: usec(f.Ended), EventType: TypeFile, FileFormat: f.Format,
		FileID: id, FileSize: f.Size, MediaStartTime: f.MediaStart, RecordFileID: id,
		RecordTempID: strconv.FormatInt(f.Template, 10), StartTime: f.Started.Unix(), StartTimeUsec: usec(f.Started),
		StreamID: f.Stream, TaskID: f.TaskID, VideoURL: f.URL,
		VideoID: fmt.Sprintf("%d_%s", appid, derive("video", f.Recording, f.File)),
	}
	if f.TaskID == "" {
		b.TaskID = strconv.FormatInt(f.Recording, 10)
		param := mask.Query(f.Query)
		b.StreamParam = &param
	}
	e := f.event(state.EventFile, TypeFile, b)
	e.ID = derive("event", f.Recording, f.File)
	return e
}

// derive makes 32 hex digits out of a file's identity, the same each time.
func derive(what string, recording, file int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", what, recording, file))
	return hex.EncodeToString(sum[:16])
}

func usec(t time.Time) int64 { return int64(t.Nanosecond() / 1000) }

// event wraps a body.
func (s Subject) event(kind state.EventKind, typ int, body any) state.Event {
	return state.Event{Recording: s.Recording, Kind: kind, Type: typ, Domain: s.Domain, App: s.App, Stream: s.Stream,
		Body: []byte(text(body))}
}

// text is compact JSON with '&' as it is. The values are structs of numbers and
// strings, for which encoding cannot fail.
func text(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return strings.TrimSuffix(b.String(), "\n")
}
