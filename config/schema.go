package config

import (
	"time"

	"github.com/live-recording/liverecord/config/strictyaml"
)

// The structs of this file are the schema of recording.yml: each exported field
// with a yaml tag is a key. Each Defaults method fills in the values of keys
// that the file does not name.

type rawFile struct {
	strictyaml.Origin
	DefaultDomain strictyaml.Text                  `yaml:"defaultDomain"`
	Domains       strictyaml.List[strictyaml.Text] `yaml:"domains"`
	DefaultApp    strictyaml.Text                  `yaml:"defaultApp"`
	Timezone      strictyaml.Text                  `yaml:"timezone"`
	MaxRecordings strictyaml.Number                `yaml:"maxRecordings"`
	Memory        strictyaml.Size                  `yaml:"memory"`
	State         strictyaml.Text                  `yaml:"state"`
	History       strictyaml.Duration              `yaml:"history"`
	Spool         rawSpool                         `yaml:"spool"`
	Stores        strictyaml.Map[rawStore]         `yaml:"stores"`
	DefaultStore  strictyaml.Text                  `yaml:"defaultStore"`
	Templates     strictyaml.Map[rawTemplate]      `yaml:"templates"`
	Rules         strictyaml.List[rawRule]         `yaml:"rules"`
	Callbacks     strictyaml.List[rawCallback]     `yaml:"callbacks"`
	API           rawAPI                           `yaml:"api"`
	Tasks         rawTasks                         `yaml:"tasks"`
	Limits        rawLimits                        `yaml:"limits"`
}

func (f *rawFile) Defaults() {
	f.DefaultDomain.Value = "default"
	f.DefaultApp.Value = "live"
	f.Timezone.Value = "UTC"
	f.State.Value = "data/state.db"
	f.History.Value = 90 * 24 * time.Hour
	f.Spool.Dir.Value = "data/spool"
	f.Spool.MaxSize.Value = 20 << 30
	f.Spool.MinFree.Value = 1 << 30
	f.DefaultStore.Value = "local"
	f.API.Address.Value = "127.0.0.1:9995"
}

type rawSpool struct {
	strictyaml.Origin
	Dir     strictyaml.Text `yaml:"dir"`
	MaxSize strictyaml.Size `yaml:"maxSize"`
	MinFree strictyaml.Size `yaml:"minFree"`
}

type rawStore struct {
	strictyaml.Origin
	Type strictyaml.Text `yaml:"type"`

	// Keys of the other type are refused, see checkStoreKeys.
	Dir     strictyaml.Text `yaml:"dir" store:"local"`
	BaseURL strictyaml.Text `yaml:"baseURL" store:"local"`

	Bucket        strictyaml.Text                 `yaml:"bucket" store:"cos"`
	Region        strictyaml.Text                 `yaml:"region" store:"cos"`
	Endpoint      strictyaml.Text                 `yaml:"endpoint" store:"cos"`
	SecretID      strictyaml.Secret               `yaml:"secretID" store:"cos"`
	SecretKey     strictyaml.Secret               `yaml:"secretKey" store:"cos"`
	SecretKeyFile strictyaml.Text                 `yaml:"secretKeyFile" store:"cos"`
	SessionToken  strictyaml.Secret               `yaml:"sessionToken" store:"cos"`
	StorageClass  strictyaml.Text                 `yaml:"storageClass" store:"cos"`
	PartSize      strictyaml.Size                 `yaml:"partSize" store:"cos"`
	Bandwidth     strictyaml.Size                 `yaml:"bandwidth" store:"cos"`
	Concurrency   strictyaml.Number               `yaml:"concurrency" store:"cos"`
	Tags          strictyaml.Map[strictyaml.Text] `yaml:"tags" store:"cos"`
	SignURL       strictyaml.Duration             `yaml:"signURL" store:"cos"`
}

