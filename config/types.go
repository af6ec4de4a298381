package config

import (
	"time"

	"github.com/live-recording/liverecord/config/keytemplate"
)

// Config is recording.yml, decoded, validated and with defaults filled in.
// It is data: nothing here opens, dials or starts anything.
type Config struct {
	DefaultDomain string
	Domains       []string // lower case; the only ones publishers may claim; may hold '*'; empty = any
	DefaultApp    string
	Timezone      *time.Location
	MaxRecordings int   // 0 = no limit
	Memory        int64 // bytes of media held in memory; 0 = a quarter of the machine's

	State   string        // path of the SQLite file
	History time.Duration // how long finished recordings stay listed, 0 = for ever

	Spool Spool

	Stores       map[string]Store
	DefaultStore string

	Templates []Template // in the order of the file
	Rules     []Rule     // in the order of the file
	Callbacks []Callback

	API    API
	Tasks  Tasks
	Limits Limits

	// Warnings is what is valid but probably not meant, sorted by line.
	Warnings []Problem

	source [32]byte // SHA-256 of the file, for WatchFrom
}

// Spool says where and how much of what is not yet safe in a remote store lies.
type Spool struct {
	Dir     string
	MaxSize int64 // bytes
	MinFree int64 // bytes, of any disk that is written to
}

// Store is one place where finished files go.
type Store struct {
	Name string
	Type string // "local" or "cos"

	// local
	Dir     string
	BaseURL string

	// cos
	Bucket        string // with appid: rec-1250000000
	Region        string
	Endpoint      string // a whole bucket URL instead of bucket and region
	SecretID      string `json:"-"`
	SecretKey     string `json:"-"`
	SecretKeyFile string
	SessionToken  string `json:"-"`
	StorageClass  string
	PartSize      int64 // bytes
	Bandwidth     int64 // bytes per second, 0 = no limit
	Concurrency   int
	Tags          map[string]string
	SignURL       time.Duration
}

// FormatName is a format as templates name it.
type FormatName string

// The formats, in the order in which they are listed everywhere.
const (
	MP4 FormatName = "mp4"
	FLV FormatName = "flv"
	HLS FormatName = "hls"
	AAC FormatName = "aac"
)

// FormatNames lists all formats.
var FormatNames = []FormatName{MP4, FLV, HLS, AAC}

// Template says what to record. It may have no format at all: do not record.
type Template struct {
	Name    string
	Formats []Format // in the order of FormatNames
	Line    int      // in the file; 0 when made by the API
}

// Format is one format of a template with its parameters.
type Format struct {
	Name     FormatName
	Interval time.Duration // media time, 0 = never cut
	Splice   time.Duration
	Store    string        // name of a store; filled with the default store
	Path     string        // key template without leading slash; filled with DefaultPath
	Keep     time.Duration // 0 = for ever

	FastStart bool // mp4

	Segment   time.Duration // hls
	Container string        // hls: auto, ts, fmp4
	Live      bool          // hls
}

// DefaultPath is the key template of a format that names none (design §1.4).
const DefaultPath = keytemplate.Default

// Rule binds a template to streams. Empty = any. Values may hold '*'.
type Rule struct {
	Domain, App, Stream string
	Template            string
	Line                int // in the file; 0 when made by the API
}

// Callback is one HTTP endpoint that receives events.
type Callback struct {
	URL    string
	Keys   []string `json:"-"` // signing keys, newest first; may be empty
	Events []string // file, status, abnormal
	Domain string   // filters; empty = any
	App    string
	CAFile string
}

// API is the listener of the Tencent API, the console and the metrics.
type API struct {
	Address     string // "" = none
	TLSCert     string
	TLSKey      string
	Insecure    bool
	Credentials []Credential
}

// Credential is a pair that may call the API.
type Credential struct {
	SecretID  string `json:"-"`
	SecretKey string `json:"-"`
}

// Tasks holds defaults of record tasks.
type Tasks struct{ DefaultTemplate string }

// Limits bounds what the API may create; 0 = no limit.
type Limits struct{ Templates, Rules int }

// Template returns the template of that name.
func (c *Config) Template(name string) (Template, bool) {
	for _, t := range c.Templates {
		if t.Name == name {
			return t, true
		}
	}
	return Template{}, false
}
