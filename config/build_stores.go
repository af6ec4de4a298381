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

	"github.com/live-recording/liverecord/config/strictyaml"
)

var nameForm = regexp.MustCompile(`^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$`)

// name checks a name that the operator gave to a store or a template.
func (d *document) name(s strictyaml.Spot, name string) {
	if !nameForm.MatchString(name) {
		d.Fail(s, fmt.Sprintf("%.70q is not a name", name), "Write letters, digits, _, - and ., at most 64")
	}
}

// stores returns the stores by name. Without any in the file there is one, local.
func (d *document) stores(r *rawFile, api API) map[string]Store {
	if !r.Stores.Set {
		return map[string]Store{"local": {Name: "local", Type: "local", Dir: "data/recordings", BaseURL: recordingsURL(api)}}
	}
	all := map[string]Store{}
	for i := range r.Stores.Items {
		e := &r.Stores.Items[i]
		d.name(e.Spot, e.Name)
		if e.Value.Bad {
			continue
		}
		s := &e.Value
		switch {
		case s.Type.Bad:
		case !s.Type.Set:
			d.Missing(&s.Origin, "type", "Write type: local (a folder) or type: cos (Tencent COS)")
		case s.Type.Value == "local":
			d.local(s)
		case s.Type.Value == "cos":
			d.cos(s)
		default:
			d.Fail(s.Type.Spot, s.Type.Shown()+" is not a type of store", "Write local (a folder) or cos (Tencent COS)")
			s.Type.Bad = true
		}
		store := s.store(e.Name)
		if store.Type == "local" && !s.BaseURL.Set {
			store.BaseURL = recordingsURL(api)
		}
		all[e.Name] = store
	}
	return all
}

// store copies what was decoded.
func (s *rawStore) store(name string) Store {
	if s.Type.Value == "local" {
		return Store{Name: name, Type: "local", Dir: s.Dir.Value, BaseURL: strings.TrimRight(s.BaseURL.Value, "/")}
	}
	tags := map[string]string{}
	for _, t := range s.Tags.Items {
		tags[t.Name] = t.Value.Value
	}
	return Store{
		Name: name, Type: s.Type.Value,
		Bucket: s.Bucket.Value, Region: s.Region.Value, Endpoint: strings.TrimRight(s.Endpoint.Value, "/"),
		SecretID: s.SecretID.Value, SecretKey: s.SecretKey.Value, SecretKeyFile: s.SecretKeyFile.Value, SessionToken: s.SessionToken.Value,
		StorageClass: s.StorageClass.Value, PartSize: s.PartSize.Value, Bandwidth: s.Bandwidth.Value,
		Concurrency: s.Concurrency.Value, Tags: tags, SignURL: s.SignURL.Value,
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
func (d *document) checkStoreKeys(s *rawStore) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		other := v.Type().Field(i).Tag.Get("store")
		if other == "" || other == s.Type.Value {
			continue
		}
		if o := strictyaml.OriginOf(v.Field(i).Addr().Interface()); o.Set {
			d.Fail(o.Spot, "belongs to a store of type "+other, fmt.Sprintf("Remove it, or write type: %s", other))
		}
	}
}

func (d *document) local(s *rawStore) {
	d.checkStoreKeys(s)
	if !s.Dir.Set {
		d.Missing(&s.Origin, "dir", "Write dir: and a folder, such as data/recordings")
	} else {
		d.required(&s.Dir.Origin, s.Dir.Value, "Write a folder, such as data/recordings")
	}
	d.webURL(&s.BaseURL, "such as http://127.0.0.1:9995/recordings")
}

