package config

import "time"

// The structs of this file are the schema of recording.yml: each exported field
// with a yaml tag is a key. Each defaults method fills in what stands for keys
// that the file does not name.

type rawFile struct {
	origin
	DefaultDomain text               `yaml:"defaultDomain"`
	Domains       texts              `yaml:"domains"`
	DefaultApp    text               `yaml:"defaultApp"`
	Timezone      text               `yaml:"timezone"`
	MaxRecordings number             `yaml:"maxRecordings"`
	State         text               `yaml:"state"`
	History       duration           `yaml:"history"`
	Spool         rawSpool           `yaml:"spool"`
	Stores        named[rawStore]    `yaml:"stores"`
	DefaultStore  text               `yaml:"defaultStore"`
	Templates     named[rawTemplate] `yaml:"templates"`
	Rules         list[rawRule]      `yaml:"rules"`
	Callbacks     list[rawCallback]  `yaml:"callbacks"`
	API           rawAPI             `yaml:"api"`
	Tasks         rawTasks           `yaml:"tasks"`
	Limits        rawLimits          `yaml:"limits"`
}

func (f *rawFile) defaults() {
	f.DefaultDomain.v = "default"
	f.DefaultApp.v = "live"
	f.Timezone.v = "UTC"
	f.State.v = "data/state.db"
	f.History.v = 90 * 24 * time.Hour
	f.Spool.Dir.v = "data/spool"
	f.Spool.MaxSize.v = 20 << 30
	f.Spool.MinFree.v = 1 << 30
	f.DefaultStore.v = "local"
	f.API.Address.v = "127.0.0.1:9995"
}

type rawSpool struct {
	origin
	Dir     text `yaml:"dir"`
	MaxSize size `yaml:"maxSize"`
	MinFree size `yaml:"minFree"`
}

type rawStore struct {
	origin
	Type text `yaml:"type"`

	// Keys of the other type are refused, see checkStoreKeys.
	Dir     text `yaml:"dir" store:"local"`
	BaseURL text `yaml:"baseURL" store:"local"`

	Bucket        text     `yaml:"bucket" store:"cos"`
	Region        text     `yaml:"region" store:"cos"`
	Endpoint      text     `yaml:"endpoint" store:"cos"`
	SecretID      secret   `yaml:"secretID" store:"cos"`
	SecretKey     secret   `yaml:"secretKey" store:"cos"`
	SecretKeyFile text     `yaml:"secretKeyFile" store:"cos"`
	SessionToken  secret   `yaml:"sessionToken" store:"cos"`
	StorageClass  text     `yaml:"storageClass" store:"cos"`
	PartSize      size     `yaml:"partSize" store:"cos"`
	Bandwidth     size     `yaml:"bandwidth" store:"cos"`
	Concurrency   number   `yaml:"concurrency" store:"cos"`
	Tags          labels   `yaml:"tags" store:"cos"`
	SignURL       duration `yaml:"signURL" store:"cos"`
}

func (s *rawStore) defaults() {
	s.StorageClass.v = "STANDARD"
	s.PartSize.v = 5 << 20
	s.Concurrency.v = 8
}

type rawTemplate struct {
	origin
	MP4 *rawMP4 `yaml:"mp4"`
	FLV *rawFLV `yaml:"flv"`
	HLS *rawHLS `yaml:"hls"`
	AAC *rawAAC `yaml:"aac"`
}

// rawFormat holds what every format takes.
type rawFormat struct {
	Interval duration `yaml:"interval"`
	Splice   duration `yaml:"splice"`
	Store    text     `yaml:"store"`
	Path     text     `yaml:"path"`
	Keep     duration `yaml:"keep"`
}

type rawMP4 struct {
	origin
	rawFormat `yaml:",inline"`
	FastStart flag `yaml:"fastStart"`
}

type rawFLV struct {
	origin
	rawFormat `yaml:",inline"`
}

type rawHLS struct {
	origin
	rawFormat `yaml:",inline"`
	Segment   duration `yaml:"segment"`
	Container text     `yaml:"container"`
	Live      flag     `yaml:"live"`
}

type rawAAC struct {
	origin
	rawFormat `yaml:",inline"`
}

func (f *rawMP4) defaults() { f.Interval.v, f.FastStart.v = 30*time.Minute, true }
func (f *rawFLV) defaults() { f.Interval.v = 30 * time.Minute }
func (f *rawAAC) defaults() { f.Interval.v = 30 * time.Minute }

func (f *rawHLS) defaults() {
	f.Interval.v = 12 * time.Hour
	f.Segment.v = 10 * time.Second
	f.Container.v = "auto"
	f.Live.v = true
}

type rawRule struct {
	origin
	Domain   text `yaml:"domain"`
	App      text `yaml:"app"`
	Stream   text `yaml:"stream"`
	Template text `yaml:"template"`
}

type rawCallback struct {
	origin
	URL    text    `yaml:"url"`
	Key    secret  `yaml:"key"`
	Keys   secrets `yaml:"keys"`
	Events texts   `yaml:"events"`
	Domain text    `yaml:"domain"`
	App    text    `yaml:"app"`
	CAFile text    `yaml:"caFile"`
}

func (c *rawCallback) defaults() { c.Events.items = []text{{v: "file"}} }

type rawAPI struct {
	origin
	Address     text                `yaml:"address"`
	TLS         rawTLS              `yaml:"tls"`
	Insecure    flag                `yaml:"insecure"`
	Credentials list[rawCredential] `yaml:"credentials"`
}

type rawTLS struct {
	origin
	Cert text `yaml:"cert"`
	Key  text `yaml:"key"`
}

type rawCredential struct {
	origin
	SecretID  secret `yaml:"secretID"`
	SecretKey secret `yaml:"secretKey"`
}

type rawTasks struct {
	origin
	DefaultTemplate text `yaml:"defaultTemplate"`
}

type rawLimits struct {
	origin
	Templates number `yaml:"templates"`
	Rules     number `yaml:"rules"`
}
