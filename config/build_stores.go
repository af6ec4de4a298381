package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

var nameForm = regexp.MustCompile(`^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$`)

// name checks a name that the operator gave to a store or a template.
func (d *decoder) name(s spot, name string) {
	if !nameForm.MatchString(name) {
		d.fail(s, fmt.Sprintf("%.70q is not a name", name), "Write letters, digits, _, - and ., at most 64")
	}
}

// stores returns the stores by name. Without any in the file there is one, local.
func (d *decoder) stores(r *rawFile, api API) map[string]Store {
	if !r.Stores.set {
		return map[string]Store{"local": {Name: "local", Type: "local", Dir: "data/recordings", BaseURL: recordingsURL(api)}}
	}
	all := map[string]Store{}
	for i := range r.Stores.items {
		e := &r.Stores.items[i]
		d.name(e.spot, e.name)
		if e.v.bad {
			continue
		}
		s := &e.v
		switch {
		case s.Type.bad:
		case !s.Type.set:
			d.missing(&s.origin, "type", "Write type: local (a folder) or type: cos (Tencent COS)")
		case s.Type.v == "local":
			d.local(s)
		case s.Type.v == "cos":
			d.cos(s)
		default:
			d.fail(s.Type.spot, s.Type.shown()+" is not a type of store", "Write local (a folder) or cos (Tencent COS)")
			s.Type.bad = true
		}
		store := s.store(e.name)
		if store.Type == "local" && !s.BaseURL.set {
			store.BaseURL = recordingsURL(api)
		}
		all[e.name] = store
	}
	return all
}

// store copies what was decoded.
func (s *rawStore) store(name string) Store {
	if s.Type.v == "local" {
		return Store{Name: name, Type: "local", Dir: s.Dir.v, BaseURL: strings.TrimRight(s.BaseURL.v, "/")}
	}
	tags := map[string]string{}
	for _, t := range s.Tags.items {
		tags[t.name] = t.v.v
	}
	return Store{
		Name: name, Type: s.Type.v,
		Bucket: s.Bucket.v, Region: s.Region.v, Endpoint: strings.TrimRight(s.Endpoint.v, "/"),
		SecretID: s.SecretID.v, SecretKey: s.SecretKey.v, SecretKeyFile: s.SecretKeyFile.v, SessionToken: s.SessionToken.v,
		StorageClass: s.StorageClass.v, PartSize: s.PartSize.v, Bandwidth: s.Bandwidth.v,
		Concurrency: s.Concurrency.v, Tags: tags, SignURL: s.SignURL.v,
	}
}

// recordingsURL is where the API listener serves local stores.
func recordingsURL(a API) string {
	host, port, err := net.SplitHostPort(a.Address)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if a.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + "/recordings"
}

// checkStoreKeys reports keys that belong to another type of store.
func (d *decoder) checkStoreKeys(s *rawStore) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		other := v.Type().Field(i).Tag.Get("store")
		if other == "" || other == s.Type.v {
			continue
		}
		if o := v.Field(i).Addr().Interface().(placed).where(); o.set {
			d.fail(o.spot, "belongs to a store of type "+other, fmt.Sprintf("Remove it, or write type: %s", other))
		}
	}
}

func (d *decoder) local(s *rawStore) {
	d.checkStoreKeys(s)
	if !s.Dir.set {
		d.missing(&s.origin, "dir", "Write dir: and a folder, such as data/recordings")
	} else {
		d.required(&s.Dir.origin, s.Dir.v, "Write a folder, such as data/recordings")
	}
	d.webURL(&s.BaseURL, "such as http://127.0.0.1:9995/recordings")
}

// webURL checks the URL of a server; empty is fine.
func (d *decoder) webURL(t *text, example string) {
	if t.bad || t.v == "" {
		return
	}
	u, err := url.Parse(t.v)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !goodPort(u.Port()):
		d.fail(t.spot, t.shown()+" is not an http or https URL", "Write a whole URL, "+example)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(t.v, "#"):
		d.fail(t.spot, "holds a user, a query or a fragment, which do not belong there", "Write scheme, host and path only, "+example)
	default:
		return
	}
	t.bad = true
}

