package api

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/live-recording/liverecord/config"
	"github.com/live-recording/liverecord/config/keytemplate"
)

// recordParam is one format of a template (reference §1.14). In what is stored
// and shown no field is nil.
type recordParam struct {
	Enable          *int64
	RecordInterval  *int64 // s
	StorageTime     *int64 // s, 0 = for ever
	VodSubAppId     *int64
	VodFileName     *string
	Procedure       *string
	StorageMode     *string
	ClassId         *int64
	CosBucketName   *string
	CosBucketRegion *string
	CosBucketPath   *string
}

const (
	defaultInterval = 1800
	minInterval     = 30
	maxInterval     = 43200
	maxStorage      = 129_600_000
	maxSplice       = 1800
)

// filled returns a copy with every default written out.
func (p *recordParam) filled() *recordParam {
	if p == nil {
		p = &recordParam{}
	}
	zero, empty := int64(0), ""
	interval, normal := int64(defaultInterval), "normal"
	out := &recordParam{
		Enable: cmp.Or(p.Enable, &zero), RecordInterval: cmp.Or(p.RecordInterval, &interval), StorageTime: cmp.Or(p.StorageTime, &zero),
		VodSubAppId: cmp.Or(p.VodSubAppId, &zero), VodFileName: cmp.Or(p.VodFileName, &empty), Procedure: cmp.Or(p.Procedure, &empty),
		StorageMode: cmp.Or(p.StorageMode, &normal), ClassId: cmp.Or(p.ClassId, &zero), CosBucketName: cmp.Or(p.CosBucketName, &empty),
		CosBucketRegion: cmp.Or(p.CosBucketRegion, &empty), CosBucketPath: cmp.Or(p.CosBucketPath, &empty),
	}
	if *out.RecordInterval == 0 {
		out.RecordInterval = &interval
	}
	if *out.StorageMode == "" {
		out.StorageMode = &normal
	}
	return out
}

func (p *recordParam) enabled() bool { return p != nil && p.Enable != nil && *p.Enable == 1 }

// check tells what is wrong with a format; p is filled.
func (p *recordParam) check(name string, f config.FormatName, cos bool, c *config.Config) error {
	if err := inRange(name+".Enable", *p.Enable, 0, 1); err != nil {
		return err
	}
	for field, s := range map[string]*string{"VodFileName": p.VodFileName, "Procedure": p.Procedure, "StorageMode": p.StorageMode,
		"CosBucketName": p.CosBucketName, "CosBucketRegion": p.CosBucketRegion, "CosBucketPath": p.CosBucketPath} {
		if err := checkText(name+"."+field, *s, maxText); err != nil {
			return err
		}
	}
	if !p.enabled() {
		return nil
	}
	if err := cmp.Or(
		inRange(name+".RecordInterval", *p.RecordInterval, minInterval, maxInterval),
		inRange(name+".StorageTime", *p.StorageTime, 0, maxStorage)); err != nil {
		return err
	}
	if *p.StorageMode != "normal" && *p.StorageMode != "cold" {
		return Errorf(codeInvalidValue, "%s.StorageMode must be normal or cold.", name)
	}
	return p.checkCOS(name, f, cos, c)
}

// checkCOS checks where the files of an enabled format go.
func (p *recordParam) checkCOS(name string, f config.FormatName, cos bool, c *config.Config) error {
	if cos && *p.CosBucketName == "" {
		return Errorf(codeBucketNotExist, "%s.CosBucketName is empty, but CosStore is 1: name the bucket of a store of recording.yml, without appid.", name)
	}
	if _, ok := findStore(c, *p.CosBucketName, *p.CosBucketRegion); !ok && *p.CosBucketName != "" {
		return Errorf(codeBucketNotExist, "%s: no store in recording.yml has bucket %q (without appid) and region %q.", name, clip(*p.CosBucketName), clip(*p.CosBucketRegion))
	}
	if *p.CosBucketPath == "" {
		return nil
	}
	if faults := keytemplate.Check(*p.CosBucketPath, f == config.HLS); len(faults) > 0 {
		return Errorf(codeCOSFileName, "%s.CosBucketPath %s.", name, faults[0].Error())
	}
	return nil
}