// webURL checks the URL of a server; empty is fine.
func (d *document) webURL(t *strictyaml.Text, example string) {
	if t.Bad || t.Value == "" {
		return
	}
	u, err := url.Parse(t.Value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !goodPort(u.Port()):
		d.Fail(t.Spot, t.Shown()+" is not an http or https URL", "Write a whole URL, "+example)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(t.Value, "#"):
		d.Fail(t.Spot, "holds a user, a query or a fragment, which do not belong there", "Write scheme, host and path only, "+example)
	default:
		return
	}
	t.Bad = true
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

func (d *document) cos(s *rawStore) {
	d.checkStoreKeys(s)
	d.webURL(&s.Endpoint, "such as https://rec-1250000000.cos.ap-guangzhou.myqcloud.com")
	d.bucket(s)
	d.cosCredentials(s)
	if c := &s.StorageClass; c.Bad {
	} else if !classForm.MatchString(c.Value) {
		d.Fail(c.Spot, c.Shown()+" is not a storage class", "Write one of "+strings.Join(knownClasses, ", "))
	} else if !slices.Contains(knownClasses, c.Value) {
		d.Warn(c.Spot, c.Shown()+" is a storage class that we do not know", "Check it; known are "+strings.Join(knownClasses, ", "))
	}
	if p := &s.PartSize; !p.Bad && (p.Value < 1<<20 || p.Value > 5<<30) {
		d.Fail(p.Spot, p.Shown()+" is out of range", "Write 1MB to 5GB; COS takes no other part sizes")
	}
	if n := &s.Concurrency; !n.Bad && (n.Value < 1 || n.Value > 256) {
		d.Fail(n.Spot, n.Shown()+" is out of range", "Write 1 to 256")
	}
	d.tags(&s.Tags)
}

func (d *document) bucket(s *rawStore) {
	hasEndpoint := s.Endpoint.Value != "" || s.Endpoint.Bad
	switch {
	case s.Bucket.Value != "" && !s.Bucket.Bad && !hasEndpoint && !bucketForm.MatchString(s.Bucket.Value):
		d.Fail(s.Bucket.Spot, s.Bucket.Shown()+" is not a bucket name with its appid", "Write name-appid as the COS console shows it, such as rec-1250000000")
	case s.Bucket.Value == "" && !s.Bucket.Bad && !hasEndpoint:
		d.Missing(&s.Origin, "bucket", "Write bucket: and its name with appid, such as rec-1250000000, or endpoint: and a bucket URL")
	}
	switch {
	case s.Region.Value != "" && !s.Region.Bad && !regionForm.MatchString(s.Region.Value):
		d.Fail(s.Region.Spot, s.Region.Shown()+" is not a region", "Write it as the COS console shows it, such as ap-guangzhou")
	case s.Region.Value == "" && !s.Region.Bad && !hasEndpoint:
		d.Missing(&s.Origin, "region", "Write region: such as ap-guangzhou, or endpoint: and a bucket URL")
	}
}

// cosCredentials wants either a pair, or a file that holds the pair or its key.
func (d *document) cosCredentials(s *rawStore) {
	if s.SecretID.Bad || s.SecretKey.Bad || s.SecretKeyFile.Bad {
		return
	}
	id, key, file := s.SecretID.Value != "", s.SecretKey.Value != "", s.SecretKeyFile.Value != ""
	switch {
	case file && key:
		d.Fail(s.SecretKeyFile.Spot, "is given in addition to secretKey", "Keep one of the two")
	case file: // it holds the pair, or the key that belongs to secretID
	case id && !key:
		d.Missing(&s.Origin, "secretKey", "Write secretKey: ${NAME} and set that variable for the server")
	case key && !id:
		d.Missing(&s.Origin, "secretID", "Write secretID: ${NAME} and set that variable for the server")
	case !id && !key:
		d.Missing(&s.Origin, "secretID", "Write secretID and secretKey, or secretKeyFile")
	}
}

// tags checks the limits of COS object tags.
func (d *document) tags(l *strictyaml.Map[strictyaml.Text]) {
	if len(l.Items) > 9 {
		d.Fail(l.Spot, fmt.Sprintf("holds %d tags", len(l.Items)), "COS takes ten for an object, and keep needs one: write at most nine")
	}
	for i := range l.Items {
		t := &l.Items[i]
		if !tagForm.MatchString(t.Name) || len(t.Name) > 128 || t.Name == "" {
			d.Fail(t.Spot, "is not a tag name that COS takes", "Write at most 128 of letters, digits, space and + - = . _ : /")
		}
		if v := &t.Value; !v.Bad && (!tagForm.MatchString(v.Value) || len(v.Value) > 256) {
			d.Fail(v.Spot, v.Shown()+" is not a tag value that COS takes", "Write at most 256 of letters, digits, space and + - = . _ : /")
		}
	}
}

var tagForm = regexp.MustCompile(`^[A-Za-z0-9 +=._:/-]*$`)