var (
	bucketForm   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?-[0-9]{8,}$`)
	regionForm   = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)
	classForm    = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)
	knownClasses = []string{
		"STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "COLD", "ARCHIVE", "DEEP_ARCHIVE",
		"MAZ_STANDARD", "MAZ_STANDARD_IA", "MAZ_INTELLIGENT_TIERING",
	}
)

func (d *decoder) cos(s *rawStore) {
	d.checkStoreKeys(s)
	d.webURL(&s.Endpoint, "such as https://rec-1250000000.cos.ap-guangzhou.myqcloud.com")
	d.bucket(s)
	d.cosCredentials(s)
	if c := &s.StorageClass; c.bad {
	} else if !classForm.MatchString(c.v) {
		d.fail(c.spot, c.shown()+" is not a storage class", "Write one of "+strings.Join(knownClasses, ", "))
	} else if !slices.Contains(knownClasses, c.v) {
		d.warn(c.spot, c.shown()+" is a storage class that we do not know", "Check it; known are "+strings.Join(knownClasses, ", "))
	}
	if p := &s.PartSize; !p.bad && (p.v < 1<<20 || p.v > 5<<30) {
		d.fail(p.spot, p.shown()+" is out of range", "Write 1MB to 5GB; COS takes no other part sizes")
	}
	if n := &s.Concurrency; !n.bad && (n.v < 1 || n.v > 256) {
		d.fail(n.spot, n.shown()+" is out of range", "Write 1 to 256")
	}
	d.tags(&s.Tags)
}

func (d *decoder) bucket(s *rawStore) {
	hasEndpoint := s.Endpoint.v != "" || s.Endpoint.bad
	switch {
	case s.Bucket.v != "" && !s.Bucket.bad && !hasEndpoint && !bucketForm.MatchString(s.Bucket.v):
		d.fail(s.Bucket.spot, s.Bucket.shown()+" is not a bucket name with its appid", "Write name-appid as the COS console shows it, such as rec-1250000000")
	case s.Bucket.v == "" && !s.Bucket.bad && !hasEndpoint:
		d.missing(&s.origin, "bucket", "Write bucket: and its name with appid, such as rec-1250000000, or endpoint: and a bucket URL")
	}
	switch {
	case s.Region.v != "" && !s.Region.bad && !regionForm.MatchString(s.Region.v):
		d.fail(s.Region.spot, s.Region.shown()+" is not a region", "Write it as the COS console shows it, such as ap-guangzhou")
	case s.Region.v == "" && !s.Region.bad && !hasEndpoint:
		d.missing(&s.origin, "region", "Write region: such as ap-guangzhou, or endpoint: and a bucket URL")
	}
}

// cosCredentials wants either a pair, or a file that holds the pair or its key.
func (d *decoder) cosCredentials(s *rawStore) {
	if s.SecretID.bad || s.SecretKey.bad || s.SecretKeyFile.bad {
		return
	}
	id, key, file := s.SecretID.v != "", s.SecretKey.v != "", s.SecretKeyFile.v != ""
	switch {
	case file && key:
		d.fail(s.SecretKeyFile.spot, "is given in addition to secretKey", "Keep one of the two")
	case file: // it holds the pair, or the key that belongs to secretID
	case id && !key:
		d.missing(&s.origin, "secretKey", "Write secretKey: ${NAME} and set that variable for the server")
	case key && !id:
		d.missing(&s.origin, "secretID", "Write secretID: ${NAME} and set that variable for the server")
	case !id && !key:
		d.missing(&s.origin, "secretID", "Write secretID and secretKey, or secretKeyFile")
	}
}

// tags checks the limits of COS object tags.
func (d *decoder) tags(l *labels) {
	if len(l.items) > 9 {
		d.fail(l.spot, fmt.Sprintf("holds %d tags", len(l.items)), "COS takes ten for an object, and keep needs one: write at most nine")
	}
	for i := range l.items {
		t := &l.items[i]
		if !tagForm.MatchString(t.name) || len(t.name) > 128 || t.name == "" {
			d.fail(t.spot, "is not a tag name that COS takes", "Write at most 128 of letters, digits, space and + - = . _ : /")
		}
		if v := &t.v; !v.bad && (!tagForm.MatchString(v.v) || len(v.v) > 256) {
			d.fail(v.spot, v.shown()+" is not a tag value that COS takes", "Write at most 256 of letters, digits, space and + - = . _ : /")
		}
	}
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9 +=._:/-]*$`)