func (s *rawStore) Defaults() {
	s.StorageClass.Value = "STANDARD"
	s.PartSize.Value = 5 << 20
	s.Concurrency.Value = 8
}

type rawTemplate struct {
	strictyaml.Origin
	MP4 *rawMP4 `yaml:"mp4"`
	FLV *rawFLV `yaml:"flv"`
	HLS *rawHLS `yaml:"hls"`
	AAC *rawAAC `yaml:"aac"`
}

// rawFormat holds what every format takes.
type rawFormat struct {
	Interval strictyaml.Duration `yaml:"interval"`
	Splice   strictyaml.Duration `yaml:"splice"`
	Store    strictyaml.Text     `yaml:"store"`
	Path     strictyaml.Text     `yaml:"path"`
	Keep     strictyaml.Duration `yaml:"keep"`
}

type rawMP4 struct {
	strictyaml.Origin
	rawFormat `yaml:",inline"`
	FastStart strictyaml.Flag `yaml:"fastStart"`
}

type rawFLV struct {
	strictyaml.Origin
	rawFormat `yaml:",inline"`
}

type rawHLS struct {
	strictyaml.Origin
	rawFormat `yaml:",inline"`
	Segment   strictyaml.Duration `yaml:"segment"`
	Container strictyaml.Text     `yaml:"container"`
	Live      strictyaml.Flag     `yaml:"live"`
}

type rawAAC struct {
	strictyaml.Origin
	rawFormat `yaml:",inline"`
}

func (f *rawMP4) Defaults() { f.Interval.Value, f.FastStart.Value = 30*time.Minute, true }
func (f *rawFLV) Defaults() { f.Interval.Value = 30 * time.Minute }
func (f *rawAAC) Defaults() { f.Interval.Value = 30 * time.Minute }

func (f *rawHLS) Defaults() {
	f.Interval.Value = 12 * time.Hour
	f.Segment.Value = 10 * time.Second
	f.Container.Value = "auto"
	f.Live.Value = true
}

type rawRule struct {
	strictyaml.Origin
	Domain   strictyaml.Text `yaml:"domain"`
	App      strictyaml.Text `yaml:"app"`
	Stream   strictyaml.Text `yaml:"stream"`
	Template strictyaml.Text `yaml:"template"`
}

type rawCallback struct {
	strictyaml.Origin
	URL    strictyaml.Text                    `yaml:"url"`
	Key    strictyaml.Secret                  `yaml:"key"`
	Keys   strictyaml.List[strictyaml.Secret] `yaml:"keys"`
	Events strictyaml.List[strictyaml.Text]   `yaml:"events"`
	Domain strictyaml.Text                    `yaml:"domain"`
	App    strictyaml.Text                    `yaml:"app"`
	CAFile strictyaml.Text                    `yaml:"caFile"`
}

func (c *rawCallback) Defaults() { c.Events.Items = []strictyaml.Text{{Value: "file"}} }

type rawAPI struct {
	strictyaml.Origin
	Address     strictyaml.Text                `yaml:"address"`
	TLS         rawTLS                         `yaml:"tls"`
	Insecure    strictyaml.Flag                `yaml:"insecure"`
	Credentials strictyaml.List[rawCredential] `yaml:"credentials"`
}

type rawTLS struct {
	strictyaml.Origin
	Cert strictyaml.Text `yaml:"cert"`
	Key  strictyaml.Text `yaml:"key"`
}

type rawCredential struct {
	strictyaml.Origin
	SecretID  strictyaml.Secret `yaml:"secretID"`
	SecretKey strictyaml.Secret `yaml:"secretKey"`
}

type rawTasks struct {
	strictyaml.Origin
	DefaultTemplate strictyaml.Text `yaml:"defaultTemplate"`
}

type rawLimits struct {
	strictyaml.Origin
	Templates strictyaml.Number `yaml:"templates"`
	Rules     strictyaml.Number `yaml:"rules"`
}