// format turns an enabled format into what is recorded. Without CosStore files
// go to the default store, and the COS fields are only kept.
func (p *recordParam) format(name config.FormatName, cos bool, c *config.Config) (f config.Format, warning string) {
	f = config.Format{Name: name, Interval: time.Duration(*p.RecordInterval) * time.Second,
		Keep: time.Duration(*p.StorageTime) * time.Second, Store: c.DefaultStore, Path: config.DefaultPath}
	switch name {
	case config.MP4:
		f.FastStart = true
	case config.HLS: // one playlist, as in the original
		f.Interval, f.Segment, f.Container, f.Live = 0, 10*time.Second, "auto", true
	}
	if !cos {
		return f, ""
	}
	if path := strings.TrimPrefix(*p.CosBucketPath, "/"); path != "" {
		f.Path = path
	}
	store, ok := findStore(c, *p.CosBucketName, *p.CosBucketRegion)
	if !ok {
		return f, fmt.Sprintf("%s: no store has bucket %q any more; files go to %s", name, *p.CosBucketName, c.DefaultStore)
	}
	f.Store = store
	return f, ""
}

// paramOf shows a format of recording.yml.
func paramOf(f config.Format, c *config.Config) *recordParam {
	one, interval, storage := int64(1), int64(f.Interval/time.Second), int64(f.Keep/time.Second)
	p := &recordParam{Enable: &one, StorageTime: &storage}
	s := c.Stores[f.Store]
	path := "/" + f.Path
	p.CosBucketPath = &path
	if s.Type == "cos" {
		bucket, region := bucketOf(s)
		bucket = withoutAppID(bucket)
		p.CosBucketName, p.CosBucketRegion = &bucket, &region
	}
	p = p.filled()
	p.RecordInterval = &interval // 0 is a value here: never cut
	return p
}

// findStore returns the name of the COS store with a bucket, named with or
// without appid, in a region (empty = any). Of several the default store is
// taken, else the first by name.
func findStore(c *config.Config, bucket, region string) (name string, ok bool) {
	names := slices.Sorted(maps.Keys(c.Stores))
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[a == c.DefaultStore], map[bool]int{true: 0, false: 1}[b == c.DefaultStore])
	})
	for _, n := range names {
		s := c.Stores[n]
		if s.Type != "cos" || bucket == "" {
			continue
		}
		have, where := bucketOf(s)
		if (bucket == have || bucket == withoutAppID(have)) && (region == "" || where == "" || region == where) {
			return n, true
		}
	}
	return "", false
}

// bucketOf returns bucket and region of a store, from its endpoint if need be:
// https://rec-1250000000.cos.ap-guangzhou.myqcloud.com, or …/rec-1250000000. A
// store whose endpoint names no bucket goes by its own name.
func bucketOf(s config.Store) (bucket, region string) {
	if s.Bucket != "" {
		return s.Bucket, s.Region
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return s.Name, s.Region
	}
	labels := strings.Split(u.Hostname(), ".")
	region = s.Region
	if region == "" && len(labels) > 3 && labels[1] == "cos" && labels[2] != "accelerate" {
		region = labels[2]
	}
	for _, candidate := range []string{labels[0], u.Path[strings.LastIndex(u.Path, "/")+1:]} {
		if withoutAppID(candidate) != candidate {
			return candidate, region
		}
	}
	return s.Name, region
}

// withoutAppID cuts "-1250000000" off a bucket's name.
func withoutAppID(bucket string) string {
	i := strings.LastIndexByte(bucket, '-')
	if i < 1 || len(bucket)-i < 6 || strings.Trim(bucket[i+1:], "0123456789") != "" {
		return bucket
	}
	return bucket[:i]
}
